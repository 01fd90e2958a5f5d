#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Namespaces are independent, and end with everything in them.

A namespace has really ended once the interface at the other end of its cable is
gone.
"""
import errno
import os
import socket
import time

import lib
import lib_segment
from lib import scenario

TCP_LINGER2 = 8
SO_NETNS_COOKIE = 71


def cable_is_gone(far: lib.Namespace) -> bool:
    return "veth0" not in far.read("/proc/net/dev")


def wait_for_the_end(far: lib.Namespace) -> None:
    lib.wait_until("the namespace to end", lambda: cable_is_gone(far))


def ends_soon(sock: socket.socket) -> None:
    """Limits how long an orphan waits for its peer."""
    sock.setsockopt(socket.SOL_TCP, lib.TCP_USER_TIMEOUT, 1000)
    sock.setsockopt(socket.SOL_TCP, TCP_LINGER2, 1)


@scenario()
def same_addresses_twice(case):
    """Two pairs of hosts use the same addresses and ports."""
    pairs = [case.pair_of_hosts() for _ in range(2)]
    links = []
    for left, right in pairs:
        listener = right.listen()
        near = left.connect(("10.0.0.2", 7000), bind=("10.0.0.1", 40000))
        links.append((near, right.accept(listener)))
    for number, (near, far) in enumerate(links):
        near.sendall(b"%d" % number * 5)
        assert lib.receive(far, 5) == b"%d" % number * 5
    for left, right in pairs:
        assert left.states() == right.states() == ["ESTABLISHED"]
    lib.reset(links[0][0])
    pairs[0][1].wait_states()
    assert pairs[1][1].states() == ["ESTABLISHED"]


@scenario()
def listener_is_for_its_own_namespace(case):
    one, other = case.namespace(), case.namespace()
    one.listen(("127.0.0.1", 7000))
    one.connect(("127.0.0.1", 7000))
    try:
        other.connect(("127.0.0.1", 7000))
    except ConnectionRefusedError:
        return
    raise AssertionError("reached a listener in another namespace")


def isns(end: lib.Namespace) -> list[int]:
    """Of connections with the same four-tuples in each namespace."""
    end.sysctl("net.toytcp.events", 1)
    end.listen(("127.0.0.1", 7000))
    for port in range(4000, 4004):
        end.connect(("127.0.0.1", 7000), ("127.0.0.1", port))
    return [int(event["seq"]) for event in end.events()[1]
            if (event["dir"], event["flags"]) == ("out", "SYN")]


@scenario(toytcp_only=True)
def isns_are_apart(case):
    """A user can make a namespace, with any address in it, and connect there:
    that tells nothing of the same four-tuple's ISN elsewhere, 4 us a number."""
    began = time.monotonic()
    one, other = (isns(case.namespace()) for _ in range(2))
    most = (time.monotonic() - began) * 250000
    close = [(b - a) % 2**32 < most for a, b in zip(one, other)]
    assert len(close) == 4 and not all(close), (one, other)


@scenario(toytcp_only=True)
def settings_and_counters_are_apart(case):
    one, other = case.namespace(), case.namespace()
    one.sysctl("net.toytcp.time_wait_ms", 1234)
    one.sysctl("net.toytcp.events", 1)
    one.listen(("127.0.0.1", 7000))
    one.connect(("127.0.0.1", 7000))
    assert other.read("/proc/sys/net/toytcp/time_wait_ms") == "60000\n"
    assert other.read("/proc/sys/net/toytcp/events") == "0\n"
    assert one.stats()["active_opens"] == 1
    assert not any(other.stats().values()), other.stats()
    assert len(one.listeners()) == 1 and not other.listeners()
    assert one.events()[1] and not other.events()[1]


def send_descriptor(sock: socket.socket) -> socket.socket:
    """Passes the socket on, as if from another process."""
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        socket.send_fds(left, [b"x"], [sock.fileno()])
        _, fds, _, _ = socket.recv_fds(right, 1, 1)
    received = socket.socket(fileno=fds[0])
    received.settimeout(lib.DEADLINE_S)
    return received


@scenario()
def socket_stays_where_it_was_made(case):
    """A connection accepted in another namespace stays in the listener's."""
    home, abroad = case.namespace(), case.namespace()
    listener = home.listen(("127.0.0.1", 7000))
    client = home.connect(("127.0.0.1", 7000))
    with abroad:
        travelled = send_descriptor(listener)
        child, _ = travelled.accept()
        child.settimeout(lib.DEADLINE_S)
        client.sendall(b"where are you?")
        assert lib.receive(child, 14) == b"where are you?"
        cookies = [sock.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
                   for sock in (listener, child, travelled)]
        assert len(set(cookies)) == 1, cookies
    assert home.states() == ["ESTABLISHED"] * 2
    assert abroad.states() == []
    child.close()
    travelled.close()


@scenario()
def open_sockets_keep_a_namespace(case):
    """In a namespace without name or process the connection still works."""
    left, right = case.pair_of_hosts()
    near, far = case.link(left, right)
    os.close(left.fd)
    left.fd = -1
    near.sendall(b"still here")
    assert lib.receive(far, 10) == b"still here"
    near.close()
    far.close()
    wait_for_the_end(right)


@scenario()
def ends_with_requests_and_time_wait(case):
    """Requests and TIME-WAIT hold no reference: they end with their
    namespace."""
    left, right = case.pair_of_hosts()
    peer = lib_segment.CablePeer(case, left, right)
    left.listen()
    listener = left.listen(("", 7001))
    lib_segment.Talk(peer, 4000, 7000).send("S")
    talk = peer.dial(7001, sport=4001)
    sock = left.accept(listener)
    sock.close()
    talk.expect("FA")
    talk.send("FA")
    left.wait_states("SYN-RECEIVED", "TIME-WAIT")
    left.abandon()
    wait_for_the_end(right)


@scenario()
def ends_with_a_full_accept_queue(case):
    left, right = case.pair_of_hosts()
    left.listen(backlog=20)
    clients = [right.connect(("10.0.0.1", 7000)) for _ in range(20)]
    left.abandon()
    for client in clients:
        try:
            assert client.recv(1) == b"never", "end of file instead of a reset"
        except OSError as error:
            assert error.errno == errno.ECONNRESET, error
    wait_for_the_end(right)


class EveryState:
    """A host with a connection in each lasting state."""

    def __init__(self, host: lib.Namespace, peer: lib_segment.Peer):
        self.host, self.peer = host, peer
        self.listener = host.listen()
        ends_soon(self.listener)
        self.port = 5000
        host.start_connect((peer.address, 80))
        ends_soon(host.sockets[-1])
        peer.take()
        lib_segment.Talk(peer, 4999, 7000).send("S")
        for act in (self.established, self.fin_wait_1, self.fin_wait_2,
                    self.close_wait, self.closing, self.last_ack,
                    self.time_wait):
            self.port += 1
            talk = peer.dial(7000, sport=self.port)
            act(host.accept(self.listener), talk)
        host.wait_states(
            "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
            "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT")

    def established(self, sock, talk) -> None:
        talk.send("PA", b"unread")
        sock.sendall(b"unacknowledged")

    def fin_wait_1(self, sock, talk) -> None:
        sock.close()
        talk.expect("FA")

    def fin_wait_2(self, sock, talk) -> None:
        self.fin_wait_1(sock, talk)
        talk.send("A")

    def close_wait(self, sock, talk) -> None:
        talk.send("FA")
        talk.expect("A", lambda s: s.ack == talk.seq)

    def closing(self, sock, talk) -> None:
        sock.close()
        fin = talk.expect("FA")
        talk.send("FA", ack=fin.seq)

    def last_ack(self, sock, talk) -> None:
        self.close_wait(sock, talk)
        sock.close()
        talk.expect("FA")

    def time_wait(self, sock, talk) -> None:
        sock.close()
        talk.expect("FA")
        talk.send("FA")
        talk.expect("A", lambda s: s.ack == talk.seq)


@scenario()
def ends_with_a_connection_in_every_state(case):
    left, right = case.pair_of_hosts()
    EveryState(left, lib_segment.CablePeer(case, left, right))
    left.abandon()
    wait_for_the_end(right)


@scenario()
def ends_while_the_cable_is_busy(case):
    """Segments keep arriving while their namespace ends."""
    left, right = case.pair_of_hosts()
    peer = lib_segment.CablePeer(case, left, right)
    EveryState(left, peer)
    segments = [lib_segment.Talk(peer, 4990 + n % 30, 7000).make(flags)
                for n, flags in enumerate(["S", "A", "PA", "FA"] * 30)]

    def send(segment) -> None:
        try:
            peer.send_raw(segment.packet())
        except OSError as error:
            if error.errno != errno.ENOBUFS:    # the other CPU is slower
                raise

    def flood() -> None:
        try:
            while not cable_is_gone(right):
                for segment in segments:
                    send(segment)
        except OSError as error:
            assert error.errno in (errno.ENETDOWN, errno.ENXIO,
                                   errno.ENODEV), error

    flooder = lib.Thread(flood)
    left.abandon()
    wait_for_the_end(right)
    flooder.finish()


@scenario()
def many_short_lived_namespaces(case):
    for _ in range(10):
        one = lib.Namespace()
        listener = one.listen(("127.0.0.1", 7000))
        near = one.connect(("127.0.0.1", 7000))
        far = one.accept(listener)
        near.sendall(b"x")
        assert lib.receive(far, 1) == b"x"
        one.abandon()


if __name__ == "__main__":
    lib.main()

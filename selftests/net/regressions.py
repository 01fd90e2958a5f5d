#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Former bugs and known attacks, each under its name."""
import contextlib
import errno
import resource
import select
import socket
import struct

import lib
import lib_segment
from lib import scenario

MSG_PEEK_ALL = socket.MSG_PEEK | socket.MSG_WAITALL
IP_OPTIONS = 4
SO_MEMINFO = 55
NOPS = b"\x01\x01\x01\x01"


def transfers(near: socket.socket, far: socket.socket, size: int) -> None:
    """Transfers this many bytes."""
    sender = lib.Thread(near.sendall, b"x" * size)
    assert lib.receive(far, size) == b"x" * size
    sender.finish()


@scenario(toytcp_only=True)
def land(case):
    """A SYN from the listener's own address and port makes a request answer
    itself, which must end. Packets on lo arrive in order, so a connection comes
    after everything that the request has caused."""
    host = case.namespace()
    host.listen(("127.0.0.1", 7000))
    syn = lib_segment.Segment("127.0.0.1", "127.0.0.1", 7000, 7000, 1000,
                              flags="S")
    raw = host.socket(socket.SOCK_RAW, socket.IPPROTO_RAW)
    raw.sendto(syn.packet(), ("127.0.0.1", 0))
    lib.wait_until("SYN, SYN,ACK and an ACK",
                   lambda: host.stats()["in_segments"] >= 3)
    lib.reset(host.connect(("127.0.0.1", 7000)))
    seen = host.stats()["in_segments"]
    assert seen < 20, f"{seen} segments"


@scenario()
def peek_beside_another_reader(case):
    """A thread that peeks and waits for more must notice that another has read:
    once it returned bytes in front of the next segment's text."""
    near, far = case.link(*case.pair_of_hosts())
    near.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)
    rounds, size = 400, 50
    total = rounds * size
    peeked = []

    def peek() -> None:
        while part := far.recv(total + 1, MSG_PEEK_ALL):
            peeked.append(part)

    far.settimeout(None)
    peeker = lib.Thread(peek)
    for _ in range(rounds):
        near.send(b"x" * size)
        assert lib.receive(far, size) == b"x" * size
    near.shutdown(socket.SHUT_WR)
    peeker.finish()
    assert set(b"".join(peeked)) <= set(b"x"), "bytes that nobody has sent"


@scenario(toytcp_only=True)
def bytes_one_by_one(case):
    """Each short segment needs a whole skb, but the buffer of a slow reader
    must still hold what its window has promised."""
    left, right = case.pair_of_hosts()
    near, far = case.link(left, right)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    near.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)
    total = 5000
    for _ in range(total):
        near.send(b"x")
    lib.wait_until("all is there",
                   lambda: len(far.recv(total, MSG_PEEK_ALL)) == total)
    assert right.stats()["drop_memory"] == 0
    assert lib.receive(far, total) == b"x" * total


def flood_behind_gap(case, before: bytes):
    """A peer sends `before`, leaves a gap of one byte, and then sends more
    bytes than the receive buffer can hold, each in its own segment."""
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    listener = host.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    listener.bind(("", 7000))
    listener.listen()
    talk = peer.dial(7000)
    sock = host.accept(listener)
    seen = host.stats()["in_segments"]
    if before:
        talk.send("PA", before)
        seen += 1
    count = 1000
    for n in range(1, count + 1):
        talk.send("A", b"x", seq=talk.seq + n)
    lib.wait_until("all of them arrived",
                   lambda: host.stats()["in_segments"] >= count + seen)
    return sock, talk


@scenario(toytcp_only=True)
def gap_that_is_never_filled(case):
    """Out-of-order text is charged to the receive buffer, too: a byte in its
    own segment costs hundreds."""
    sock, talk = flood_behind_gap(case, b"")
    held, limit = struct.unpack_from("=II", sock.getsockopt(
        socket.SOL_SOCKET, SO_MEMINFO, 36))
    assert held < limit + 4096, f"{held} bytes held, buffer {limit}"
    talk.send("PA", b"x")
    assert lib.receive(sock, 1) == b"x"


@scenario(toytcp_only=True)
def gap_that_is_filled_while_nobody_reads(case):
    """Text after a gap must not block the segment that fills it."""
    sock, talk = flood_behind_gap(case, b"a")
    talk.send("PA", b"x")
    lib.wait_until("the gap is closed",
                   lambda: len(sock.recv(3, socket.MSG_PEEK)) == 3)


@scenario()
def ip_options_take_room(case):
    """A segment with IP options must still fit the MTU."""
    left, right = case.pair_of_hosts()
    listener = right.listen()
    near = left.socket()
    near.setsockopt(socket.SOL_IP, IP_OPTIONS, NOPS)
    near.connect(("10.0.0.2", 7000))
    transfers(near, right.accept(listener), 200000)


@scenario()
def ip_options_set_late(case):
    near, far = case.link(*case.pair_of_hosts())
    transfers(near, far, 20000)
    near.setsockopt(socket.SOL_IP, IP_OPTIONS, NOPS)
    transfers(near, far, 200000)


@scenario()
def mtu_lowered_under_way(case):
    left, right = case.pair_of_hosts()
    near, far = case.link(left, right)
    transfers(near, far, 20000)
    for end in left, right:
        with end:
            lib.interface_mtu("veth0", 700)
    transfers(near, far, 200000)
    transfers(far, near, 200000)
    for end in left, right:
        with end:
            lib.interface_mtu("veth0", 1500)
    transfers(near, far, 200000)
    assert left.connections()[0].columns.get("mss") == "1448"


@scenario()
def route_forgotten_in_syn_sent(case):
    """IP_TOS makes a socket drop its route; the MSS must not suffer."""
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    sock = host.start_connect((peer.address, 80))
    talk = peer.take()
    sock.setsockopt(socket.SOL_IP, socket.IP_TOS, 0x10)
    talk.send("SA", options=lib_segment.mss_option(1460))
    talk.expect("A")
    assert select.select([], [sock], [], lib.DEADLINE_S)[1]
    sock.send(b"x" * 1460)
    talk.expect("A", lambda s: len(s.payload) == 1460)


@scenario()
def device_goes_and_comes_back(case):
    """An invalid route must not cause tiny segments."""
    left, right = case.pair_of_hosts()
    near, far = case.link(left, right)
    transfers(near, far, 100000)
    before = left.connections()[0].columns.get("mss")
    left.run("ip", "link", "delete", "veth0")
    near.send(b"x" * 3000)
    lib.cable(left, right)
    assert lib.receive(far, 3000) == b"x" * 3000
    assert left.connections()[0].columns.get("mss") == before


@scenario()
def second_fin_while_the_first_one_waits(case):
    """A reader holds the lock, so both FINs go to the backlog. The first one
    leads to TIME-WAIT; the second, for example a tail loss probe, was once
    answered by the closed socket with a reset."""
    left, right = case.pair_of_hosts()
    listener = left.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 13)
    listener.bind(("", 7000))
    listener.listen()
    far = right.connect(("10.0.0.1", 7000))
    near = left.accept(listener)
    listener.close()
    near.shutdown(socket.SHUT_WR)
    far.setblocking(False)
    total = far.send(b"x" * (1 << 16))
    far.close()
    left.wait_states("FIN-WAIT-2")
    right.wait_states("LAST-ACK")       # the FIN waits for the window
    lib.add_netem(right, "duplicate", "100%")
    lib.receive(near, total)
    assert near.recv(1) == b""
    right.wait_states()
    assert left.states() == ["TIME-WAIT"]
    if left.toytcp:
        assert right.stats()["in_resets"] == 0


def port_chosen(end: lib.Namespace, peer: str) -> int:
    """Nobody listens, so the port is free again."""
    with contextlib.closing(end.socket()) as sock:
        sock.setblocking(False)
        sock.connect_ex((peer, 9))
        return sock.getsockname()[1]


def port_steps(end) -> list[int]:
    """By how much the ports for eight peers rise while 600 others are called."""
    peers = [f"127.1.0.{n}" for n in range(1, 9)]
    before = [port_chosen(end, peer) for peer in peers]
    for n in range(600):
        port_chosen(end, f"127.2.{n // 250}.{n % 250 + 1}")
    after = [port_chosen(end, peer) for peer in peers]
    return [(b - a) % 51000 for a, b in zip(before, after)]


@scenario()
def source_ports_tell_nothing_of_others(case):
    """CVE-2022-32296: a peer saw by the next port how many connections to others
    shared its counter, of few: which tells one machine from another. (The kernel
    shuffles all ports every ten seconds: perhaps just now.)"""
    end = case.namespace()
    end.write("/proc/sys/net/ipv4/ip_local_port_range", "10000 60999")
    tried = []
    for _ in range(8):
        tried.append(port_steps(end))
        if sum(step <= 8 for step in tried[-1]) >= 6:
            return
    raise AssertionError(f"steps of the eight ports: {tried}")


@scenario(toytcp_only=True)
def port_that_very_many_claim(case):
    """Each bind() looks at all of them with a lock held. A port below 1024 is
    not full: others must not keep its server out."""
    end = case.namespace()
    resource.setrlimit(resource.RLIMIT_NOFILE, (10000, 10000))

    def claims(port: int) -> bool:
        sock = case.enter_context(end.socket())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as error:
            assert error.errno == errno.EADDRINUSE, error
            return False
        return True

    assert all(claims(7000) for _ in range(4096))
    assert not claims(7000)
    assert all(claims(port) for port in range(1, 1024))
    assert sum(claims(port) for port in range(1024, 3072)) > 1900


@scenario()
def send_does_not_bind(case):
    """A send() before connect() fails, and does not claim a port."""
    sock = case.namespace().socket()
    try:
        sock.send(b"x")
    except OSError as error:
        assert error.errno == errno.EPIPE, error
    sock.bind(("127.0.0.1", 7000))


if __name__ == "__main__":
    lib.main()

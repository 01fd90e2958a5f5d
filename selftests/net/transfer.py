#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Transfers over a clean cable: large, in both directions, concurrent."""
import os
import select
import socket
import tempfile

import lib
from lib import scenario

MB = 1 << 20


def exchange(near: socket.socket, far: socket.socket, size: int) -> None:
    """Sends random bytes in both directions at once, up to both ends of
    file."""
    up, down = os.urandom(size), os.urandom(size)

    def send(sock: socket.socket, data: bytes) -> None:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    senders = [lib.Thread(send, near, up), lib.Thread(send, far, down)]
    receiver = lib.Thread(lib.receive_all, far)
    assert lib.receive_all(near) == down, "what came down differs"
    assert receiver.finish() == up, "what went up differs"
    for sender in senders:
        sender.finish()


@scenario()
def both_ways_50_mb(case):
    near, far = case.link(*case.pair_of_hosts())
    exchange(near, far, 50 * MB)


@scenario()
def both_ways_without_offloads(case):
    """Each segment is a linear frame with a software checksum."""
    left, right = case.pair_of_hosts()
    lib.without_offloads(left)
    lib.without_offloads(right)
    exchange(*case.link(left, right), 5 * MB)


@scenario()
def both_ways_over_a_small_mtu(case):
    left, right = case.pair_of_hosts()
    for end in left, right:
        with end:
            lib.interface_mtu("veth0", 300)
    exchange(*case.link(left, right), 2 * MB)


@scenario()
def both_ways_over_a_large_mtu(case):
    left, right = case.pair_of_hosts()
    for end in left, right:
        with end:
            lib.interface_mtu("veth0", 65535)
    exchange(*case.link(left, right), 10 * MB)


@scenario()
def nothing_was_lost_or_wrong(case):
    """A clean cable leaves the error counters at zero.

    (Some drops are normal: probes of a closed window, and a second FIN that
    arrives before a reader has finished with the first. So are retransmissions,
    when a stalled machine lets a timeout pass. On two processors one bare ACK may
    overtake another, which PAWS takes for old.)
    """
    tolerated = {"drop_window": 1 << 30, "drop_no_socket": 2, "drop_paws": 5}
    left, right = case.pair_of_hosts()
    exchange(*case.link(left, right), 5 * MB)
    if not lib.TOYTCP:
        return
    for end in left, right:
        stats = end.stats()
        bad = {name: value for name, value in stats.items()
               if (name.startswith("drop_") or name == "in_errors")
               and value > tolerated.get(name, 0)}
        assert not bad, f"on a clean cable: {bad}"
        assert stats["retransmitted"] < 5 + stats["out_segments"] / 100, stats


@scenario()
def half_close(case):
    """A slow answer that begins only after the end of the request."""
    near, far = case.link(*case.pair_of_hosts())
    answer = os.urandom(3 * MB)
    near.sendall(b"give me all of it")
    near.shutdown(socket.SHUT_WR)
    assert lib.receive_all(far) == b"give me all of it"
    sender = lib.Thread(far.sendall, answer)
    assert lib.receive(near, len(answer)) == answer
    sender.finish()
    far.close()
    assert near.recv(1) == b""


@scenario()
def sendfile_over_the_cable(case):
    near, far = case.link(*case.pair_of_hosts())
    with tempfile.TemporaryFile() as file:
        content = os.urandom(8 * MB + 13)
        file.write(content)
        file.seek(0)

        def serve() -> None:
            far.sendfile(file)
            far.close()

        server = lib.Thread(serve)
        assert lib.receive_all(near) == content
        server.finish()


@scenario()
def small_messages_in_turn(case):
    near, far = case.link(*case.pair_of_hosts())
    for number in range(500):
        message = b"%d" % number
        near.sendall(message)
        assert lib.receive(far, len(message)) == message
        far.sendall(message)
        assert lib.receive(near, len(message)) == message


def serve_echo(server: lib.Namespace, listener: socket.socket,
               count: int) -> None:
    """Echoes on all connections, in one thread, until they end."""
    ended, waiting = 0, {listener}
    while ended < count:
        ready = select.select(waiting, [], [], lib.DEADLINE_S)[0]
        assert ready, f"nothing happens any more, {ended} of {count} ended"
        for sock in ready:
            if sock is listener:
                waiting.add(server.accept(listener))
                continue
            data = sock.recv(65536)
            if data:
                sock.sendall(data)
                continue
            sock.close()
            waiting.remove(sock)
            ended += 1


@scenario()
def two_hundred_at_once(case):
    left, right = case.pair_of_hosts()
    listener = right.listen(backlog=256)
    server = lib.Thread(serve_echo, right, listener, 200)
    clients = [left.connect(("10.0.0.2", 7000)) for _ in range(200)]
    assert len([row for row in left.connections()
                if row.state == "ESTABLISHED"]) == 200
    for number, client in enumerate(clients):
        client.sendall(b"%d;" % number * 100)
    for number, client in enumerate(clients):
        expected = b"%d;" % number * 100
        assert lib.receive(client, len(expected)) == expected
        client.close()
    server.finish()


@scenario()
def reader_slow_to_zero_window_and_back(case):
    left, right = case.pair_of_hosts()
    listener = right.listen()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20000)
    near = left.connect(("10.0.0.2", 7000))
    far = right.accept(listener)
    data = os.urandom(MB)
    sender = lib.Thread(near.sendall, data)
    got = b""
    for stop in range(3):
        before = lib.queue(far, lib.SIOCINQ)

        def full() -> bool:
            """Has the transfer stopped, although the sender has more?"""
            nonlocal before
            previous, before = before, lib.queue(far, lib.SIOCINQ)
            select.select([], [], [], 0.3)
            return before == previous and lib.queue(near, lib.SIOCOUTQ)

        lib.wait_until(f"a full window, number {stop}", full)
        got += lib.receive(far, before)
    got += lib.receive(far, len(data) - len(got))
    sender.finish()
    assert got == data


@scenario()
def window_stays_shut_until_the_reader_returns(case):
    """Zero-window probes keep the connection for longer than a timeout."""
    left, right = case.pair_of_hosts()
    listener = right.listen()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8000)
    near = left.connect(("10.0.0.2", 7000))
    far = right.accept(listener)
    data = os.urandom(200000)
    sender = lib.Thread(near.sendall, data)

    def probing() -> bool:
        rows = left.connections()
        return bool(rows) and ("persist" in rows[0].timer
                               or rows[0].timer.startswith("04:"))

    lib.wait_until("the persist timer", probing)
    assert lib.receive(far, len(data)) == data
    sender.finish()


def buffer_sizes(near: socket.socket, far: socket.socket) -> tuple[int, int]:
    return (near.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
            far.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))


@scenario()
def buffers_grow_with_the_stream(case):
    left, right = case.pair_of_hosts()
    near, far = case.link(left, right)
    send_buffer, receive_buffer = buffer_sizes(near, far)
    sender = lib.Thread(near.sendall, bytes(20 * MB))
    lib.receive(far, 20 * MB)
    sender.finish()
    assert near.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) > send_buffer
    assert far.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) \
        > receive_buffer


@scenario()
def buffers_stay_as_the_user_said(case):
    left, right = case.pair_of_hosts()
    near, far = case.link(left, right)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 50000)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 60000)
    before = buffer_sizes(near, far)
    sender = lib.Thread(near.sendall, bytes(5 * MB))
    lib.receive(far, 5 * MB)
    sender.finish()
    assert buffer_sizes(near, far) == before == (100000, 120000)


@scenario()
def two_listeners_two_ports(case):
    left, right = case.pair_of_hosts()
    first, second = right.listen(("", 7001)), right.listen(("", 7002))
    a, b = (left.connect(("10.0.0.2", port)) for port in (7001, 7002))
    a.sendall(b"a")
    b.sendall(b"b")
    assert lib.receive(right.accept(second), 1) == b"b"
    assert lib.receive(right.accept(first), 1) == b"a"


@scenario()
def same_port_numbers_both_ways(case):
    """Two connections with the same addresses and ports, exchanged."""
    left, right = case.pair_of_hosts()
    at_left, at_right = left.listen(("", 7000)), right.listen(("", 7000))
    near = left.connect(("10.0.0.2", 7000), bind=("10.0.0.1", 40000))
    other = right.connect(("10.0.0.1", 7000), bind=("10.0.0.2", 40000))
    near.sendall(b"to the right")
    other.sendall(b"to the left")
    assert lib.receive(right.accept(at_right), 12) == b"to the right"
    assert lib.receive(left.accept(at_left), 11) == b"to the left"


if __name__ == "__main__":
    lib.main()

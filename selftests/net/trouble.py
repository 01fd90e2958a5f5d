#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Refusals, resets, silence and lies: when connections fail, and when not."""
import contextlib
import errno
import os
import resource
import socket
import struct
import time

import lib
import lib_segment
from lib import scenario
from lib_segment import Talk

PEER = ("10.1.0.2", 80)


def alone(case: lib.Case) -> tuple[lib.Namespace, lib_segment.Peer]:
    host = case.namespace()
    return host, lib_segment.Peer(case, host)


def accepted(host: lib.Namespace, peer: lib_segment.Peer, **fields):
    """The host accepts a connection from the peer."""
    listener = host.listen()
    talk = peer.dial(7000, **fields)
    return host.accept(listener), talk


def fails(wanted: int, call, *arguments) -> None:
    """Checks that a call fails with this error."""
    try:
        call(*arguments)
    except OSError as error:
        assert error.errno == wanted, f"{error}, wanted {wanted}"
        return
    raise AssertionError(f"succeeded, wanted {errno.errorcode[wanted]}")


def echo_once(sock: socket.socket, talk: Talk) -> None:
    """Checks that the connection works in both directions."""
    talk.send("PA", b"ping")
    assert lib.receive(sock, 4) == b"ping"
    sock.sendall(b"pong")
    talk.expect("A", lambda s: s.payload == b"pong" and s.ack == talk.seq)
    talk.send("A")


@scenario()
def refused(case):
    left, _ = case.pair_of_hosts()
    fails(errno.ECONNREFUSED, left.connect, ("10.0.0.2", 9))
    assert left.states() == []


@scenario()
def peer_vanishes_with_data_under_way(case):
    host, peer = alone(case)
    sock, _ = accepted(host, peer)
    sock.setsockopt(socket.SOL_TCP, lib.TCP_USER_TIMEOUT, 1000)
    sock.sendall(b"anybody there?")
    fails(errno.ETIMEDOUT, sock.recv, 1)
    fails(errno.EPIPE, sock.send, b"x")
    host.wait_states()


@scenario()
def peer_vanishes_and_probes_tell(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    sock.setsockopt(socket.SOL_TCP, socket.TCP_KEEPIDLE, 1)
    sock.setsockopt(socket.SOL_TCP, socket.TCP_KEEPINTVL, 1)
    sock.setsockopt(socket.SOL_TCP, socket.TCP_KEEPCNT, 2)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    start = talk.ack
    for _ in range(2):
        probe = talk.expect("A")
        assert probe.seq == start - 1 and not probe.payload, str(probe)
    fails(errno.ETIMEDOUT, sock.recv, 1)
    host.wait_states()


@scenario()
def probes_answered(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    sock.setsockopt(socket.SOL_TCP, socket.TCP_KEEPIDLE, 1)
    sock.setsockopt(socket.SOL_TCP, socket.TCP_KEEPINTVL, 1)
    sock.setsockopt(socket.SOL_TCP, socket.TCP_KEEPCNT, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    start = talk.ack
    for _ in range(3):
        talk.expect("A", lambda s: s.seq == start - 1)
        talk.send("A", ack=start)
    talk.ack = start
    echo_once(sock, talk)


@scenario()
def orphan_in_fin_wait_2_is_forgotten(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    sock.setsockopt(socket.SOL_TCP, socket.TCP_LINGER2, 1)
    sock.close()
    talk.expect("FA")
    talk.send("A")
    host.wait_states()


@scenario()
def reset_in_mid_transfer(case):
    left, right = case.pair_of_hosts()
    near, far = case.link(left, right)
    sender = lib.Thread(near.sendall, os.urandom(50 << 20))
    lib.receive(far, 1 << 20)
    lib.reset(far)
    fails(errno.ECONNRESET, sender.finish)
    left.wait_states()
    right.wait_states()


@scenario()
def killed_reader_resets_the_writer(case):
    """Closing with unread data is a reset as well."""
    left, right = case.pair_of_hosts()
    near, far = case.link(left, right)
    sender = lib.Thread(near.sendall, os.urandom(50 << 20))
    lib.wait_until("data", lambda: lib.queue(far, lib.SIOCINQ) > 0)
    far.close()
    fails(errno.ECONNRESET, sender.finish)


@scenario()
def blind_resets(case):
    """RFC 5961: only the very next sequence number ends a connection."""
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    talk.send("R", seq=talk.seq - 1)
    talk.send("R", seq=talk.seq + 1000000)
    talk.send("RA", seq=talk.seq - 70000)
    assert host.states() == ["ESTABLISHED"]
    talk.send("R", seq=talk.seq + 100)
    talk.expect("A", lambda s: s.ack == talk.seq)
    echo_once(sock, talk)
    talk.send("R")
    fails(errno.ECONNRESET, sock.recv, 1)
    host.wait_states()


@scenario()
def syn_in_a_connection(case):
    """RFC 5961: answered with an ACK, whatever its number."""
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    talk.send("S", seq=talk.seq)
    talk.expect("A", lambda s: s.ack == talk.seq)
    echo_once(sock, talk)


@scenario()
def acknowledgement_of_what_was_never_sent(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    talk.send("PA", b"forged", seq=talk.seq, ack=talk.ack + 100000)
    echo_once(sock, talk)


@scenario()
def data_outside_the_window(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    talk.send("PA", b"too old", seq=talk.seq - 100)
    talk.expect("A", lambda s: s.ack == talk.seq)
    talk.send("PA", b"too new", seq=talk.seq + 50000000)
    talk.expect("A", lambda s: s.ack == talk.seq)
    echo_once(sock, talk)


@scenario()
def out_of_order_overlapping_and_twice(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    text = bytes(range(65, 91)) * 10
    start = talk.seq
    for first, last in ((200, 260), (100, 150), (100, 150), (90, 210),
                        (50, 120), (0, 1), (0, 60)):
        talk.send("A", text[first:last], seq=start + first)
    assert lib.receive(sock, 260) == text
    talk.expect("A", lambda s: s.ack == start + 260)
    if lib.TOYTCP:
        assert host.stats()["out_of_order"] >= 3


@scenario()
def end_of_stream_overtakes_the_data(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    talk.send("FA", b"end", seq=talk.seq + 7)
    assert host.states() == ["ESTABLISHED"]
    talk.send("A", b"not the", seq=talk.seq)
    assert lib.receive_all(sock) == b"not theend"
    host.wait_states("CLOSE-WAIT")


@scenario()
def data_for_a_closed_socket(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    sock.close()
    talk.expect("FA")
    talk.send("PA", b"hello?")
    talk.expect("R")
    host.wait_states()


@scenario()
def retransmission_backs_off(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    sock.sendall(b"echo?")
    first = talk.expect("A", lambda s: s.payload == b"echo?")
    times = []
    for _ in range(4):
        talk.expect("A", lambda s: s.seq == first.seq)
        times.append(time.monotonic())
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    # Each is twice the one before, but an emulated clock may be uneven.
    assert gaps[2] > 1.5 * gaps[0], gaps
    talk.send("A")
    lib.wait_until("all acknowledged",
                   lambda: lib.queue(sock, lib.SIOCOUTQ) == 0)


@scenario()
def three_duplicates_bring_the_lost_one(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    # Else the last of them may wait for an ACK, which any other peer would send.
    sock.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(b"x" * 1460 * 8)
    lost = talk.expect("A", lambda s: len(s.payload) > 0).seq
    # All are out: what is not may not be acknowledged at the end.
    talk.expect("A", lambda s: s.seq + len(s.payload) == lost + 1460 * 8)
    for _ in range(4):
        talk.send("A", ack=lost)
    talk.expect("A", lambda s: s.seq == lost)
    talk.send("A", ack=lost + 1460 * 8)
    lib.wait_until("all acknowledged",
                   lambda: lib.queue(sock, lib.SIOCOUTQ) == 0)


@scenario()
def closed_window_is_probed(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    una = talk.ack
    talk.send("A", window=0)
    sock.sendall(b"x" * 100)
    for _ in range(2):
        probe = talk.expect("A")
        assert len(probe.payload) <= 1, str(probe)
        talk.send("A", ack=una, window=0)
    talk.send("A", ack=una)
    while talk.ack < una + 100:
        talk.expect("A", lambda s: s.payload)
        talk.send("A")


@scenario()
def tiny_mss_is_not_taken_at_its_word(case):
    """An MSS of 1 would put every byte into its own segment."""
    host, peer = alone(case)
    listener = host.listen()
    talk = Talk(peer, 4000, 7000)
    talk.send("S", options=lib_segment.mss_option(1))
    talk.expect("SA")
    talk.send("A")
    sock = host.accept(listener)
    sock.sendall(b"y" * 400)
    first = talk.expect("A", lambda s: s.payload)
    assert len(first.payload) >= 32, str(first)


# --- ICMP errors ---

def icmp(peer: lib_segment.Peer, code: int, about: bytes,
         mtu: int = 0) -> None:
    """Destination unreachable, about a packet of the host's."""
    body = struct.pack("!BBHHH", 3, code, 0, 0, mtu) + about[:28]
    body = body[:2] + struct.pack("!H", lib_segment.checksum(body)) + body[4:]
    peer.send_raw(lib_segment.ip_packet(peer.address, peer.host, body,
                                        proto=socket.IPPROTO_ICMP))


def told_by_icmp(case: lib.Case, code: int, error: int) -> None:
    host, peer = alone(case)
    sock = host.start_connect(PEER)
    syn = peer.next()
    icmp(peer, code, syn.packet())
    lib.wait_until("the error", lambda: lib.error_of(sock) == error)
    host.wait_states()


@scenario()
def icmp_no_route_to_host(case):
    told_by_icmp(case, 1, errno.EHOSTUNREACH)


@scenario()
def icmp_protocol_unreachable(case):
    """The answer of a host without the module."""
    told_by_icmp(case, 2, errno.ENOPROTOOPT)


@scenario()
def icmp_port_unreachable(case):
    told_by_icmp(case, 3, errno.ECONNREFUSED)


@scenario()
def icmp_does_not_end_a_connection(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    sock.sendall(b"x")
    segment = talk.expect("A", lambda s: s.payload)
    icmp(peer, 1, segment.packet())
    icmp(peer, 2, segment.packet())
    talk.send("A")
    echo_once(sock, talk)


@scenario()
def icmp_about_what_was_never_sent(case):
    """The quoted sequence number must be outstanding."""
    host, peer = alone(case)
    sock = host.start_connect(PEER)
    syn = peer.next()
    syn.seq += 5000
    icmp(peer, 3, syn.packet())
    assert lib.error_of(sock) == 0
    assert host.states() == ["SYN-SENT"]


@scenario()
def icmp_packet_too_big(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    sock.sendall(b"z" * 1460)
    big = talk.expect("A", lambda s: len(s.payload) > 1000)
    icmp(peer, 4, big.packet(), mtu=800)
    small = talk.expect("A", lambda s: s.seq == big.seq)
    assert len(small.payload) <= 760, str(small)


# --- limits ---

@scenario()
def backlog_overflow(case):
    """SYNs beyond the backlog are dropped, and accepted once there is room."""
    left, right = case.pair_of_hosts()
    listener = right.listen(backlog=3)
    early = [left.connect(("10.0.0.2", 7000)) for _ in range(4)]
    late = left.start_connect(("10.0.0.2", 7000))
    assert left.states() == ["ESTABLISHED"] * 4 + ["SYN-SENT"]
    if lib.TOYTCP:
        lib.wait_until("the drop to be counted", lambda:
                       right.stats()["drop_listen_overflow"] > 0)
    for _ in early:
        right.accept(listener)
    right.accept(listener)
    assert lib.error_of(late) == 0


def deny(peer: lib_segment.Peer) -> None:
    """The hosts whose addresses were forged answer with resets."""
    while answer := peer.next(0):
        if answer.flags == "SA":
            peer.send_raw(lib_segment.Segment(
                answer.dst, answer.src, answer.dport, answer.sport,
                seq=answer.ack, flags="R").packet())


@scenario()
def flood_of_openings(case):
    """A thousand forged SYNs: memory is bounded, and all of it is freed."""
    host, peer = alone(case)
    listener = host.listen(backlog=8)
    for number in range(1000):
        source = f"10.1.0.{3 + number % 200}"
        syn = lib_segment.Segment(source, peer.host, 2000 + number, 7000,
                                  seq=number, flags="S")
        peer.send_raw(syn.packet())
    if lib.TOYTCP:
        assert int(host.listeners()[0]["embryos"]) <= 128
        assert host.stats()["cookies_sent"] >= 800

    def over() -> bool:
        deny(peer)
        return host.states() == []

    lib.wait_until("the end of all embryos", over)
    talk = peer.dial(7000, sport=1999)
    talk.send("PA", b"honest")
    assert lib.receive(host.accept(listener), 6) == b"honest"


@scenario(toytcp_only=True)
def orphans_of_peers_that_vanished(case):
    """Orphans are kept for a while, but only a limited number."""
    host, peer = alone(case)
    host.sysctl("net.toytcp.orphans", 2)
    listener = host.listen()
    for number in range(4):
        talk = peer.dial(7000, sport=4000 + number)
        host.accept(listener).close()
        talk.expect("FA")
    assert host.states() == ["FIN-WAIT-1"] * 2
    assert host.stats()["orphan_overflow"] == 2
    for number in range(2):
        talk = Talk(peer, 4000 + number, 7000, seq=1001)
        talk.send("R")
    host.wait_states()
    last = peer.dial(7000, sport=5000)
    host.accept(listener).close()
    last.expect("FA")
    assert host.states() == ["FIN-WAIT-1"]


@scenario(toytcp_only=True)
def orphans_of_the_machine(case):
    """The initial namespace's limit also limits all others together."""
    limit = "/proc/sys/net/toytcp/orphans"
    with open(limit, encoding="ascii") as file:
        usual = file.read()

    def limit_all(value: str) -> None:
        with open(limit, "w", encoding="ascii") as file:
            file.write(value)

    hosts = [alone(case) for _ in range(2)]
    talks = []
    limit_all("3")
    case.callback(limit_all, usual)
    for host, peer in hosts:
        host.sysctl("net.toytcp.orphans", 1000)
        listener = host.listen()
        for number in range(2):
            talk = peer.dial(7000, sport=4000 + number)
            host.accept(listener).close()
            talk.expect("FA")
            talks.append(talk)
    (one, _), (other, _) = hosts
    assert one.states() == ["FIN-WAIT-1"] * 2
    assert other.states() == ["FIN-WAIT-1"]
    assert one.stats()["orphan_overflow"] == 0
    assert other.stats()["orphan_overflow"] == 1
    talks[0].send("R")
    one.wait_states("FIN-WAIT-1")
    host, peer = hosts[1]
    last = peer.dial(7000, sport=5000)
    host.accept(host.sockets[0]).close()
    last.expect("FA")
    assert host.states() == ["FIN-WAIT-1"] * 2


def in_buffers() -> int:
    """Bytes in the buffers of all sockets, as the kernel counts them."""
    with open("/proc/net/protocols", encoding="ascii") as file:
        rows = [line.split() for line in file]
    name = "TOYTCP" if lib.TOYTCP else "TCP"
    pages = next(row[rows[0].index("memory")] for row in rows
                 if row[0] == name)
    return int(pages) * resource.getpagesize()


def memory() -> int:
    return resource.getpagesize() * os.sysconf("SC_PHYS_PAGES")


@scenario()
def peers_that_send_and_nobody_reads(case):
    """Many connections together use no more than their share of memory, and
    each has at least a little."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    left, right = case.pair_of_hosts()
    listener = right.listen(backlog=4096)
    before, full = in_buffers(), 0
    while full < 20:
        sock = left.connect(("10.0.0.2", 7000))
        sock.setblocking(False)
        held = in_buffers()
        with contextlib.suppress(BlockingIOError):
            while True:
                sock.send(bytes(1 << 16))
        full += in_buffers() - held < 1 << 14
        assert in_buffers() < memory() // 6 and len(left.sockets) < 4000
    assert in_buffers() > before + (1 << 20)
    late = left.connect(("10.0.0.2", 7000))
    late.sendall(b"honest")
    for _ in left.sockets[:-1]:
        right.accept(listener).close()
    assert lib.receive(right.accept(listener), 6) == b"honest"
    lib.wait_until("the end", lambda: in_buffers() < before + (1 << 20))


if __name__ == "__main__":
    lib.main()

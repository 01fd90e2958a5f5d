#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""RFC 9293's requirements on a whole host, for Documentation/rfc9293.tsv.

Unit tests and packets.py cover the requirements on the protocol itself.
"""
import errno
import socket
import struct

import lib
import lib_segment
from lib import scenario
from lib_segment import Talk

PEER = ("10.1.0.2", 80)
IP_RECVERR = 11


def alone(case: lib.Case) -> tuple[lib.Namespace, lib_segment.Peer]:
    host = case.namespace()
    return host, lib_segment.Peer(case, host)


def connected(host, peer, *options):
    """A connection opened by the host, with one unacknowledged byte."""
    sock = host.socket()
    for option in options:
        sock.setsockopt(*option)
    sock.setblocking(False)
    assert sock.connect_ex(PEER) == errno.EINPROGRESS
    talk = peer.answer()
    sock.send(b"x")
    return sock, talk, talk.expect("A", lambda s: s.payload)


def icmp(peer, kind: int, code: int, about: bytes) -> None:
    body = struct.pack("!BBHI", kind, code, 0, 0) + about[:28]
    body = body[:2] + struct.pack("!H", lib_segment.checksum(body)) + body[4:]
    peer.send_raw(lib_segment.ip_packet(peer.address, peer.host, body,
                                        proto=socket.IPPROTO_ICMP))


def isn_for(peer, sport: int, dport: int) -> int:
    talk = Talk(peer, sport, dport)
    talk.send("S")
    isn = talk.expect("SA").seq
    talk.send("R", seq=1001)
    return isn


def ahead(isn: int, before: int) -> bool:
    return 0 < (isn - before) % 2**32 < 2**31


@scenario()
def identification_is_not_a_count(case):
    """RFC 6864: with DF any value is allowed, but it should not reveal how much
    a socket has sent."""
    host, peer = alone(case)
    first = []
    for _ in range(2):
        host.start_connect(PEER)
        while lib_segment.parse(packet := peer.read_raw()) is None:
            pass
        first.append(struct.unpack_from("!H", packet, 4)[0])
    assert any(n > 1 for n in first), first


@scenario()
def isn_follows_a_clock(case):
    """MUST-8: ISNs of a four-tuple increase, though not every time if the clock
    is coarse."""
    host, peer = alone(case)
    host.listen()
    numbers = [isn_for(peer, 4000, 7000) for _ in range(5)]
    for before, isn in zip(numbers, numbers[1:]):
        assert not ahead(before, isn), f"{numbers}"
    assert ahead(numbers[-1], numbers[0]), f"{numbers}"


@scenario()
def isn_differs_for_each_four_tuple(case):
    """SHLD-1, MUST-9: ISNs of neighboring four-tuples are unrelated."""
    host, peer = alone(case)
    host.listen()
    host.listen(("", 7001))
    numbers = [isn_for(peer, 4000 + n // 2, 7000 + n % 2) for n in range(16)]
    gaps = {(b - a) % 2**32 >> 20 for a, b in zip(numbers, numbers[1:])}
    assert len(gaps) > 12, f"these look alike: {sorted(numbers)}"


@scenario(toytcp_only=True)
def time_wait_takes_a_minute(case):
    """MUST-13: 2 MSL, with the usual MSL of 30 seconds."""
    host, peer = alone(case)
    sock, talk, _ = connected(host, peer)
    sock.close()
    talk.expect("FA")
    talk.send("FA")
    talk.expect("A")
    row, = host.connections()
    name, left = row.timer.split(":")
    assert (row.state, name) == ("TIME-WAIT", "2msl"), str(row)
    assert 30 < float(left) <= 60, f"{left} s are left"


@scenario()
def address_of_the_interface(case):
    """MUST-44, -45: IP chooses our address, and all segments carry it."""
    host, peer = alone(case)
    second = lib_segment.open_tun(host, "10.3.0.1", name="tun1")
    case.callback(lib_segment.os.close, second)
    sock, talk, text = connected(host, peer)
    assert sock.getsockname()[0] == text.src == "10.1.0.1"
    talk.send("A")
    lib.reset(sock)
    assert talk.expect("R" if lib.TOYTCP else "RA").src == "10.1.0.1"


@scenario()
def address_of_the_users_choice(case):
    """MUST-43: OPEN may name another local address."""
    host, peer = alone(case)
    host.run("ip", "address", "add", "10.9.0.1/32", "dev", "lo")
    sock = host.start_connect(PEER, bind=("10.9.0.1", 0))
    peer.host = "10.9.0.1"
    assert peer.next().src == "10.9.0.1"
    assert sock.getsockname()[0] == "10.9.0.1"


@scenario(toytcp_only=True)
def no_answer_to_a_group(case):
    """MUST-63, -57: a SYN from or to a group of hosts is silently dropped.

    TCP leaves the source check to IP, which accepts a subnet's broadcast
    address.
    """
    host, peer = alone(case)
    host.listen()
    for src, dst in (("224.0.0.1", "10.1.0.1"), ("255.255.255.255", "10.1.0.1"),
                     ("10.1.0.255", "10.1.0.1"), ("127.0.0.1", "10.1.0.1"),
                     ("10.1.0.2", "10.1.0.255"), ("10.1.0.2", "224.0.0.1")):
        peer.send_raw(lib_segment.Segment(src, dst, 4000, 7000, 1,
                                          flags="S").packet())
    assert isn_for(peer, 4001, 7000) and not host.states()


@scenario()
def source_quench_is_discarded(case):
    """MUST-55."""
    host, peer = alone(case)
    sock, talk, text = connected(host, peer, (socket.SOL_IP, IP_RECVERR, 1))
    icmp(peer, 4, 0, text.packet())
    assert lib.error_of(sock) == 0
    talk.send("A")
    host.wait_states("ESTABLISHED")


@scenario()
def soft_errors_end_nothing(case):
    """MUST-56: unreachable (0, 1, 5), time exceeded, parameter problem."""
    host, peer = alone(case)
    sock, talk, text = connected(host, peer)
    for kind, code in ((3, 0), (3, 1), (3, 5), (11, 0), (11, 1), (12, 0)):
        icmp(peer, kind, code, text.packet())
    assert host.states() == ["ESTABLISHED"]
    talk.send("PA", b"on")
    sock.settimeout(lib.DEADLINE_S)
    assert lib.receive(sock, 2) == b"on"


@scenario()
def soft_errors_are_reported_if_requested(case):
    """MUST-47, SHLD-20, -25: IP_RECVERR enables reports."""
    host, peer = alone(case)
    sock, _, text = connected(host, peer, (socket.SOL_IP, IP_RECVERR, 1))
    icmp(peer, 3, 1, text.packet())
    lib.wait_until("the report",
                   lambda: lib.error_of(sock) == errno.EHOSTUNREACH)
    assert host.states() == ["ESTABLISHED"]


@scenario(toytcp_only=True)
def silence_is_reported_if_requested(case):
    """SHLD-9: reported once, after R1 (three failed retransmissions)."""
    host, peer = alone(case)
    sock, talk, _ = connected(host, peer, (socket.SOL_IP, IP_RECVERR, 1))
    lib.wait_until("the report", lambda:
                   lib.error_of(sock) == errno.ETIMEDOUT)
    assert host.states() == ["ESTABLISHED"]
    talk.send("PA", b"on")
    sock.settimeout(lib.DEADLINE_S)
    assert lib.receive(sock, 2) == b"on" and lib.error_of(sock) == 0


@scenario()
def silence_is_no_error_otherwise(case):
    """MUST-20: R1 does not end a connection; a new route may be found."""
    host, peer = alone(case)
    sock, talk, text = connected(host, peer)
    for _ in range(4):
        assert talk.expect("A", lambda s: s.payload).seq == text.seq
    assert lib.error_of(sock) == 0
    assert host.states() == ["ESTABLISHED"]


if __name__ == "__main__":
    lib.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Paths with a small MTU: with ICMP errors, forged ones, or none."""
import collections
import socket
import struct

import lib
import lib_segment
from lib import scenario

ICMP = socket.IPPROTO_ICMP


def fragmentation_needed(packet: bytes, mtu: int) -> bytes:
    """A router's answer to a packet that is too large: RFC 792, RFC 1191."""
    body = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + packet[:28]
    body = body[:2] + struct.pack("!H", lib_segment.checksum(body)) + body[4:]
    source, destination = (socket.inet_ntoa(packet[at:at + 4])
                           for at in (12, 16))
    return lib_segment.ip_packet(destination, source, body, ICMP)


class Narrows:
    """A connection over a path that drops large packets."""

    def __init__(self, case: lib.Case, mtu: int, told: int = 0):
        self.left, self.right = case.namespace(), case.namespace()
        self.wire = lib_segment.Wire(case, self.left, self.right)
        self.mtu, self.told = mtu, told
        self.largest = 0
        self.sizes = collections.Counter()
        listener = self.right.listen()
        self.near = self.left.connect((self.wire.addresses[1], 7000))
        self.far = self.right.accept(listener)
        self.wire.policy = self.policy

    def policy(self, side, segment, packet):
        if side:
            return None
        if len(packet) <= self.mtu:
            self.largest = max(self.largest, len(packet))
            self.sizes[len(packet)] += segment.payload != b""
            return None
        if self.told:
            self.wire.put(1, fragmentation_needed(packet, self.told))
        return []

    def transfer(self, size: int) -> None:
        sender = lib.Thread(self.near.sendall, bytes(size))
        assert lib.receive(self.far, size) == bytes(size)
        sender.finish()

    def is_wide(self) -> bool:
        """Does the path get packets of 1500 bytes now?"""
        self.transfer(20000)
        return self.largest == 1500


@scenario()
def icmp_too_big(case):
    road = Narrows(case, 800, told=800)
    road.transfer(200000)
    assert 780 < road.largest <= 800, road.largest


@scenario()
def icmp_too_big_in_mid_transfer(case):
    """Text queued for larger segments goes out in full smaller ones."""
    road = Narrows(case, 1500)
    road.transfer(100000)
    sender = lib.Thread(road.near.sendall, bytes(400000))
    road.far.recv(1)
    road.mtu = road.told = 800
    assert lib.receive(road.far, 399999) == bytes(399999)
    sender.finish()
    whole = road.sizes.pop(800)
    pieces = sum(n for size, n in road.sizes.items() if size < 800)
    assert whole > 200, road.sizes
    assert pieces < whole / 4, (whole, road.sizes)


@scenario()
def icmp_below_the_least_mtu(case):
    """A forged tiny MTU is not believed: there is a minimum."""
    road = Narrows(case, 1000, told=68)
    road.transfer(200000)
    assert 540 < road.largest <= 552, road.largest


@scenario()
def icmp_too_big_where_only_verified_errors_count(case):
    """ip_no_pmtu_disc=3: for protocols that verify what an error quotes."""
    road = Narrows(case, 800, told=800)
    road.left.sysctl("net.ipv4.ip_no_pmtu_disc", 3)
    road.transfer(200000)
    assert 780 < road.largest <= 800, road.largest


@scenario(toytcp_only=True)
def black_hole(case):
    """Large packets are dropped without an ICMP error."""
    road = Narrows(case, 1100)
    road.transfer(200000)
    assert 1000 < road.largest <= 1024, road.largest
    assert road.left.stats()["black_holes"] > 0


@scenario(toytcp_only=True)
def black_hole_of_the_smallest_size(case):
    road = Narrows(case, 576)
    road.transfer(50000)
    assert 550 < road.largest <= 576, road.largest


@scenario(toytcp_only=True)
def outage(case):
    """After an outage, segments are as large as before."""
    road = Narrows(case, 0)
    sender = lib.Thread(road.near.sendall, bytes(500000))
    lib.wait_until("segments to shrink",
                   lambda: road.left.stats()["black_holes"])
    road.mtu = 1500
    assert lib.receive(road.far, 500000) == bytes(500000)
    sender.finish()
    # At once, or after five seconds: the last of it may have looked like a hole.
    lib.wait_until("segments to grow", road.is_wide)


if __name__ == "__main__":
    lib.main()

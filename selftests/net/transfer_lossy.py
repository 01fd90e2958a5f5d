#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Transfers over cables that lose, duplicate, reorder and corrupt packets.

netem corrupts only the linear part of a frame; with scatter-gather off this
includes the payload. Reordering needs a delay. In any case the same bytes must
arrive, and corrupted segments must be counted.
"""
import os
import random
import socket
import struct

import lib
import lib_segment
from lib import scenario

MB = 1 << 20
NETEM = ("delay", "5ms", "2ms", "loss", "5%", "reorder", "10%", "50%",
         "duplicate", "2%", "corrupt", "1%")


def send_and_end(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def exchange(near: socket.socket, far: socket.socket, size: int) -> None:
    """Sends random bytes in both directions at once, with long timeouts."""
    for sock in near, far:
        sock.settimeout(lib.SCENARIO_S)
    up, down = os.urandom(size), os.urandom(size)
    senders = [lib.Thread(send_and_end, near, up),
               lib.Thread(send_and_end, far, down)]
    receiver = lib.Thread(lib.receive_all, far)
    assert lib.receive_all(near) == down, "what came down differs"
    assert receiver.finish() == up, "what went up differs"
    for sender in senders:
        sender.finish()


def spoilt_segments(*ends: lib.Namespace) -> int:
    """The number of drops for bad checksums, for either protocol."""
    if lib.TOYTCP:
        return sum(end.stats()["drop_checksum"] for end in ends)
    count = 0
    for end in ends:
        lines = [line.split() for line in end.read("/proc/net/snmp"
                                                   ).splitlines()
                 if line.startswith("Tcp:")]
        count += int(dict(zip(*lines))["InCsumErrors"])
    return count


def retransmitted(*ends: lib.Namespace) -> int:
    if not lib.TOYTCP:
        return 1
    return sum(end.stats()["retransmitted"] for end in ends)


def lossy_pair(case: lib.Case, *what: str, offloads: bool):
    left, right = case.pair_of_hosts()
    for end in left, right:
        if not offloads:
            lib.without_offloads(end)
        lib.add_netem(end, *what)
    return left, right


@scenario()
def netem_4_mb(case):
    left, right = lossy_pair(case, *NETEM, offloads=True)
    exchange(*case.link(left, right), 4 * MB)
    assert retransmitted(left, right) > 0


@scenario()
def netem_4_mb_of_linear_frames(case):
    left, right = lossy_pair(case, *NETEM, offloads=False)
    exchange(*case.link(left, right), 4 * MB)
    assert retransmitted(left, right) > 0
    assert spoilt_segments(left, right) > 0, "no bad checksum was counted"


@scenario()
def netem_only_loss(case):
    left, right = lossy_pair(case, "loss", "10%", offloads=False)
    exchange(*case.link(left, right), MB)


@scenario()
def netem_short_connections(case):
    """Segments of handshakes and closes are lost, too."""
    left, right = lossy_pair(case, "loss", "10%", "duplicate", "5%",
                             offloads=True)
    listener = right.listen()
    for number in range(20):
        near = left.socket()
        near.settimeout(lib.SCENARIO_S)
        near.connect(("10.0.0.2", 7000))
        listener.settimeout(lib.SCENARIO_S)
        far = right.accept(listener)
        exchange(near, far, 1 + 997 * number)
        near.close()
        far.close()


def spoil(packet: bytes, chance: random.Random) -> bytes:
    """Flips one bit of the segment, but none of the IP header."""
    spoilt = bytearray(packet)
    spoilt[chance.randrange(20, len(spoilt))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


class Weather:
    """The behavior of a bad wire, which depends only on the seed."""

    def __init__(self, seed: int):
        self.chance = random.Random(seed)
        self.late: list[bytes | None] = [None, None]
        self.spoilt = 0

    def policy(self, side: int, segment, packet: bytes) -> list[bytes]:
        kind = self.chance.random()
        out = [packet]
        if kind < 0.04:
            out = []
        elif kind < 0.06:
            out = [packet, packet]
        elif kind < 0.08:
            self.spoilt += 1
            out = [spoil(packet, self.chance)]
        elif kind < 0.12 and self.late[side] is None:
            self.late[side] = packet        # overtaken by the next one
            return []
        if self.late[side] is not None:
            out.append(self.late[side])
            self.late[side] = None
        return out


def bad_wire(case: lib.Case, seed: int, size: int) -> None:
    left, right = case.namespace(), case.namespace()
    wire = lib_segment.Wire(case, left, right)
    listener = right.listen()
    near = left.connect((wire.addresses[1], 7000))
    far = right.accept(listener)
    weather = Weather(seed)
    wire.policy = weather.policy
    exchange(near, far, size)
    wire.policy = lambda side, segment, packet: None
    counted = spoilt_segments(left, right)
    assert counted > 0, "no bad checksum was counted"
    assert counted <= weather.spoilt


@scenario()
def bad_wire_1(case):
    bad_wire(case, 1, 300000)


@scenario()
def bad_wire_2(case):
    bad_wire(case, 2, 300000)


@scenario()
def bad_wire_small_segments(case):
    left, right = case.namespace(), case.namespace()
    wire = lib_segment.Wire(case, left, right, mtu=200)
    listener = right.listen()
    near = left.connect((wire.addresses[1], 7000))
    far = right.accept(listener)
    wire.policy = Weather(3).policy
    exchange(near, far, 50000)


@scenario()
def options_stripped_on_the_way(case):
    """A middlebox removes all options; connections must work without them."""
    left, right = case.namespace(), case.namespace()
    wire = lib_segment.Wire(case, left, right)

    def strip(_, segment, packet):
        if "S" not in segment.flags:
            return None
        segment.options = struct.pack("!BBH", 2, 4, 1400)
        segment.checksum = None
        return [segment.packet()]

    wire.policy = strip
    listener = right.listen()
    near = left.connect((wire.addresses[1], 7000))
    exchange(near, right.accept(listener), 300000)


@scenario()
def no_options_at_all(case):
    """Without an MSS option, segments carry at most 536 bytes."""
    left, right = case.namespace(), case.namespace()
    wire = lib_segment.Wire(case, left, right)
    longest = 0

    def strip(_, segment, packet):
        nonlocal longest
        longest = max(longest, len(segment.payload))
        if "S" not in segment.flags:
            return None
        segment.options, segment.checksum = b"", None
        return [segment.packet()]

    wire.policy = strip
    listener = right.listen()
    near = left.connect((wire.addresses[1], 7000))
    exchange(near, right.accept(listener), 300000)
    assert 0 < longest <= 536, longest


@scenario()
def every_third_segment_lost(case):
    """Losses that fast retransmission alone cannot repair."""
    left, right = case.namespace(), case.namespace()
    wire = lib_segment.Wire(case, left, right)
    listener = right.listen()
    near = left.connect((wire.addresses[1], 7000))
    far = right.accept(listener)
    seen = 0

    def lose(side, segment, packet):
        nonlocal seen
        seen += bool(segment.payload)
        return [] if segment.payload and seen % 3 == 0 else None

    wire.policy = lose
    exchange(near, far, 40000)


if __name__ == "__main__":
    lib.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Explicit Congestion Notification on the wire (RFC 3168)."""
import lib
import lib_segment
from lib import scenario

ECT0, CE = 2, 3


def ecn_of(packet: bytes) -> int:
    return packet[1] & 3


def marked(packet: bytes) -> bytes:
    """Marks a packet, as a router with a long queue does."""
    header = bytearray(packet[:20])
    header[1] |= CE
    header[10:12] = bytes(2)
    header[10:12] = lib_segment.checksum(bytes(header)).to_bytes(2, "big")
    return bytes(header) + packet[20:]


class Road:
    """A wire that records segments and ECN bits, and may change them."""

    def __init__(self, case: lib.Case, asks: int = 1):
        self.left, self.right = case.namespace(), case.namespace()
        if lib.TOYTCP:
            self.left.sysctl("net.toytcp.ecn", asks)
        else:
            self.left.sysctl("net.ipv4.tcp_ecn", asks)
        self.wire = lib_segment.Wire(case, self.left, self.right)
        self.seen = ([], [])
        self.interfere = lambda side, segment, packet: None
        self.wire.policy = self.policy
        listener = self.right.listen()
        self.near = self.left.connect((self.wire.addresses[1], 7000))
        self.far = self.right.accept(listener)

    def policy(self, side, segment, packet):
        self.seen[side].append((segment, ecn_of(packet)))
        return self.interfere(side, segment, packet)

    def text(self, side: int) -> list:
        return [one for one in self.seen[side] if one[0].payload]

    def new_text(self, side: int):
        """The same without retransmissions, which a slow machine may cause and
        which carry no ECT (RFC 3168 section 6.1.5)."""
        end = None
        for segment, bits in self.text(side):
            if end is None or (segment.seq - end) % 2**32 < 2**31:
                yield segment, bits
                end = segment.seq + len(segment.payload)

    def transfer(self, size: int) -> None:
        sender = lib.Thread(self.near.sendall, bytes(size))
        assert lib.receive(self.far, size) == bytes(size)
        sender.finish()


@scenario()
def requested_and_accepted(case):
    road = Road(case)
    road.transfer(100000)
    syn, synack = road.seen[0][0], road.seen[1][0]
    assert syn[0].flags == "SEC" and syn[1] == 0, syn[0]
    assert synack[0].flags == "SAE" and synack[1] == 0, synack[0]
    assert all(bits == ECT0 for _, bits in road.new_text(0))
    assert not any(bits for segment, bits in road.seen[1]
                   if not segment.payload)


@scenario()
def accepted_but_not_requested(case):
    """This is the default."""
    road = Road(case, asks=2)
    road.transfer(10000)
    assert road.seen[0][0][0].flags == "S"
    assert not any(bits for _, bits in road.seen[0])


@scenario()
def marks_slow_the_sender_down(case):
    """ECE is sent until CWR, and CWR once for each reduction."""
    road = Road(case)
    count = []

    def interfere(side, segment, packet):
        if side or not segment.payload or len(count) == 3:
            return None
        count.append(segment)
        return [marked(packet)]

    road.interfere = interfere
    road.transfer(500000)
    echoes = sum("E" in segment.flags for segment, _ in road.seen[1][1:])
    reduced = [segment for segment, _ in road.text(0) if "C" in segment.flags]
    assert echoes, "no mark was echoed"
    assert 1 <= len(reduced) <= 3, f"{len(reduced)} CWR"
    assert "E" not in road.seen[1][-1][0].flags, "still echoed at the end"
    if lib.TOYTCP:
        assert road.right.stats()["in_marked"] == 3
        # (a probe or a timeout only means that the machine was busy)
        assert road.left.stats()["fast_recoveries"] == 0


@scenario()
def retransmissions_are_not_ect(case):
    road = Road(case)
    lost = []

    def interfere(side, segment, packet):
        if side or not segment.payload or lost:
            return None
        lost.append(segment)
        return []

    road.interfere = interfere
    road.transfer(50000)
    again = [bits for segment, bits in road.text(0)
             if segment.seq == lost[0].seq]
    assert again[0] == ECT0 and not any(again[1:]), again


@scenario(toytcp_only=True)
def netem_marks_instead_of_dropping(case):
    left, right = case.pair_of_hosts()
    left.sysctl("net.toytcp.ecn", 1)
    near, far = case.link(left, right)
    lib.add_netem(left, "loss", "20%", "ecn")
    size = 2000000
    sender = lib.Thread(near.sendall, bytes(size))
    assert lib.receive(far, size) == bytes(size)
    sender.finish()
    assert right.stats()["in_marked"] > 0


if __name__ == "__main__":
    lib.main()

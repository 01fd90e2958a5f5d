#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Bad input: each kind is dropped and counted; unusual valid input works.

A bad segment must not end, stall or confuse a connection; after each one the
connection must still carry data.
"""
import contextlib
import dataclasses
import os
import random
import re
import struct

import lib
import lib_segment
from lib import scenario
from lib_segment import Talk, fragments, ip_packet


class Target:
    """A host with one connection, and the peer that attacks it."""

    def __init__(self, case: lib.Case):
        self.host = case.namespace()
        self.peer = lib_segment.Peer(case, self.host)
        self.listener = self.host.listen()
        self.talk = self.peer.dial(7000)
        self.sock = self.host.accept(self.listener)

    def still_works(self) -> None:
        self.talk.send("PA", b"good")
        assert lib.receive(self.sock, 4) == b"good"
        state = self.host.state((self.peer.host, 7000),
                                (self.peer.address, 4000))
        assert state == "ESTABLISHED", state

    def counts(self, reason: str, *packets: bytes) -> None:
        """Each packet raises this drop counter by one, and no other."""
        before = self.host.stats()
        for packet in packets:
            self.peer.send_raw(packet)
        after = self.host.stats()
        rose = {name: after[name] - before[name] for name in after
                if name.startswith("drop_") and after[name] != before[name]}
        assert rose == {reason: len(packets)}, f"drops: {rose}"
        self.still_works()


@scenario(toytcp_only=True)
def short(case):
    target = Target(case)
    whole = target.talk.make("A").transport()
    target.counts("drop_short", *[target.talk.make("A").packet(whole[:size])
                                  for size in (0, 1, 7, 8, 19)])


@scenario(toytcp_only=True)
def offset_too_small(case):
    target = Target(case)
    target.counts("drop_offset",
                  *[target.talk.make("A", b"evil", offset=offset).packet()
                    for offset in range(5)])


@scenario(toytcp_only=True)
def offset_beyond_the_end(case):
    target = Target(case)
    target.counts("drop_offset",
                  target.talk.make("A", offset=6).packet(),
                  target.talk.make("A", offset=15).packet(),
                  target.talk.make("A", b"x" * 39, offset=15).packet())


@scenario(toytcp_only=True)
def bad_checksum(case):
    target = Target(case)
    right = lib_segment.parse(target.talk.make("A", b"evil").packet())
    target.counts("drop_checksum",
                  *[dataclasses.replace(right, checksum=sum_).packet()
                    for sum_ in (0, 0xffff, right.checksum ^ 1)])


@scenario(toytcp_only=True)
def checksum_of_another_protocol(case):
    """The pseudo-header contains the real protocol number."""
    target = Target(case)
    text = target.talk.make("A", b"evil", checksum=0).transport()
    pseudo = (lib_segment.inet_aton(target.peer.address)
              + lib_segment.inet_aton(target.peer.host)
              + struct.pack("!HH", 6, len(text)))
    sum_ = lib_segment.checksum(pseudo + text)
    target.counts("drop_checksum",
                  target.talk.make("A", b"evil", checksum=sum_).packet())


@scenario(toytcp_only=True)
def option_lengths(case):
    target = Target(case)
    bad = {
        "length 0": b"\x08\x00\x01\x01",
        "length 1": b"\x08\x01\x01\x01",
        "beyond the end": b"\x08\x0a\x00\x00",
        "length 255": b"\xfd\xff\x01\x01",
        "no length": b"\x01\x01\x01\x08",
        "after a good one": b"\x01\x03\x03\x07" + b"\xfe\x00\x00\x00",
    }
    for what, options in bad.items():
        lib.comment(what)
        target.counts("drop_options",
                      target.talk.make("A", b"evil",
                                       options=options).packet())


@scenario(toytcp_only=True)
def option_lengths_on_syn(case):
    target = Target(case)
    syn = Talk(target.peer, 5000, 7000)
    target.counts("drop_options",
                  syn.make("S", options=b"\x02\x00\x05\xb4").packet(),
                  syn.make("S", options=b"\x02\x01\x05\xb4").packet(),
                  syn.make("S", options=b"\x02\x08\x05\xb4").packet())


@scenario()
def unknown_options_are_skipped(case):
    target = Target(case)
    for options in (b"\xfd\x04\xab\xcd", b"\x1e\x02", b"\x00" * 4,
                    b"\x01" * 40, b"\x00\x08\x00\x08", b"\xfe\x28" + bytes(38)):
        target.talk.send("PA", b"opt!", options=options)
        assert lib.receive(target.sock, 4) == b"opt!"
    target.still_works()


@scenario(toytcp_only=True)
def not_for_one_host(case):
    """Broadcast and multicast segments are dropped without an answer."""
    target = Target(case)
    syn = Talk(target.peer, 5000, 7000).make("S", dst="10.1.0.255")
    target.counts("drop_martian", syn.packet())
    assert target.host.states() == ["ESTABLISHED"]


@scenario(toytcp_only=True)
def for_no_socket(case):
    target = Target(case)
    target.counts("drop_no_socket",
                  Talk(target.peer, 5000, 9).make("S").packet(),
                  Talk(target.peer, 5000, 9).make("A").packet())


@scenario()
def good_copy_after_a_corrupted_one(case):
    """The good copy after a corrupted one is accepted."""
    target = Target(case)
    target.talk.send("PA", b"bits", checksum=1, seq=target.talk.seq)
    target.talk.send("PA", b"bits")
    assert lib.receive(target.sock, 4) == b"bits"


@scenario()
def every_combination_of_flags(case):
    """To a listener, a connection and a closed port: nothing harms the host."""
    target = Target(case)
    victims = Talk(target.peer, 6000, 7000), Talk(target.peer, 6001, 9)
    for bits in range(256):
        flags = lib_segment.flag_letters(bits)
        for talk in victims:
            talk.send(flags, seq=bits, ack=bits * 7)
        if "R" not in flags:
            target.talk.send(flags, b"x" * 10, seq=target.talk.seq + 9 * 10**8,
                             ack=target.talk.ack + 5 * 10**8)
    target.still_works()
    anew = target.peer.dial(7000, sport=6002)
    anew.send("PA", b"after all")
    while True:
        sock = target.host.accept(target.listener)
        if sock.getpeername()[1] == 6002:
            break
    assert lib.receive(sock, 9) == b"after all"


@scenario()
def random_segments(case):
    target = Target(case)
    chance = random.Random(7)
    for _ in range(3000):
        talk = Talk(target.peer, chance.choice((4000, 4000, 5000)),
                    chance.choice((7000, 9)))
        segment = talk.make(
            lib_segment.flag_letters(chance.randrange(256) & ~4),
            chance.randbytes(chance.randrange(50)),
            seq=target.talk.seq + (1 << 30) + chance.randrange(1 << 29),
            ack=target.talk.ack + (1 << 29) + chance.randrange(1 << 29),
            options=chance.randbytes(chance.randrange(10) * 4))
        packet = bytearray(segment.packet())
        if chance.random() < 0.3:
            packet[chance.randrange(20, len(packet))] ^= chance.randrange(256)
        target.peer.send_raw(bytes(packet))
    target.still_works()


# --- unusual, but valid ---

@scenario()
def fragments_in_order(case):
    target = Target(case)
    data = random.Random(1).randbytes(1000)
    for size in (8, 24, 256, 1000):
        segment = target.talk.make("PA", data)
        for packet in fragments(segment, size):
            target.peer.send_raw(packet)
        target.talk.seq += len(data)
        assert lib.receive(target.sock, len(data)) == data
    target.still_works()


@scenario()
def fragments_last_first(case):
    """The fragment with the header arrives last."""
    target = Target(case)
    data = random.Random(2).randbytes(5000)
    for packet in reversed(fragments(target.talk.make("PA", data), 512)):
        target.peer.send_raw(packet)
    target.talk.seq += len(data)
    assert lib.receive(target.sock, len(data)) == data
    target.still_works()


@scenario()
def handshake_in_fragments(case):
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    listener = host.listen()
    talk = Talk(peer, 4000, 7000)
    for packet in fragments(talk.make("S", options=b"\x02\x04\x05\xb4"), 8):
        peer.send_raw(packet)
    talk.seq += 1
    talk.expect("SA")
    for packet in fragments(talk.make("PA", b"in pieces"), 8):
        peer.send_raw(packet)
    assert lib.receive(host.accept(listener), 9) == b"in pieces"


@scenario()
def largest_segment(case):
    target = Target(case)
    data = random.Random(3).randbytes(60000)
    for packet in fragments(target.talk.make("PA", data), 1480):
        target.peer.send_raw(packet)
    target.talk.seq += len(data)
    assert lib.receive(target.sock, len(data)) == data
    target.still_works()


@scenario()
def ip_options(case):
    """With IP options the segment does not begin at byte 20 of the packet."""
    target = Target(case)
    segment = target.talk.make("PA", b"shifted")
    plain = segment.packet()
    header = (b"\x47" + plain[1:2]
              + struct.pack("!H", len(plain) + 8) + plain[4:10] + b"\0\0"
              + plain[12:20] + b"\x01" * 8)
    header = (header[:10] + struct.pack("!H", lib_segment.checksum(header))
              + header[12:])
    target.peer.send_raw(header + plain[20:])
    target.talk.seq += 7
    assert lib.receive(target.sock, 7) == b"shifted"


@scenario()
def padding_after_the_packet(case):
    target = Target(case)
    target.peer.send_raw(target.talk.make("PA", b"short").packet()
                         + b"\xff" * 30)
    target.talk.seq += 5
    assert lib.receive(target.sock, 5) == b"short"
    target.still_works()


@scenario()
def another_protocol_is_left_alone(case):
    """Packets of protocols 254 and 17 are not toytcp's."""
    target = Target(case)
    text = target.talk.make("PA", b"evil").transport()
    for proto in 17, 254:
        target.peer.send_raw(ip_packet(target.peer.address, target.peer.host,
                                       text, proto=proto))
    target.still_works()
    assert lib.queue(target.sock, lib.SIOCINQ) == 0


TRACING = "/sys/kernel/tracing"      # mounted in test machines


@contextlib.contextmanager
def drops_traced():
    """Yields a function that returns the output of the kernel's drop event."""
    event = f"{TRACING}/events/skb/kfree_skb/enable"
    if not os.path.exists(event):
        raise lib.Skip("this kernel cannot trace drops")

    def switch(on: str) -> None:
        with open(event, "w", encoding="ascii") as file:
            file.write(on)

    def seen() -> str:
        with open(f"{TRACING}/trace", encoding="ascii") as file:
            return file.read()

    switch("1")
    try:
        yield seen
    finally:
        switch("0")


@scenario(toytcp_only=True)
def drops_tell_the_kernel_why(case):
    """dropwatch and perf show a reason, not NOT_SPECIFIED."""
    target = Target(case)
    right = lib_segment.parse(target.talk.make("A", b"evil").packet())
    outside = target.talk.make("A", b"evil", seq=target.talk.seq + (1 << 30))
    with drops_traced() as seen:
        target.counts("drop_checksum",
                      dataclasses.replace(right, checksum=0).packet())
        target.counts("drop_short", target.talk.make("A").packet(b"short"))
        target.counts("drop_window", outside.packet())
        target.counts("drop_no_socket",
                      Talk(target.peer, 4000, 9).make("S").packet())
        text = seen()
    for reason in ("TCP_CSUM", "PKT_TOO_SMALL", "TCP_INVALID_SEQUENCE",
                   "NO_SOCKET"):
        assert re.search(rf"reason: {reason}\b", text), (reason, text[-2000:])


if __name__ == "__main__":
    lib.main()

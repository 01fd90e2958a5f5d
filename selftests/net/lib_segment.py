# SPDX-License-Identifier: GPL-2.0
"""Builds and parses segments, and sends them from two kinds of places.

A Peer is a host made of IP packets alone. It answers when and how the scenario
wants, so every state can be held as long as needed, and the peer may lie. A
Wire connects two namespaces and shows each segment to the scenario, which may
hold, drop, duplicate or corrupt it. Both use TUN devices, so they need neither
netem nor a firewall.
"""
from __future__ import annotations

import dataclasses
import fcntl
import os
import select
import socket
import stat
import struct
import tempfile
import threading
import time
from dataclasses import dataclass
from socket import inet_aton, inet_ntoa
from typing import Callable

import lib

FLAGS = "FSRPAUEC"      # bit 0 upwards


def flag_bits(text: str) -> int:
    return sum(1 << FLAGS.index(letter) for letter in text)


def flag_letters(bits: int) -> str:
    """Flags in the usual order: SA, FA, PA, R, ..."""
    return "".join(f for f in "SFRPAUEC" if bits & 1 << FLAGS.index(f))


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def mss_option(mss: int) -> bytes:
    return struct.pack("!BBH", 2, 4, mss)


def stamp(value: int, echo: int = 0) -> bytes:
    """The timestamps option."""
    return struct.pack("!BBBBII", 1, 1, 8, 10, value % 2**32, echo)


def stamp_of(segment: Segment) -> tuple[int, int] | None:
    """The two values of the timestamps option, the only one after NOPs."""
    at = segment.options.find(b"\x08\x0a")
    return struct.unpack_from("!II", segment.options, at + 2) if at >= 0 \
        else None


@dataclass
class Segment:
    """A segment and its packet; fields are named as in RFC 9293."""
    src: str
    dst: str
    sport: int
    dport: int
    seq: int = 0
    ack: int = 0
    flags: str = ""
    window: int = 65535
    options: bytes = b""
    payload: bytes = b""
    urgent: int = 0
    offset: int | None = None       # a false offset, if not None
    checksum: int | None = None

    @property
    def length(self) -> int:
        """SEG.LEN, which includes SYN and FIN."""
        return len(self.payload) + ("S" in self.flags) + ("F" in self.flags)

    def transport(self) -> bytes:
        """Header, options and payload, with the right checksum."""
        options = self.options + b"\0" * (-len(self.options) % 4)
        offset = 5 + len(options) // 4 if self.offset is None else self.offset
        text = struct.pack("!HHIIBBHHH", self.sport, self.dport,
                           self.seq % 2**32, self.ack % 2**32, offset << 4,
                           flag_bits(self.flags), self.window, 0,
                           self.urgent) + options + self.payload
        pseudo = (inet_aton(self.src) + inet_aton(self.dst)
                  + struct.pack("!HH", lib.PROTO, len(text)))
        sum_ = checksum(pseudo + text) if self.checksum is None \
            else self.checksum
        return text[:16] + struct.pack("!H", sum_) + text[18:]

    def packet(self, transport: bytes | None = None) -> bytes:
        return ip_packet(self.src, self.dst,
                         self.transport() if transport is None else transport)

    def __str__(self) -> str:
        return (f"{self.sport}>{self.dport} {self.flags or '-'} "
                f"seq {self.seq} ack {self.ack} len {len(self.payload)} "
                f"win {self.window}")


def ip_packet(src: str, dst: str, body: bytes, proto: int | None = None,
              ident: int = 1, fragment: int = 0, more: bool = False) -> bytes:
    """An IPv4 packet; fragment is its offset in bytes."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident,
                         fragment // 8 | more << 13, 64,
                         lib.PROTO if proto is None else proto, 0,
                         inet_aton(src), inet_aton(dst))
    return (header[:10] + struct.pack("!H", checksum(header)) + header[12:]
            + body)


def fragments(segment: Segment, size: int) -> list[bytes]:
    """Splits the packet into fragments of `size` bytes, a multiple of eight."""
    body = segment.transport()
    return [ip_packet(segment.src, segment.dst, body[at:at + size], ident=77,
                      fragment=at, more=at + size < len(body))
            for at in range(0, len(body), size)]


def parse(packet: bytes) -> Segment | None:
    """Parses a packet; None if it is not a segment of the protocol under
    test."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != lib.PROTO:
        return None
    text = packet[(packet[0] & 15) * 4:]
    (sport, dport, seq, ack, offset, flags, window, sum_,
     urgent) = struct.unpack_from("!HHIIBBHHH", text)
    length = (offset >> 4) * 4
    return Segment(inet_ntoa(packet[12:16]), inet_ntoa(packet[16:20]), sport,
                   dport, seq, ack, flag_letters(flags), window,
                   text[20:length], text[length:], urgent, checksum=sum_)


def sum_is_right(packet: bytes) -> bool:
    """Is the segment's checksum that of the protocol under test?"""
    text = packet[(packet[0] & 15) * 4:]
    return not checksum(packet[12:20]
                        + struct.pack("!HH", lib.PROTO, len(text)) + text)


# --- TUN devices ---

def tun_node() -> int:
    """Opens the TUN device, whose node a guest's read-only root may lack."""
    with tempfile.TemporaryDirectory() as directory:
        for path in "/dev/net/tun", f"{directory}/tun":
            try:
                if not os.path.exists(path):
                    os.mknod(path, stat.S_IFCHR | 0o600,
                             os.makedev(10, 200))
                return os.open(path, os.O_RDWR | os.O_NONBLOCK)
            except OSError as error:
                reason = error
    raise lib.Skip(f"no TUN device: {reason}")


def open_tun(end: lib.Namespace, address: str, name: str = "tun0",
             mtu: int = 1500) -> int:
    with end:
        fd = tun_node()
        fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", name.encode(),
                                                0x1001))    # TUN, no header
        lib.interface_mtu(name, mtu)
        lib.interface_address(name, address)
        lib.interface_up(name)
    return fd


class Peer:
    """A host made of packets alone, on a TUN device."""
    sums = True             # has complete checksums, unlike a veth

    def __init__(self, case: lib.Case, end: lib.Namespace,
                 here: str = "10.1.0.1", there: str = "10.1.0.2",
                 mtu: int = 1500):
        self.host, self.address = here, there
        self.fd = open_tun(end, here, mtu=mtu)
        case.callback(os.close, self.fd)

    def send_raw(self, packet: bytes) -> None:
        os.write(self.fd, packet)

    def read_raw(self) -> bytes:
        return os.read(self.fd, 1 << 16)

    def next(self, seconds: float = lib.DEADLINE_S) -> Segment | None:
        """The next segment that leaves the host, or None."""
        deadline = time.monotonic() + seconds
        while select.select([self.fd], [], [],
                            max(0, deadline - time.monotonic()))[0]:
            packet = self.read_raw()
            segment = parse(packet)
            if segment and segment.src == self.host:
                assert not self.sums or sum_is_right(packet), str(segment)
                return segment
        return None

    def dial(self, port: int, sport: int = 4000, **fields) -> Talk:
        """Opens a connection to the host: three segments."""
        talk = Talk(self, sport, port, **fields)
        talk.send("S", options=mss_option(1460))
        talk.expect("SA")
        talk.send("A")
        return talk

    def take(self) -> Talk:
        """Receives a SYN from the host, and does not answer it yet."""
        syn = self.next()
        assert syn and syn.flags == "S", f"no SYN but {syn}"
        talk = Talk(self, syn.dport, syn.sport)
        talk.ack = syn.seq + 1
        return talk

    def answer(self) -> Talk:
        """Accepts a connection from the host: three segments."""
        talk = self.take()
        talk.send("SA", options=mss_option(1460))
        talk.expect("A")
        return talk


class CablePeer(Peer):
    """A Peer at the far end of a cable: 10.0.0.99, next to 10.0.0.2.

    Unlike a TUN device it does not keep the host's namespace alive. near is
    the host's device, which may lie above the cable.
    """
    sums = False

    def __init__(self, case: lib.Case, host: lib.Namespace,
                 far: lib.Namespace, near: str = "veth0"):
        self.host, self.address = "10.0.0.1", "10.0.0.99"
        with far:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                 socket.htons(0x0800))
            sock.bind(("veth0", 0x0800))
        self.fd = sock.detach()
        case.callback(os.close, self.fd)
        mine = lib.hardware_address(far, "veth0")
        theirs = lib.hardware_address(host, near)
        self.frame = theirs + mine + b"\x08\x00"
        host.run("ip", "neigh", "add", self.address, "lladdr", mine.hex(":"),
                 "dev", near)

    def send_raw(self, packet: bytes) -> None:
        os.write(self.fd, self.frame + packet)

    def read_raw(self) -> bytes:
        return os.read(self.fd, 1 << 17)[14:]


class Talk:
    """One connection of a Peer: tracks numbers, sends and expects segments."""

    def __init__(self, peer: Peer, sport: int, dport: int, seq: int = 1000,
                 window: int = 65535):
        self.peer, self.sport, self.dport = peer, sport, dport
        self.seq, self.ack, self.window = seq, 0, window

    def make(self, flags: str, payload: bytes = b"", **fields) -> Segment:
        made = Segment(self.peer.address, self.peer.host, self.sport,
                       self.dport, self.seq,
                       self.ack if "A" in flags else 0, flags, self.window,
                       payload=payload)
        return dataclasses.replace(made, **fields)

    def send(self, flags: str, payload: bytes = b"", **fields) -> Segment:
        """Sends a segment; advances the numbers unless it was out of order."""
        segment = self.make(flags, payload, **fields)
        self.peer.send_raw(segment.packet())
        if "seq" not in fields:
            self.seq += segment.length
        return segment

    def mine(self, segment: Segment) -> bool:
        return (segment.sport, segment.dport) == (self.dport, self.sport)

    def expect(self, flags: str, where: Callable = lambda segment: True,
               seconds: float = lib.DEADLINE_S) -> Segment:
        """The next segment with exactly these flags (ignoring P)."""
        seen = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            segment = self.peer.next(deadline - time.monotonic())
            if not segment or not self.mine(segment):
                continue
            seen.append(str(segment))
            if segment.flags.replace("P", "") == flags and where(segment):
                if "R" not in flags:
                    self.ack = segment.seq + segment.length
                return segment
        raise AssertionError(f"no {flags} but {seen}")

    def silent(self, until: Callable) -> None:
        """Checks that this connection sends nothing until `until` is true."""
        lib.wait_until("the end of a silence", until)
        while segment := self.peer.next(0):
            assert not self.mine(segment), f"{segment} was not expected"


class Wire:
    """Two namespaces connected by a thread that sees every packet.

    policy(side, segment, packet) returns a list of packets to deliver instead;
    None means the packet itself. side is 0 if the left namespace sent it.
    """

    def __init__(self, case: lib.Case, left: lib.Namespace,
                 right: lib.Namespace, mtu: int = 1500):
        self.addresses = "10.2.0.1", "10.2.0.2"
        self.ends = [open_tun(end, address, mtu=mtu) for end, address
                     in zip((left, right), self.addresses)]
        self.policy: Callable = lambda side, segment, packet: None
        self.lock = threading.Lock()
        self.held: list[tuple[int, bytes]] = []
        self.stop_pipe = os.pipe()
        self.thread = lib.Thread(self.carry)
        case.callback(self.stop)

    def stop(self) -> None:
        os.close(self.stop_pipe[1])
        self.thread.finish()
        for fd in (*self.ends, self.stop_pipe[0]):
            os.close(fd)

    def put(self, side: int, packet: bytes) -> None:
        """Delivers a packet as if `side` had sent it."""
        os.write(self.ends[1 - side], packet)

    def hold(self, condition: Callable) -> None:
        """From now on holds back the segments that meet a condition."""
        def policy(side, segment, packet):
            if not condition(side, segment):
                return None
            self.held.append((side, packet))
            return []
        self.policy = policy

    def release(self) -> None:
        """Delivers the held segments, and stops holding."""
        with self.lock:
            self.policy = lambda side, segment, packet: None
            held, self.held = self.held, []
        for side, packet in held:
            self.put(side, packet)

    def pass_on(self, side: int) -> None:
        try:
            packet = os.read(self.ends[side], 1 << 16)
        except BlockingIOError:
            return
        segment = parse(packet)
        if not segment:
            return
        with self.lock:
            out = self.policy(side, segment, packet)
        for one in [packet] if out is None else out:
            self.put(side, one)

    def carry(self) -> None:
        watched = [*self.ends, self.stop_pipe[0]]
        while True:
            ready = select.select(watched, [], [])[0]
            if self.stop_pipe[0] in ready:
                return
            for fd in ready:
                self.pass_on(self.ends.index(fd))

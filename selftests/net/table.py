#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The connection table: it grows while it is used, and devices count."""
import collections
import os
import socket
import struct
import threading

import lib
import lib_segment
from lib import scenario

ENTRIES = 100000 if os.environ.get("FULL") == "1" else 5000
GROWN = 2048            # beyond it the table has grown twice; on slow machines
                        # requests end before there are many
KEPT = 20
ADDRESS = ("10.0.0.2", 7000)


def bound_to(end: lib.Namespace, device: str) -> socket.socket:
    made = end.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                    device.encode())
    return made


def listen_on(end: lib.Namespace, device: str,
              address: tuple) -> socket.socket:
    made = bound_to(end, device)
    made.bind(address)
    made.listen(8)
    return made


# --- growth ---

def adjusted(sum_: int, *words: int) -> int:
    """A checksum after words that were 0 have become these."""
    total = (~sum_ & 0xffff) + sum(words)
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


class Flood:
    """SYNs from ever new addresses: each is an entry, as long as it lasts.
    A hundred thousand are made by changing a few bytes of one."""

    def __init__(self, case: lib.Case, end: lib.Namespace,
                 victim: lib.Namespace):
        with end:
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.raw.bind(("veth0", 0))
        case.callback(self.raw.close)
        self.header = (lib.hardware_address(victim, "veth0")
                       + lib.hardware_address(end, "veth0") + b"\x08\x00")
        self.forms = {flags: lib_segment.Segment(
            "0.0.0.0", ADDRESS[0], 5000, ADDRESS[1], seq, flags=flags).packet()
            for flags, seq in (("S", 1000), ("R", 1001))}

    def send(self, number: int, flags: str = "S") -> None:
        form, source = self.forms[flags], 0x0b000000 + number
        words = source >> 16, source & 0xffff
        ip_sum, = struct.unpack_from("!H", form, 10)
        sum_, = struct.unpack_from("!H", form, 36)
        self.raw.send(self.header + form[:10] + struct.pack(
            "!HI", adjusted(ip_sum, *words), source) + form[16:36]
            + struct.pack("!H", adjusted(sum_, *words)) + form[38:])


def pingpong(pairs: list, done: threading.Event) -> int:
    """Every connection is looked up all the time."""
    rounds = 0
    while not done.is_set():
        for near, far in pairs:
            near.sendall(b"ping")
            assert lib.receive(far, 4) == b"ping"
            far.sendall(b"pong")
            assert lib.receive(near, 4) == b"pong"
        rounds += 1
    return rounds


def come_and_go(near: socket.socket, listener: socket.socket,
                done: threading.Event) -> int:
    """A socket leaves the table and is in it anew within a grace period."""
    count = 0
    while not done.is_set():
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        lib.syscall_result(lib.libc.connect(near.fileno(), bytes(16), 16),
                           "disconnect")        # AF_UNSPEC
        lib.reset(far)
        count += 1
    return count


def walk(end: lib.Namespace, kept: set, done: threading.Event) -> int:
    """What is there all the time is in each reading exactly once."""
    walks = 0
    while not done.is_set():
        text = end.read("/proc/net/toytcp/connections")
        seen = collections.Counter(
            tuple(line.split(" ", 2)[:2]) for line in text.splitlines()[1:])
        twice = [ends for ends, n in seen.items() if n > 1]
        assert not twice, f"walk {walks}: twice: {twice[:3]}"
        missing = kept.difference(seen)
        assert not missing, f"walk {walks}: missing: {sorted(missing)[:3]}"
        walks += 1
    return walks


def start_flood(flood: Flood) -> tuple[int, int]:
    """A process of its own: the threads here would hold it up. It begins when
    the descriptor is written to; one of ten entries is removed at once."""
    wait, go = os.pipe()
    child = os.fork()
    if not child:
        os.read(wait, 1)
        for number in range(ENTRIES * 10 // 9):
            flood.send(number)
            if number % 10 == 9:
                flood.send(number, "R")
        os._exit(0)
    os.close(wait)
    return child, go


def most_entries(server: lib.Namespace, child: int) -> int:
    """How many there were at most until the flood ended."""
    most, ended = 0, 0
    while not ended:
        ended, _ = os.waitpid(child, os.WNOHANG)
        most = max(most, server.stats()["connections"])
    return most


@scenario(toytcp_only=True)
def grows_while_it_is_used(case):
    client, server = case.pair_of_hosts()
    server.run("ip", "route", "add", "11.0.0.0/8", "via", "10.0.0.1")
    server.sysctl("net.core.somaxconn", 2 * ENTRIES)
    server.sysctl("net.ipv4.conf.all.rp_filter", 0)
    server.sysctl("net.ipv4.conf.veth0.rp_filter", 0)
    for end in (client, server):
        end.sysctl("net.toytcp.time_wait_ms", 100)
    listener = server.listen(ADDRESS, backlog=2 * ENTRIES)
    pairs = [(client.connect(ADDRESS), server.accept(listener))
             for _ in range(KEPT)]
    kept = {("%s:%d" % far.getsockname(), "%s:%d" % far.getpeername())
            for _, far in pairs}
    child, go = start_flood(Flood(case, client, server))
    done = threading.Event()
    threads = [lib.Thread(pingpong, pairs, done),
               lib.Thread(come_and_go, client.socket(),
                          server.listen((ADDRESS[0], 7001)), done),
               lib.Thread(walk, server, kept, done)]
    os.write(go, b"!")
    most = most_entries(server, child)
    done.set()
    rounds, connections, walks = (t.finish() for t in threads)
    lib.comment(f"{most} entries; meanwhile {rounds} rounds, {connections} "
                f"connections, {walks} walks")
    assert most > GROWN and rounds and connections and walks
    listener.close()                    # all requests go
    lib.wait_until("only sockets left",
                   lambda: server.stats()["connections"] <= KEPT + 2)
    for near, far in pairs:
        near.sendall(b"still there")
        assert lib.receive(far, 11) == b"still there"


# --- devices ---

def two_cables(case: lib.Case) -> tuple[lib.Namespace, lib.Namespace]:
    """A second cable beside the first one; what is forged comes in."""
    left, right = case.pair_of_hosts()
    lib.cable(left, right, net="10.9.0", name="veth1")
    for end in (left, right):
        for device in ("all", "veth0", "veth1"):
            end.sysctl(f"net.ipv4.conf.{device}.rp_filter", 0)
    return left, right


class Wiretap:
    """What passes a device, and packets that look as if it had come by it."""

    def __init__(self, case: lib.Case, end: lib.Namespace, device: str):
        self.end, self.device = end, device
        with end:
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                     socket.htons(3))
            self.raw.bind((device, 3))
        self.raw.settimeout(lib.DEADLINE_S)
        case.callback(self.raw.close)

    def segment(self, wanted) -> lib_segment.Segment:
        while True:
            found = lib_segment.parse(self.raw.recv(65600)[14:])
            if found and wanted(found):
                return found

    def inject(self, to: lib.Namespace, segment: lib_segment.Segment) -> None:
        self.raw.send(lib.hardware_address(to, self.device)
                      + lib.hardware_address(self.end, self.device)
                      + b"\x08\x00" + segment.packet())


def forged(last: lib_segment.Segment) -> lib_segment.Segment:
    """The very next text that the peer of @last's sender could send."""
    stamps = lib_segment.stamp_of(last)
    options = lib_segment.stamp(stamps[1] + 1, stamps[0]) if stamps else b""
    return lib_segment.Segment(last.dst, last.src, last.dport, last.sport,
                               last.ack, last.seq, "PA", options=options,
                               payload=b"FORGED")


def is_not_for(near: socket.socket, tap: Wiretap) -> None:
    """Nobody has what was forged: a reset answers it, to the real peer."""
    tap.segment(lambda s: "R" in s.flags)
    near.setblocking(False)
    try:
        got = near.recv(100)
    except BlockingIOError:
        got = None
    near.settimeout(lib.DEADLINE_S)
    assert got is None, got


def connected(case: lib.Case, left: lib.Namespace, right: lib.Namespace,
              near: socket.socket) -> tuple:
    """A connection over veth0; who listens to it, and its handshake's end."""
    tap = Wiretap(case, right, "veth0")
    listener = right.listen(ADDRESS)
    near.connect(ADDRESS)
    right.accept(listener)
    return tap, tap.segment(lambda s: s.src == "10.0.0.1" and s.flags == "A")


@scenario()
def bindtodevice_inbound(case):
    """socket(7): only packets received from the device are processed."""
    left, right = two_cables(case)
    near = bound_to(left, "veth0")
    tap, last = connected(case, left, right, near)
    Wiretap(case, right, "veth1").inject(left, forged(last))
    is_not_for(near, tap)


@scenario()
def unbound_takes_from_all(case):
    """The same without SO_BINDTODEVICE: any device will do."""
    left, right = two_cables(case)
    near = left.socket()
    _, last = connected(case, left, right, near)
    Wiretap(case, right, "veth1").inject(left, forged(last))
    assert lib.receive(near, 6) == b"FORGED"


@scenario()
def bindtodevice_after_connecting(case):
    """SO_BINDTODEVICE holds at once for what comes in, and can be undone."""
    left, right = two_cables(case)
    near = left.socket()
    tap, last = connected(case, left, right, near)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"veth0")
    forger = Wiretap(case, right, "veth1")
    forger.inject(left, forged(last))
    is_not_for(near, tap)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"")
    forger.inject(left, forged(last))
    assert lib.receive(near, 6) == b"FORGED"


@scenario()
def child_is_bound_as_its_listener(case):
    left, right = two_cables(case)
    listener = listen_on(right, "veth0", ("", 7000))
    tap = Wiretap(case, left, "veth0")
    near = left.connect(ADDRESS)
    far = right.accept(listener)
    assert far.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                          16).rstrip(b"\0") == b"veth0"
    near.sendall(b"x")
    assert lib.receive(far, 1) == b"x"
    last = tap.segment(lambda s: s.src == "10.0.0.2" and s.flags == "A")
    Wiretap(case, left, "veth1").inject(right, forged(last))
    is_not_for(far, tap)


@scenario()
def same_four_tuple_on_two_devices(case):
    """Two peers with one address, each on a cable of its own."""
    host, one, two = case.namespace(), case.namespace(), case.namespace()
    lib.cable(host, one, name="veth0")
    lib.cable(host, two, name="veth1")
    for device in ("all", "veth0", "veth1"):
        host.sysctl(f"net.ipv4.conf.{device}.rp_filter", 0)
    pairs = []
    for peer, device in ((one, "veth0"), (two, "veth1")):
        listener = listen_on(host, device, ("10.0.0.1", 7000))
        near = peer.connect(("10.0.0.1", 7000), ("10.0.0.2", 5000))
        pairs.append((near, host.accept(listener)))
    ends = [far.getpeername() for _, far in pairs]
    assert ends == [("10.0.0.2", 5000)] * 2, ends
    for text, (near, far) in zip((b"first ", b"second"), pairs):
        near.sendall(text)
        assert lib.receive(far, 6) == text
        far.sendall(text)
        assert lib.receive(near, 6) == text
    rows = [r for r in host.connections() if r.remote == "10.0.0.2:5000"]
    assert [r.state for r in rows] == ["ESTABLISHED"] * 2, rows


def vrf(case: lib.Case) -> tuple[lib.Namespace, lib.Namespace]:
    left, right = case.pair_of_hosts()
    try:
        right.run("ip", "link", "add", "red", "type", "vrf", "table", "10")
    except AssertionError:
        raise lib.Skip("no VRF in this kernel") from None
    right.run("ip", "link", "set", "red", "up")
    right.run("ip", "link", "set", "veth0", "master", "red")
    return left, right


def talks(near: socket.socket, far: socket.socket) -> None:
    near.sendall(b"ping")
    assert lib.receive(far, 4) == b"ping"
    far.sendall(b"pong")
    assert lib.receive(near, 4) == b"pong"


@scenario()
def vrf_listener_elsewhere(case):
    """A listener outside the VRF gets nothing from inside."""
    left, right = vrf(case)
    right.listen()
    try:
        left.connect(ADDRESS)
    except OSError:
        return
    raise AssertionError("connected across VRFs")


@scenario()
def vrf_listener_bound(case):
    """Bound to the VRF or to one of its devices, and so are the children."""
    left, right = vrf(case)
    for port, device in ((7000, "red"), (7001, "veth0")):
        listener = listen_on(right, device, ("", port))
        near = left.connect(("10.0.0.2", port))
        far = right.accept(listener)
        talks(near, far)
        name = far.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
        assert name.rstrip(b"\0") == device.encode(), name


@scenario()
def vrf_l3mdev_accept(case):
    """tcp_l3mdev_accept: one listener for all, children bound to the VRF."""
    left, right = vrf(case)
    right.sysctl("net.ipv4.tcp_l3mdev_accept", 1)
    listener = right.listen()
    near = left.connect(ADDRESS)
    far = right.accept(listener)
    talks(near, far)
    name = far.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
    assert name.rstrip(b"\0") == b"red", name


if __name__ == "__main__":
    lib.main()

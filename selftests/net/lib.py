# SPDX-License-Identifier: GPL-2.0
"""Shared by the scenarios: test cases in KTAP, namespaces, conditions.

The environment variable PROTO is the IP protocol of the sockets: 253 (toytcp)
by default. With PROTO=6 the same scenarios run on the kernel's own TCP, which
shows whether the scenario is right. Namespaces have no name and no process:
they end with their last descriptor, so nothing is ever left behind.
"""
from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import fcntl
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from typing import Callable, NamedTuple

sys.dont_write_bytecode = True

PROTO = int(os.environ.get("PROTO", "253"))
TOYTCP = PROTO != socket.IPPROTO_TCP
DEADLINE_S = 30         # limit for anything that must happen
SCENARIO_S = 300        # limit for a whole scenario
KSFT_SKIP = 4

CLONE_NEWNET = 0x40000000
SIOCINQ, SIOCOUTQ = 0x541b, 0x5411
TCP_USER_TIMEOUT = 18
STATES = ("", "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1",
          "FIN-WAIT-2", "TIME-WAIT", "CLOSED", "CLOSE-WAIT", "LAST-ACK",
          "LISTEN", "CLOSING", "SYN-RECEIVED")

libc = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    """This cannot be tested here; the text is the reason."""


# --- conditions ---

def wait_until(what: str, holds: Callable, seconds: float = DEADLINE_S):
    """Calls the function until its result is true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        answer = holds()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.002)


class Thread(threading.Thread):
    """A thread whose result or exception is that of join()."""

    def __init__(self, call: Callable, *arguments):
        super().__init__(daemon=True)
        self.call, self.arguments = call, arguments
        self.result = self.error = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.call(*self.arguments)
        except BaseException as error:      # handed on by finish()
            self.error = error

    def finish(self, seconds: float = SCENARIO_S):
        self.join(seconds)
        assert not self.is_alive(), f"{self.call.__name__} still runs"
        if self.error:
            raise self.error
        return self.result


# --- namespaces ---

def syscall_result(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


class Row(NamedTuple):
    """One line of the connection table, the same for both protocols."""
    local: str
    remote: str
    state: str
    send_queue: int
    recv_queue: int
    retransmits: int
    timer: str
    uid: int
    inode: int
    columns: dict


class Namespace:
    """A network namespace; `with` moves the calling thread into it. Its
    sockets and its table of connections are those of one protocol."""

    def __init__(self, proto: int = PROTO):
        self.proto = proto
        self.toytcp = proto != socket.IPPROTO_TCP
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        syscall_result(libc.unshare(CLONE_NEWNET), "unshare (root needed)")
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        interface_up("lo")
        syscall_result(libc.setns(home, CLONE_NEWNET), "setns")
        os.close(home)
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"
        self.before: list[int] = []
        self.sockets: list[socket.socket] = []

    def abandon(self) -> None:
        """Closes everything, and lets connections end by themselves."""
        for one in self.sockets:
            one.close()
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def close(self) -> None:
        """Closes everything, and aborts orphans, which would hold the
        module."""
        for one in self.sockets:
            if one.fileno() >= 0:
                reset(one)
        if self.fd >= 0 and self.toytcp and os.path.isdir("/proc/net/toytcp"):
            self.abort_orphans()
        self.abandon()

    def abort_orphans(self) -> None:
        for row in self.connections():
            with contextlib.suppress(OSError):  # it may have ended
                self.write("/proc/thread-self/net/toytcp/connections",
                           f"abort {row.local} {row.remote}")

    def __enter__(self) -> Namespace:
        self.before.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        syscall_result(libc.setns(self.fd, CLONE_NEWNET), "setns")
        return self

    def __exit__(self, *_) -> None:
        home = self.before.pop()
        syscall_result(libc.setns(home, CLONE_NEWNET), "setns")
        os.close(home)

    def run(self, *command: str, text: str | None = None) -> str:
        """Runs a program inside; returns its output, or raises an error with
        it."""
        with self:
            done = subprocess.run(command, input=text, text=True,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}"
        return done.stdout

    def read(self, path: str) -> str:
        with self, open(path.replace("/proc/net", "/proc/thread-self/net"),
                        encoding="ascii") as file:
            return file.read()

    def write(self, path: str, text: str) -> None:
        with self, open(path, "w", encoding="ascii") as file:
            file.write(text)

    def sysctl(self, name: str, value: object) -> None:
        self.write("/proc/sys/" + name.replace(".", "/"), str(value))

    # sockets

    def socket(self, kind: int = socket.SOCK_STREAM, proto: int = None,
               family: int = socket.AF_INET) -> socket.socket:
        with self:
            made = socket.socket(family, kind,
                                 self.proto if proto is None else proto)
        made.settimeout(DEADLINE_S)
        self.sockets.append(made)
        return made

    def accept(self, listener: socket.socket) -> socket.socket:
        made, _ = listener.accept()
        made.settimeout(DEADLINE_S)
        self.sockets.append(made)
        return made

    def listen(self, address: tuple = ("", 7000),
               backlog: int = 128) -> socket.socket:
        made = self.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(backlog)
        return made

    def connect(self, address: tuple, bind: tuple = None) -> socket.socket:
        made = self.socket()
        if bind:
            made.bind(bind)
        made.connect(address)
        return made

    def start_connect(self, address: tuple,
                      bind: tuple = None) -> socket.socket:
        made = self.socket()
        made.setblocking(False)
        if bind:
            made.bind(bind)
        assert made.connect_ex(address) == 115      # EINPROGRESS
        return made

    # the tables

    def connections(self) -> list[Row]:
        if self.toytcp:
            return toytcp_rows(self.read("/proc/net/toytcp/connections"))
        return tcp_rows(self.read("/proc/net/tcp"))

    def listeners(self) -> list[dict]:
        lines = self.read("/proc/net/toytcp/listeners").splitlines()
        names = lines[0].split()
        return [dict(zip(names, line.split())) for line in lines[1:]]

    def states(self) -> list[str]:
        return sorted(row.state for row in self.connections())

    def state(self, local: tuple, remote: tuple) -> str:
        """The state in the table; CLOSED if the connection is not there."""
        ends = ("%s:%d" % local, "%s:%d" % remote)
        for row in self.connections():
            if (row.local, row.remote) == ends:
                return row.state
        return "CLOSED"

    def wait_states(self, *states: str) -> None:
        """Waits until the table has exactly these states."""
        wanted = sorted(states)
        try:
            wait_until(f"states {wanted}", lambda: self.states() == wanted)
        except AssertionError as error:
            raise AssertionError(f"{error}, but {self.states()}") from None

    def stats(self) -> dict[str, int]:
        lines = self.read("/proc/net/toytcp/stats").splitlines()
        return {name: int(value)
                for name, value in map(str.split, lines[1:])}

    def events(self) -> tuple[int, list[dict]]:
        """The number of lost records, and the records as dictionaries."""
        first, header, *lines = self.read("/proc/net/toytcp/events"
                                          ).splitlines()
        names = header.split()
        lost = int(re.fullmatch(r"# lost=(\d+)", first).group(1))
        return lost, [dict(zip(names, line.split())) for line in lines]


def toytcp_rows(text: str) -> list[Row]:
    lines = text.splitlines()
    names = lines[0].split()
    rows = []
    for line in lines[1:]:
        c = dict(zip(names, line.split()))
        rows.append(Row(c["local"], c["remote"], c["state"],
                        int(c["send_queue"]), int(c["recv_queue"]),
                        int(c["retransmits"]), c["timer"], int(c["uid"]),
                        int(c["inode"]), c))
    return rows


def tcp_end(text: str) -> str:
    address, port = text.split(":")
    packed = struct.pack("=I", int(address, 16))
    return f"{socket.inet_ntoa(packed)}:{int(port, 16)}"


def tcp_rows(text: str) -> list[Row]:
    """The kernel's own table, without the listeners."""
    rows = []
    for line in text.splitlines()[1:]:
        c = line.split()
        state = STATES[int(c[3], 16)]
        sent, received = c[4].split(":")
        if state != "LISTEN":
            rows.append(Row(tcp_end(c[1]), tcp_end(c[2]), state,
                            int(sent, 16), int(received, 16), int(c[6], 16),
                            c[5], int(c[7]), int(c[9]), {}))
    return rows


# --- interfaces ---

def interface_request(name: str, request: int, value: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        argument = struct.pack("16s24s", name.encode(), value)
        return fcntl.ioctl(any_socket, request, argument)[16:]


def interface_up(name: str) -> None:
    """Uses ioctls, since a process would take longer than all the rest."""
    flags, = struct.unpack_from("=H", interface_request(name, 0x8913, b""))
    interface_request(name, 0x8914, struct.pack("=H", flags | 1))


def interface_address(name: str, address: str, bits: int = 24) -> None:
    def packed(text: str) -> bytes:
        return struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(text))
    mask = socket.inet_ntoa(struct.pack("!I", -1 << (32 - bits) & 0xffffffff))
    interface_request(name, 0x8916, packed(address))
    interface_request(name, 0x891c, packed(mask))


def interface_mtu(name: str, mtu: int) -> None:
    interface_request(name, 0x8922, struct.pack("=i", mtu))


def hardware_address(end: Namespace, name: str) -> bytes:
    with end:
        return interface_request(name, 0x8927, b"")[2:8]


CABLE_OFFLOADS = [True]


def cable(left: Namespace, right: Namespace, net: str = "10.0.0",
          name: str = "veth0") -> tuple[str, str]:
    """A veth pair, the same name at both ends; returns the two addresses."""
    left.run("ip", "link", "add", name, "type", "veth", "peer", "name", name,
             "netns", right.path)
    addresses = f"{net}.1", f"{net}.2"
    for end, address in zip((left, right), addresses):
        with end:
            interface_address(name, address)
            interface_up(name)
        if not CABLE_OFFLOADS[-1]:
            without_offloads(end, name)
    return addresses


def add_queue(end: Namespace, kind: str, *what: str) -> None:
    try:
        end.run("tc", "qdisc", "add", "dev", "veth0", "root", kind, *what)
    except AssertionError as error:
        if "qdisc kind is unknown" in str(error):
            raise Skip(f"no {kind} in this kernel") from None
        raise


def add_netem(end: Namespace, *what: str) -> None:
    add_queue(end, "netem", "limit", "2000", *what)


def without_offloads(end: Namespace, name: str = "veth0") -> None:
    """Makes every segment a linear frame with a software checksum."""
    end.run("ethtool", "-K", name, "tso", "off", "gso", "off", "gro", "off",
            "sg", "off", "tx", "off")


# --- bytes ---

def receive(sock: socket.socket, size: int) -> bytes:
    """Receives exactly this many bytes."""
    parts, left = [], size
    while left:
        part = sock.recv(min(left, 1 << 18))
        assert part, f"end of stream, {left} of {size} bytes short"
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def receive_all(sock: socket.socket) -> bytes:
    """Receives all bytes up to the end of the stream."""
    parts = []
    while part := sock.recv(1 << 18):
        parts.append(part)
    return b"".join(parts)


def exchange(near: socket.socket, far: socket.socket,
             size: int = 1 << 20) -> None:
    """Sends random bytes one way, and some of them back."""
    data = os.urandom(size)
    sender = Thread(near.sendall, data)
    assert receive(far, size) == data
    sender.finish()
    far.sendall(data[:1000])
    assert receive(near, 1000) == data[:1000]


def queue(sock: socket.socket, request: int) -> int:
    return struct.unpack("i", fcntl.ioctl(sock, request, bytes(4)))[0]


def reset(sock: socket.socket) -> None:
    """Ends a connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def error_of(sock: socket.socket) -> int:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


# --- test cases ---

class Case(contextlib.ExitStack):
    """One run of a scenario: everything opened through it is closed at its
    end."""

    def namespace(self, proto: int = PROTO) -> Namespace:
        made = Namespace(proto)
        self.callback(made.close)
        return made

    def pair_of_hosts(self) -> tuple[Namespace, Namespace]:
        """Two namespaces, 10.0.0.1 and 10.0.0.2, and a cable."""
        left, right = self.namespace(), self.namespace()
        cable(left, right)
        return left, right

    def link(self, client: Namespace, server: Namespace,
             port: int = 7000) -> tuple[socket.socket, socket.socket]:
        """A connection over the cable, from client to server."""
        listener = server.listen(("10.0.0.2", port))
        near = client.connect(("10.0.0.2", port))
        far = server.accept(listener)
        listener.close()
        return near, far


SCENARIOS: list[tuple[Callable, bool]] = []


def scenario(toytcp_only: bool = False) -> Callable:
    """Registers a function as a test case."""
    def register(function: Callable) -> Callable:
        SCENARIOS.append((function, toytcp_only))
        return function
    return register


def comment(text: str) -> None:
    for line in text.splitlines():
        print(f"# {line}", flush=True)


def run_case(function: Callable, toytcp_only: bool) -> str:
    """Runs one case; returns the text after its name, or raises."""
    if toytcp_only and not TOYTCP:
        return " # SKIP about toytcp alone"
    faulthandler.dump_traceback_later(SCENARIO_S, exit=True)
    try:
        with Case() as case:
            function(case)
    except Skip as reason:
        return f" # SKIP {reason}"
    finally:
        faulthandler.cancel_dump_traceback_later()
    return ""


def check_module(program: str) -> None:
    """Skips or fails the program if the protocol is not available."""
    if not TOYTCP or os.path.isdir("/proc/net/toytcp"):
        return
    if os.environ.get("TOYTCP_REQUIRED") == "1":
        print(f"TAP version 13\n1..1\nnot ok 1 {program} # needs toytcp")
        sys.exit(1)
    print("TAP version 13\n1..0 # SKIP no toytcp here: is toytcp.ko loaded?")
    sys.exit(KSFT_SKIP)


def main() -> None:
    """Runs the scenarios named on the command line, or all."""
    known = {function.__name__ for function, _ in SCENARIOS}
    wanted = sys.argv[1:] or known
    program = os.path.basename(sys.argv[0])
    if not known.issuperset(wanted):
        print(f"usage: {program} [{'|'.join(sorted(known))}]",
              file=sys.stderr)
        sys.exit(2)
    check_module(program)
    chosen = [one for one in SCENARIOS if one[0].__name__ in wanted]
    print(f"TAP version 13\n1..{len(chosen)}", flush=True)
    failed = 0
    for number, (function, toytcp_only) in enumerate(chosen, 1):
        verdict, tail, began = "ok", "", time.monotonic()
        try:
            tail = run_case(function, toytcp_only)
        except Exception:       # any exception is a failure of this case
            comment(traceback.format_exc())
            verdict, failed = "not ok", failed + 1
        comment(f"{time.monotonic() - began:.1f} s")
        print(f"{verdict} {number} {function.__name__}{tail}", flush=True)
    sys.stdout.flush()
    os._exit(1 if failed else 0)        # threads of failed cases may hang

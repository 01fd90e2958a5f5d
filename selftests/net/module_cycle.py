#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Loads and unloads the module repeatedly, with traffic in between.

TOYTCP_KO is the module's file. The module is unloaded and loaded again, so
nothing else may use it; at the end it is loaded as at the start.
"""
import ctypes
import errno
import os
import re
import socket
import subprocess

import lib
import lib_segment
from lib import scenario

SYS_INIT_MODULE, SYS_FINIT_MODULE, SYS_DELETE_MODULE = 175, 313, 176
LOCALHOST = "127.0.0.1"
LOADED = "/sys/module/toytcp"


def call(number: int, *arguments) -> None:
    if lib.libc.syscall(number, *arguments) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def load(parameters: str = "") -> None:
    with open(os.environ["TOYTCP_KO"], "rb") as file:
        call(SYS_FINIT_MODULE, file.fileno(), parameters.encode(), 0)


def load_rival(parameters: str = "") -> None:
    """A copy under another name, as another module that uses 253. (After a
    dash, "toytcp" is part of the debug kernel's name and must stay.)"""
    with open(os.environ["TOYTCP_KO"], "rb") as file:
        image = re.sub(rb"(?<!-)toytcp", b"toytcq", file.read())
    image = image.replace(b"TOYTCP", b"TOYTCQ")
    call(SYS_INIT_MODULE, image, len(image), parameters.encode())


def unload(name: str = "toytcp") -> None:
    """Unloads; waits for sockets that are closing, but not for open ones."""
    call(SYS_DELETE_MODULE, name.encode(), os.O_NONBLOCK)


def unload_soon(name: str = "toytcp") -> None:
    def unloaded() -> bool:
        try:
            unload(name)
        except OSError as error:
            assert error.errno == errno.EAGAIN, error
            return False
        return True
    lib.wait_until("unloading", unloaded)


def ready(case: lib.Case) -> None:
    """Makes sure that the module is loaded, now and at the end."""
    if "TOYTCP_KO" not in os.environ:
        raise lib.Skip("TOYTCP_KO does not name the module's file")
    if not os.path.isdir(LOADED):
        load()
    case.callback(load_again)


def load_again() -> None:
    if os.path.isdir(LOADED):
        unload_soon()
    load()


def kernel_log() -> list[str]:
    """The kernel log so far."""
    fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    lines = []
    try:
        while True:
            try:
                text = os.read(fd, 8192).decode(errors="replace")
            except BrokenPipeError:     # the record was overwritten
                continue
            lines.append(text.split(";", 1)[1].splitlines()[0])
    except BlockingIOError:
        return lines
    finally:
        os.close(fd)


def exchange(proto: int = lib.PROTO) -> None:
    """Makes a connection over lo, in a namespace of its own."""
    with lib.Case() as case:
        host = case.namespace()
        listener = host.socket(proto=proto)
        listener.bind((LOCALHOST, 7000))
        listener.listen(1)
        near = host.socket(proto=proto)
        near.connect((LOCALHOST, 7000))
        far = host.accept(listener)
        data = os.urandom(100000)
        sender = lib.Thread(near.sendall, data)
        assert lib.receive(far, len(data)) == data
        sender.finish()


@scenario(toytcp_only=True)
def twenty_times_with_traffic(case):
    ready(case)
    for _ in range(20):
        exchange()
        unload_soon()
        assert not os.path.exists("/proc/net/toytcp")
        load()


@scenario(toytcp_only=True)
def refused_while_a_socket_is_open(case):
    ready(case)
    host = case.namespace()
    listener = host.listen((LOCALHOST, 7000))
    try:
        unload()
    except OSError as error:
        assert error.errno in (errno.EAGAIN, errno.EBUSY), error
    else:
        raise AssertionError("unloaded although a socket is open")
    inode = str(os.fstat(listener.fileno()).st_ino)
    assert host.listeners()[0]["inode"] == inode, "the owner is not shown"
    host.connect((LOCALHOST, 7000))
    host.accept(listener)


@scenario(toytcp_only=True)
def refused_while_an_orphan_lives(case):
    ready(case)
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    listener = host.listen()
    talk = peer.dial(7000)
    sock = host.accept(listener)
    sock.close()
    listener.close()
    talk.expect("FA")
    host.wait_states("FIN-WAIT-1")
    try:
        unload()
    except OSError as error:
        assert error.errno in (errno.EAGAIN, errno.EBUSY), error
    else:
        raise AssertionError("unloaded although an orphan lives")
    row = host.connections()[0]
    assert row.inode == 0
    host.write("/proc/thread-self/net/toytcp/connections",
               f"abort {row.local} {row.remote}")
    unload_soon()


@scenario(toytcp_only=True)
def requests_and_time_wait_do_not_block_unloading(case):
    ready(case)
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    listener = host.listen()
    talk = peer.dial(7000)
    host.accept(listener).close()
    talk.expect("FA")
    talk.send("FA")
    lib_segment.Talk(peer, 4001, 7000).send("S")
    host.wait_states("SYN-RECEIVED", "TIME-WAIT")
    listener.close()
    unload_soon()


@scenario(toytcp_only=True)
def unloaded_while_its_files_are_open(case):
    """Reads of the open files return or fail, but do no harm."""
    ready(case)
    host = case.namespace()
    with host:
        fds = [os.open(f"/proc/thread-self/net/toytcp/{name}", os.O_RDONLY)
               for name in ("connections", "listeners", "stats", "events")]
    os.read(fds[0], 10)
    unload_soon()
    for fd in fds:
        try:
            os.read(fd, 100)
        except OSError:
            pass
        os.close(fd)


@scenario(toytcp_only=True)
def unloaded_under_fire(case):
    """Unloads the module while segments arrive."""
    ready(case)
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    syn = lib_segment.Talk(peer, 4000, 7000).make("S").packet()
    stop = []

    def fire() -> None:
        while not stop:
            peer.send_raw(syn)
            peer.next(0)

    shooter = lib.Thread(fire)
    for _ in range(5):
        unload_soon()
        load()
    stop.append(True)
    shooter.finish()


class Holding:
    """A veth whose GRO holds segments for half a second; frames for it."""

    def __init__(self, case: lib.Case):
        far = case.namespace()
        # sysfs shows the devices of the initial namespace only
        subprocess.run(["ip", "link", "add", "holds", "type", "veth",
                            "peer", "name", "veth0", "netns", far.path],
                           check=True)
        case.callback(subprocess.run, ["ip", "link", "del", "holds"])
        subprocess.run(["ethtool", "-K", "holds", "gro", "on"], check=True)
        lib.interface_address("holds", "10.77.0.1")
        with open("/sys/class/net/holds/gro_flush_timeout", "w",
                  encoding="ascii") as file:
            file.write("500000000")
        lib.interface_up("holds")
        with far:
            lib.interface_up("veth0")
        lib.without_offloads(far)
        self.near = case.enter_context(socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800)))
        self.near.bind(("holds", 0x800))
        self.near.setblocking(False)
        with far:
            self.far = case.enter_context(socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW, 0))
            self.far.bind(("veth0", 0))
        self.sizes: list[int] = []
        self.head = (lib.interface_request("holds", 0x8927, b"")[2:8]
                     + lib.hardware_address(far, "veth0") + b"\x08\x00")

    def send_two(self, port: int) -> None:
        """Sends two segments that can be joined."""
        frames = []
        for seq in 0, 1400:
            packet = lib_segment.Segment("10.77.0.2", "10.77.0.1", port, 9, seq,
                                         1, "A", payload=bytes(1400)).packet()
            packet = packet[:6] + b"\x40\0" + packet[8:10] + b"\0\0" \
                + packet[12:]       # Don't Fragment
            total = lib_segment.checksum(packet[:20]).to_bytes(2, "big")
            frames.append(self.head + packet[:10] + total + packet[12:])
        for frame in frames:
            self.far.send(frame)

    def look(self) -> int:
        """Notes the sizes of segments that have arrived; returns their sum."""
        try:
            while True:
                frame, where = self.near.recvfrom(1 << 16)
                if where[2] != socket.PACKET_OUTGOING and frame[23] == 253:
                    self.sizes.append(len(frame) - 54)
        except BlockingIOError:
            return sum(self.sizes)


@scenario(toytcp_only=True)
def unloaded_while_gro_holds_segments(case):
    """Joined ones need the module to be let go. Segments that arrive in
    different jiffies are not held."""
    ready(case)
    device = Holding(case)
    for port in range(1000, 1100):
        device.sizes.clear()
        device.send_two(port)
        if not device.look():
            break
        lib.wait_until("both segments", lambda: device.look() >= 2800)
    unload_soon()
    lib.wait_until("what was held", lambda: device.look() >= 2800)
    assert device.sizes == [2800], device.sizes


@scenario(toytcp_only=True)
def packets_without_the_module(case):
    """Without the module the kernel answers with ICMP, as for any protocol."""
    ready(case)
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    unload_soon()
    peer.send_raw(lib_segment.Talk(peer, 4000, 7000).make("S").packet())
    load()


@scenario(toytcp_only=True)
def one_log_line_on_loading(case):
    ready(case)
    unload_soon()
    before = len(kernel_log())
    load()
    said = [line for line in kernel_log()[before:]
            if "toytcp" in line and "tainting" not in line
            and "out-of-tree" not in line and "verification" not in line]
    assert len(said) == 1, said
    assert "253" in said[0] and "/proc/net/toytcp" in said[0], said


@scenario(toytcp_only=True)
def bad_parameters(case):
    ready(case)
    unload_soon()
    for parameters in ("protocol=0", "protocol=6", "protocol=252",
                       "protocol=255", "protocol=256", "protocol=-3",
                       "protocol=x", "protocol="):
        try:
            load(parameters)
        except OSError as error:
            assert error.errno == errno.EINVAL, f"{parameters}: {error}"
        else:
            raise AssertionError(f"{parameters} was accepted")
        assert not os.path.isdir(LOADED), parameters


@scenario(toytcp_only=True)
def another_protocol_number(case):
    ready(case)
    unload_soon()
    load("protocol=254")
    exchange(254)
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, 253)
    except OSError as error:
        assert error.errno == errno.EPROTONOSUPPORT, error
    else:
        raise AssertionError("sockets of both numbers can be made")


@scenario(toytcp_only=True)
def number_is_taken(case):
    """Loading fails with a message and leaves nothing behind; 254 works."""
    ready(case)
    before = len(kernel_log())
    try:
        load_rival()
    except OSError as error:
        assert error.errno == errno.EBUSY, error
    else:
        raise AssertionError("two modules use one number")
    said = [line for line in kernel_log()[before:] if "toytcq:" in line]
    assert len(said) == 1 and "253 is taken" in said[0], said
    assert not os.path.exists("/proc/net/toytcq")
    load_rival("protocol=254")
    case.callback(unload_soon, "toytcq")
    exchange()
    exchange(254)


@scenario(toytcp_only=True)
def twice_at_once(case):
    ready(case)
    try:
        load()
    except OSError as error:
        assert error.errno == errno.EEXIST, error
    else:
        raise AssertionError("loaded twice")
    exchange()


if __name__ == "__main__":
    lib.main()

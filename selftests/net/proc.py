#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""/proc/net/toytcp and net.toytcp: complete, correct, and safe to read."""
import errno
import os
import re
import socket
import sys
import threading
from typing import Callable

import lib
import lib_segment
from lib import scenario

LOCALHOST = "127.0.0.1"
COLUMNS = ("local remote state send_queue recv_queue retransmits timer uid "
           "inode cwnd ssthresh srtt_us rto_us snd_una snd_nxt rcv_nxt "
           "snd_wnd rcv_wnd mss").split()
COUNTERS = ("in_segments out_segments retransmitted in_errors drop_short "
            "drop_offset drop_checksum drop_options drop_martian "
            "drop_no_socket drop_listen_overflow drop_backlog drop_filter "
            "drop_memory out_resets in_resets active_opens passive_opens "
            "established_resets attempt_fails duplicate_acks cookies_sent "
            "out_of_order").split()


def on_lo(case: lib.Case):
    """A host with a connection to itself."""
    host = case.namespace()
    listener = host.listen((LOCALHOST, 7000))
    near = host.connect((LOCALHOST, 7000))
    return host, near, host.accept(listener)


def ends(sock) -> tuple[str, str]:
    return "%s:%d" % sock.getsockname(), "%s:%d" % sock.getpeername()


def row_of(host: lib.Namespace, sock) -> lib.Row:
    """The connection's line. (The kernel's table may show it twice.)"""
    found = [row for row in host.connections()
             if (row.local, row.remote) == ends(sock)]
    assert len(found) == 1 or (found and not lib.TOYTCP), \
        f"{len(found)} lines for {ends(sock)}"
    return found[0]


def inode_of(sock) -> int:
    return os.fstat(sock.fileno()).st_ino


def refused(host: lib.Namespace, path: str, text: str, error: int) -> None:
    try:
        host.write(path, text)
    except OSError as seen:
        assert seen.errno == error, f"{path} = {text!r}: {seen}"
        return
    raise AssertionError(f"{path} took {text!r}")


# --- connections and listeners ---

@scenario(toytcp_only=True)
def columns_of_connections(case):
    host, near, far = on_lo(case)
    header = host.read("/proc/net/toytcp/connections").splitlines()[0]
    assert header.split()[:len(COLUMNS)] == COLUMNS, header
    row = row_of(host, near)
    assert row.state == "ESTABLISHED"
    assert row.inode == inode_of(near) and row.uid == os.getuid()
    assert int(row.columns["mss"]) >= 536
    assert int(row.columns["cwnd"]) > 0
    other = row_of(host, far).columns
    assert row.columns["snd_nxt"] == other["rcv_nxt"]
    assert row.columns["rcv_nxt"] == other["snd_una"]


@scenario()
def queues_of_connections(case):
    host, near, far = on_lo(case)
    near.sendall(b"seven..")
    lib.wait_until("the bytes to arrive", lambda:
                   lib.queue(far, lib.SIOCINQ) == 7)
    lib.wait_until("their acknowledgement", lambda:
                   lib.queue(near, lib.SIOCOUTQ) == 0)
    assert row_of(host, far).recv_queue == 7
    assert row_of(host, near).send_queue == 0
    lib.receive(far, 3)
    assert row_of(host, far).recv_queue == 4


@scenario()
def unacknowledged_and_timer(case):
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    listener = host.listen()
    talk = peer.dial(7000)
    sock = host.accept(listener)
    assert row_of(host, sock).timer in ("-", "00:00000000")
    sock.sendall(b"nobody answers")
    talk.expect("A", lambda s: s.payload)
    row = row_of(host, sock)
    assert row.send_queue == 14, row
    assert re.match(r"rto:\d+\.\d{3}$|01:", row.timer), row
    lib.wait_until("a retransmission", lambda:
                   row_of(host, sock).retransmits > 0)


@scenario()
def orphans_and_time_wait_have_no_inode(case):
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    listener = host.listen()
    talk = peer.dial(7000)
    sock = host.accept(listener)
    sock.close()
    talk.expect("FA")
    host.wait_states("FIN-WAIT-1")
    assert host.connections()[0].inode == 0
    talk.send("FA")
    host.wait_states("TIME-WAIT")
    assert host.connections()[0].inode == 0


@scenario(toytcp_only=True)
def listeners(case):
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    listener = host.listen((LOCALHOST, 7000), backlog=5)
    everywhere = host.listen(("", 7001), backlog=9)
    host.connect((LOCALHOST, 7000))
    lib_segment.Talk(peer, 4000, 7001).send("S")
    by_port = {one["local"]: one for one in host.listeners()}
    assert set(by_port) == {"127.0.0.1:7000", "0.0.0.0:7001"}, by_port
    one, other = by_port["127.0.0.1:7000"], by_port["0.0.0.0:7001"]
    assert one["accept_queue"] == "1" and one["embryos"] == "0"
    assert one["backlog"] == "5" and other["backlog"] == "9"
    assert other["embryos"] == "1" and other["accept_queue"] == "0"
    assert one["inode"] == str(inode_of(listener))
    assert other["inode"] == str(inode_of(everywhere))
    everywhere.close()
    assert len(host.listeners()) == 1


@scenario()
def small_reads_show_each_line_once(case):
    """The table can be read a few bytes at a time; each line is consistent."""
    host = case.namespace()
    listener = host.listen((LOCALHOST, 7000), backlog=300)
    for _ in range(250):
        host.connect((LOCALHOST, 7000))
        host.accept(listener)
    path = ("/proc/thread-self/net/toytcp/connections" if lib.TOYTCP
            else "/proc/thread-self/net/tcp")
    with host:
        fd = os.open(path, os.O_RDONLY)
    text = b""
    while part := os.read(fd, 100):
        text += part
    os.close(fd)
    rows = (lib.toytcp_rows if lib.TOYTCP else lib.tcp_rows)(text.decode())
    names = [(row.local, row.remote) for row in rows]
    assert len(names) == 500, len(names)
    assert len(set(names)) == 500, "a line was shown twice"


@scenario()
def readers_while_connections_come_and_go(case):
    """Lasting connections are in every reading once; all lines are complete."""
    host, near, _ = on_lo(case)
    stop = threading.Event()

    def read_on() -> int:
        readings = 0
        while not stop.is_set():
            row_of(host, near)
            if lib.TOYTCP:
                host.listeners()
                host.stats()
                host.read("/proc/net/toytcp/events")
            readings += 1
        return readings

    if lib.TOYTCP:
        host.sysctl("net.toytcp.events", 1)
    readers = [lib.Thread(read_on) for _ in range(2)]
    listener = host.listen((LOCALHOST, 7001))
    for number in range(300):
        one = host.connect((LOCALHOST, 7001))
        other, _ = listener.accept()
        if number % 2:
            lib.reset(one)
        other.close()
        one.close()
    stop.set()
    for reader in readers:
        assert reader.finish() > 0


@scenario(toytcp_only=True)
def abort_by_the_table(case):
    host, near, far = on_lo(case)
    path = "/proc/thread-self/net/toytcp/connections"
    local, remote = ends(near)
    for text in ("", "abort", "abort x y", f"abort {local}",
                 f"abort {local} {remote}x", f"kill {local} {remote}"):
        if text:
            refused(host, path, text, errno.EINVAL)
    refused(host, path, f"abort 1.2.3.4:5 {remote}", errno.ENOENT)
    assert row_of(host, near).state == "ESTABLISHED"
    host.write(path, f"abort {local} {remote}\n")
    assert lib.error_of(near) == errno.ECONNABORTED
    assert lib.error_of(far) == errno.ECONNRESET
    host.wait_states()


# --- who may see what ---

NOBODY = 65534
CLONE_NEWUSER = 0x10000000


def as_nobody(call: Callable[[], str], namespaces: int = 0
              ) -> tuple[int, str]:
    """Calls a function in a process without privileges, optionally in new
    namespaces; returns an errno or 0, and the text."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            if namespaces:
                lib.syscall_result(lib.libc.unshare(namespaces), "unshare")
            answer = "0 " + call()
        except OSError as error:
            answer = f"{error.errno} "
        except Exception as error:      # reported, not raised in a child
            answer = f"0 {error}"
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="ascii") as file:
        error, text = file.read().split(" ", 1)
    os.waitpid(child, 0)
    return int(error), text


def text_of(path: str) -> Callable[[], str]:
    def read() -> str:
        with open(path, encoding="ascii") as file:
            return file.read()
    return read


@scenario(toytcp_only=True)
def numbers_are_for_the_administrator(case):
    """Sequence numbers allow forging; everything else is public."""
    host, near, _ = on_lo(case)
    near.sendall(b"12345")
    with host:
        error, text = as_nobody(text_of("/proc/net/toytcp/connections"))
    assert error == 0, os.strerror(error)
    local, remote = ends(near)
    seen, = [row for row in lib.toytcp_rows(text)
             if (row.local, row.remote) == (local, remote)]
    whole = row_of(host, near)
    hidden = ("snd_una", "snd_nxt", "rcv_nxt")
    assert [seen.columns[name] for name in hidden] == ["0"] * 3, seen
    assert all(whole.columns[name] != "0" for name in hidden), whole
    for name in ("mss", "rcv_wnd", "snd_wnd", "state", "inode", "uid"):
        assert seen.columns[name] == whole.columns[name], (name, seen, whole)


@scenario(toytcp_only=True)
def events_are_for_the_administrator(case):
    """Permission is checked at open: an open file may be passed on."""
    host, _, _ = on_lo(case)
    host.sysctl("net.toytcp.events", 1)
    host.connect((LOCALHOST, 7000))
    with host:
        assert as_nobody(text_of("/proc/net/toytcp/events")) \
            == (errno.EPERM, "")
        opened = os.open("/proc/thread-self/net/toytcp/events", os.O_RDONLY)
    assert as_nobody(text_of(f"/proc/self/fd/{opened}")) == (errno.EPERM, "")
    error, text = as_nobody(lambda: os.read(opened, 7).decode())
    os.close(opened)
    assert (error, text) == (0, "# lost="), "what root has opened, others read"


@scenario(toytcp_only=True)
def ladder_says_that_it_needs_root(case):
    sys.path.append(os.path.join(os.path.dirname(__file__),
                                 "../../scripts/toytcp.d"))
    import ladder       # by root: others may not find it here
    host = case.namespace()
    with host:
        error, text = as_nobody(lambda: str(ladder.read_sources([], [])))
    assert error == 0 and "needs root (CAP_NET_ADMIN" in text, text


@scenario(toytcp_only=True)
def events_are_for_the_root_of_a_user_namespace(case):
    """An unprivileged user is the administrator of its own namespace."""
    error, text = as_nobody(text_of("/proc/net/toytcp/events"),
                            CLONE_NEWUSER | lib.CLONE_NEWNET)
    if error == errno.ENOSPC or error == errno.EINVAL:
        raise lib.Skip("no user namespaces for unprivileged users here")
    assert error == 0, os.strerror(error)
    assert text.startswith("# lost=0\n"), text


# --- counters ---

@scenario(toytcp_only=True)
def counters(case):
    host = case.namespace()
    before = host.stats()
    missing = [name for name in COUNTERS if name not in before]
    assert not missing, f"no counters {missing}"
    listener = host.listen((LOCALHOST, 7000))
    near = host.connect((LOCALHOST, 7000))
    host.accept(listener)
    try:
        host.connect((LOCALHOST, 9))
    except ConnectionRefusedError:
        pass
    lib.reset(near)
    host.wait_states()
    after = host.stats()
    rose = {name: after[name] - before[name] for name in after}
    expected = {"active_opens": 2, "passive_opens": 1, "attempt_fails": 1,
                "out_resets": 2, "in_resets": 2, "in_errors": 0}
    seen = {name: rose[name] for name in expected}
    assert seen == expected, seen
    assert rose["in_segments"] == rose["out_segments"] == 6, rose
    assert rose["established_resets"] >= 1, rose


# --- events ---

def flags_of(records: list[dict], direction: str) -> list[str]:
    return [one["flags"] for one in records if one["dir"] == direction]


@scenario(toytcp_only=True)
def events_are_off_until_asked_for(case):
    host, _, _ = on_lo(case)
    assert host.events() == (0, [])
    host.sysctl("net.toytcp.events", 1)
    assert host.read("/proc/sys/net/toytcp/events") == "1\n"
    host.connect((LOCALHOST, 7000))
    assert host.events()[1]


@scenario(toytcp_only=True)
def events_tell_a_connection(case):
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    host.sysctl("net.toytcp.events", 1)
    sock = host.start_connect(("10.1.0.2", 80), bind=("10.1.0.1", 5000))
    talk = peer.answer()
    talk.send("PA", b"12345")
    sock.settimeout(lib.DEADLINE_S)
    assert lib.receive(sock, 5) == b"12345"
    talk.expect("A", lambda s: s.ack == talk.seq)
    sock.close()
    talk.expect("FA")
    talk.send("FA")
    host.wait_states("TIME-WAIT")
    lost, records = host.events()
    assert lost == 0
    assert {one["connection"] for one in records} \
        == {"10.1.0.1:5000>10.1.0.2:80"}, records
    assert flags_of(records, "out") == ["SYN", "ACK", "ACK", "FIN,ACK",
                                        "ACK"], records
    assert flags_of(records, "in") == ["SYN,ACK", "PSH,ACK", "FIN,ACK"]
    numbers = [int(one["n"]) for one in records]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    times = [int(one["time_us"]) for one in records]
    assert times == sorted(times)
    states = [(one["before"], one["after"]) for one in records
              if one["before"] != one["after"]]
    assert states[0][1] == "SYN-SENT" and states[-1][1] == "TIME-WAIT"
    assert all(a[1] == b[0] for a, b in zip(states, states[1:])), states
    data = [one for one in records if one["dir"] == "in"
            and one["len"] == "5"]
    assert len(data) == 1 and data[0]["seq"] == "1001", data
    assert all(re.fullmatch(r"\S+", one["cause"]) for one in records)
    assert host.events() == (lost, records), "reading has consumed"


def lost_events(host: lib.Namespace) -> int:
    """The header's number; reading a whole ring takes long in a test VM."""
    with host:
        fd = os.open("/proc/thread-self/net/toytcp/events", os.O_RDONLY)
    try:
        return int(os.read(fd, 64).split()[1].removeprefix(b"lost="))
    finally:
        os.close(fd)


@scenario(toytcp_only=True)
def events_lost_are_counted(case):
    """The ring overwrites the oldest records, and the header counts them."""
    host, near, far = on_lo(case)
    host.sysctl("net.toytcp.events", 1)
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sent = 0
    while lost_events(host) == 0:
        for _ in range(300):
            near.sendall(b"ping")
            lib.receive(far, 4)
        sent += 1
        assert sent < 1000, "the ring has no end"
    lost, records = host.events()
    assert int(records[-1]["n"]) >= lost + len(records) - 1


@scenario(toytcp_only=True)
def events_switched_under_traffic(case):
    host, near, far = on_lo(case)
    for number in range(50):
        host.sysctl("net.toytcp.events", number % 2)
        near.sendall(b"ping")
        assert lib.receive(far, 4) == b"ping"
        host.events()


# --- settings ---

BAD_SETTINGS = {
    "events": ("2", "-1", "on"),
    "time_wait_ms": ("0", "-1", "99999999999", "soon"),
    "rmem": ("0 0 0", "-1 4096 8192", "8192 4096 2048", "x"),
    "wmem": ("0 0 0", "-1 4096 8192", "8192 4096 2048", "x"),
}


@scenario(toytcp_only=True)
def bad_settings_are_refused(case):
    host = case.namespace()
    for name, values in BAD_SETTINGS.items():
        path = f"/proc/sys/net/toytcp/{name}"
        before = host.read(path)
        for value in values:
            refused(host, path, value, errno.EINVAL)
            assert host.read(path) == before, f"{name} = {value}"


@scenario(toytcp_only=True)
def congestion_control_is_chosen_for_new_sockets(case):
    host = case.namespace()
    path = "/proc/sys/net/toytcp/congestion_control"

    def chosen():
        return host.socket().getsockopt(
            lib.socket.IPPROTO_TCP, lib.socket.TCP_CONGESTION,
            16).rstrip(b"\0")

    assert host.read("/proc/sys/net/toytcp/available_congestion_control") \
        == "reno cubic\n"
    for name in "nosuch", "renoo":
        refused(host, path, name, errno.ENOENT)
    assert host.read(path) == "cubic\n"
    assert chosen() == b"cubic"
    host.sysctl("net.toytcp.congestion_control", "reno")
    assert chosen() == b"reno"


@scenario(toytcp_only=True)
def good_settings_are_taken(case):
    host = case.namespace()
    for name, value in {"events": "1", "time_wait_ms": "500",
                        "rmem": "8192\t16384\t32768",
                        "wmem": "8192\t16384\t32768",
                        "congestion_control": "reno"}.items():
        host.sysctl(f"net.toytcp.{name}", value)
        assert host.read(f"/proc/sys/net/toytcp/{name}") == value + "\n"
    sock = host.socket()
    assert sock.getsockopt(lib.socket.SOL_SOCKET, lib.socket.SO_RCVBUF) \
        == 16384
    assert sock.getsockopt(lib.socket.SOL_SOCKET, lib.socket.SO_SNDBUF) \
        == 16384


if __name__ == "__main__":
    lib.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The worked example: fifteen segments between two network namespaces.

   client 10.0.0.1:40000, ISN 69  ----- veth -----  server 10.0.0.2:7000, 420

The client writes 30 bytes, then 5; the server writes 10, then 5; the client
closes first. One program holds both sockets and proceeds step by step: each
step waits until /proc or the socket shows that the previous one has finished.
So no segments merge, whatever the policy for acknowledgements.

With --show it is a demonstration; without, it is a test that prints KTAP.
"""
import errno
import os
import socket
import struct
import subprocess
import sys
import time
from fcntl import ioctl

HERE = os.path.dirname(os.path.realpath(__file__))
SCRIPTS = (os.environ.get("TOYTCP_SCRIPTS")
           or os.path.join(HERE, "..", "..", "scripts"))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SCRIPTS, "toytcp.d"))

import common       # noqa: E402 (the path had to be set first)
import ladder       # noqa: E402
import table        # noqa: E402
from drawing import Style   # noqa: E402

CLIENT = ("10.0.0.1", 40000)
SERVER = ("10.0.0.2", 7000)
CLIENT_ISN, SERVER_ISN = 69, 420
SOL_TOYTCP, TOYTCP_ISN = 253, 1
SIOCOUTQ = 0x5411
DEADLINE_S = 30
SKIPPED = 4

EXPECTED = """\
1 C SYN 69 - 0
2 S SYN,ACK 420 70 0
3 C ACK 70 421 0
4 C PSH,ACK 70 421 30
5 S ACK 421 100 0
6 C PSH,ACK 100 421 5
7 S ACK 421 105 0
8 S PSH,ACK 421 105 10
9 C ACK 105 431 0
10 S PSH,ACK 431 105 5
11 C ACK 105 436 0
12 C FIN,ACK 105 436 0
13 S ACK 436 106 0
14 S FIN,ACK 436 106 0
15 C ACK 106 437 0""".splitlines()


class Host:
    """One side: a network namespace of its own."""

    def __init__(self, role: str, address: str):
        self.netns = f"toytcp-{role}-{os.getpid()}"
        self.address = address

    def configure(self) -> None:
        ip("-n", self.netns, commands=[
            f"addr add {self.address}/24 dev veth0", "link set veth0 up"])
        with common.inside(self.netns):
            with open("/proc/sys/net/toytcp/events", "w") as switch:
                switch.write("1")

    def socket(self) -> socket.socket:
        with common.inside(self.netns):
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM,
                                 common.module_protocol())
        made.settimeout(DEADLINE_S)
        return made

    def state(self, local: tuple, remote: tuple) -> str | None:
        """The state of a connection in /proc, or None."""
        ends = [f"{address}:{port}" for address, port in (local, remote)]
        for line in common.read_proc("connections", self.netns).splitlines():
            if line.split()[:2] == ends:
                return line.split()[2]
        return None

    def retransmissions(self) -> int:
        """The sum of all retransmission counters in stats."""
        lines = common.read_proc("stats", self.netns).splitlines()
        counters = [line.split() for line in lines if "retrans" in line]
        return sum(int(value) for _, value in counters)


def ip(*options: str, commands: list[str]) -> None:
    """Runs several commands in one process: processes are slow in a test VM."""
    subprocess.run(["ip", *options, "-batch", "-"], check=True, text=True,
                   input="\n".join(commands))


def build(client: Host, server: Host) -> None:
    """Makes two namespaces and a cable between them."""
    ip(commands=[f"netns add {client.netns}", f"netns add {server.netns}",
                 f"link add veth0 netns {client.netns} type veth "
                 f"peer name veth0 netns {server.netns}"])
    client.configure()
    server.configure()


def demolish(*hosts: Host) -> None:
    for host in hosts:
        subprocess.run(["ip", "netns", "del", host.netns], check=False,
                       stderr=subprocess.DEVNULL)


def wait_until(what: str, holds) -> None:
    """Waits until the condition is true."""
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        if time.monotonic() > deadline:
            raise common.Failure(f"{DEADLINE_S} s and still not: {what}")
        time.sleep(0.001)


def unacknowledged(sender: socket.socket) -> int:
    return struct.unpack("i", ioctl(sender, SIOCOUTQ, b"\0" * 4))[0]


def set_isn(which: socket.socket, isn: int) -> None:
    which.setsockopt(SOL_TOYTCP, TOYTCP_ISN, struct.pack("=I", isn))


def quick_ack(*receivers: socket.socket) -> None:
    for receiver in receivers:
        receiver.setsockopt(socket.SOL_TCP, socket.TCP_QUICKACK, 1)


def write(sender: socket.socket, receiver: socket.socket, length: int) -> None:
    """One step of data: send, and wait for the acknowledgement."""
    quick_ack(receiver)
    sender.sendall(bytes(length))
    wait_until(f"{length} bytes acknowledged",
               lambda: unacknowledged(sender) == 0)


def read(receiver: socket.socket, length: int) -> None:
    got = receiver.recv(length, socket.MSG_WAITALL)
    if len(got) != length:
        raise common.Failure(f"read {len(got)} bytes instead of {length}")


def listen(server: Host) -> socket.socket:
    listener = server.socket()
    set_isn(listener, SERVER_ISN)
    listener.bind(SERVER)
    listener.listen()
    return listener


def connect(server: Host, opener: socket.socket) -> socket.socket:
    """The handshake; returns the server's socket."""
    with listen(server) as listener:
        set_isn(opener, CLIENT_ISN)
        opener.bind(CLIENT)
        opener.connect(SERVER)
        accepted, _ = listener.accept()
        accepted.settimeout(DEADLINE_S)
        wait_until("server ESTABLISHED", lambda: server.state(
            SERVER, CLIENT) == "ESTABLISHED")
        return accepted


def exchange(opener: socket.socket, accepted: socket.socket) -> None:
    """The data, 35 bytes one way and 15 back."""
    write(opener, accepted, 30)
    write(opener, accepted, 5)
    read(accepted, 35)
    write(accepted, opener, 10)
    write(accepted, opener, 5)
    read(opener, 15)


def close_connection(client: Host, server: Host, opener: socket.socket,
                     accepted: socket.socket) -> None:
    """The client closes, then the server."""
    quick_ack(accepted)
    opener.close()
    wait_until("client in FIN-WAIT-2", lambda: client.state(
        CLIENT, SERVER) == "FIN-WAIT-2")
    accepted.close()
    wait_until("client in TIME-WAIT", lambda: client.state(
        CLIENT, SERVER) == "TIME-WAIT")
    wait_until("server's entry gone", lambda: server.state(
        SERVER, CLIENT) is None)


def play(client: Host, server: Host, show: bool) -> None:
    with client.socket() as opener, connect(server, opener) as accepted:
        exchange(opener, accepted)
        if show:
            show_tables(client, server)
        close_connection(client, server, opener, accepted)


def show_tables(*hosts: Host) -> None:
    """Shows the connection tables halfway through."""
    for host, name in zip(hosts, ("client", "server")):
        print(f"{common.PROC}/connections of the {name}, after the data and "
              "before the close:\n")
        text = table.connections(host.netns, True)
        if max(map(len, text.splitlines())) > (common.columns() or 999):
            text = table.connections(host.netns, False)
        print(text, "\n", flush=True)


def recordings(*hosts: Host) -> list[str]:
    return [common.read_proc("events", host.netns) for host in hosts]


def differences(texts: list[str]) -> list[str]:
    """The differences from the table, one per line."""
    report = ladder.report(texts, Style(), as_segments=True)
    seen = [line for line in report.splitlines() if not line.startswith("#")]
    missing = [f"missing: {line}" for line in EXPECTED if line not in seen]
    return missing + [f"not expected: {line}" for line in seen
                      if line not in EXPECTED]


def verdict(ok: bool, number: int, name: str) -> bool:
    print(f"{'ok' if ok else 'not ok'} {number} {name}")
    return ok


def judge(texts: list[str], again: int, show: bool) -> bool:
    wrong = differences(texts)
    for line in wrong:
        print(f"# {line}")
    if show:
        print(f"{len(EXPECTED)} segments, as in the table of the worked "
              "example" if not wrong else "the segments differ from the table")
        return not wrong and again == 0
    return all([verdict(not wrong, 1, "exactly the fifteen segments"),
                verdict(again == 0, 2, f"no retransmission ({again} counted)")])


def available() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM,
                      common.module_protocol()).close()
        return os.geteuid() == 0
    except OSError as error:
        if error.errno == errno.EPROTONOSUPPORT:
            return False
        raise


def main(show: bool) -> int:
    if not available():
        print("TAP version 13\n1..0 # SKIP needs root and toytcp.ko loaded")
        return SKIPPED
    if not show:
        print("TAP version 13\n1..2", flush=True)
    client, server = Host("client", CLIENT[0]), Host("server", SERVER[0])
    try:
        build(client, server)
        play(client, server, show)
        texts = recordings(client, server)
        style = Style(columns=common.columns() if show else None)
        print(ladder.report(texts, style), "\n", flush=True)
        again = client.retransmissions() + server.retransmissions()
        return 0 if judge(texts, again, show) else 1
    except common.Failure as failure:
        print(ladder.report(recordings(client, server), Style()))
        print(f"# {failure}\nnot ok 1 {failure}")
        return 1
    finally:
        demolish(client, server)


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--show"]):
        print("usage: worked_example.py [--show]", file=sys.stderr)
        sys.exit(2)
    sys.exit(main("--show" in sys.argv))

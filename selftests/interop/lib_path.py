# SPDX-License-Identifier: GPL-2.0
"""A path between toytcp and the kernel's TCP, and its counters.

    client              middle               server
    10.0.1.1 -- TUN -- .2    10.0.0.1 -- veth -- .2
                |
          toytcp translate

Each namespace has its own protocol; if they differ, the cable on the left swaps
the numbers. The namespace in the middle does all damage: the hosts' own queues
drop nothing, and in the middle there are only single packets, not
super-segments.
"""
import os
import socket
import subprocess
import sys
from typing import NamedTuple

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "net"))

import lib      # noqa: E402 (the path had to be set first)

TOYTCP = os.path.join(HERE, "..", "..", "scripts", "toytcp")
TCP = 6
SERVER, CABLE = ("10.0.0.2", 7000), "translate"
# The same counters of each protocol: in /proc/net/toytcp/stats, and in
# /proc/net/snmp and netstat.
NAMES = {
    "retransmitted": ("retransmitted", "Tcp.RetransSegs"),
    "timeouts": ("timeouts", "TcpExt.TCPTimeouts"),
    "checksum": ("drop_checksum", "Tcp.InCsumErrors"),
}


class Counters(NamedTuple):
    """The counters of a path: packets, bytes, and the hosts' errors.
    Retransmissions are counted for each host, the others for both together."""
    packets: int
    bytes: int
    by_client: int
    by_server: int
    timeouts: int
    checksum: int


def kernel_counters(text: str) -> dict[str, int]:
    """Parses pairs of lines such as "Tcp: name name", "Tcp: 1 2"."""
    lines = [line.split() for line in text.splitlines()]
    return {names[0].replace(":", ".") + name: int(value)
            for names, values in zip(lines[::2], lines[1::2])
            for name, value in zip(names[1:], values[1:])}


def counter(host: lib.Namespace, what: str) -> int:
    ours, theirs = NAMES[what]
    if host.toytcp:
        return host.stats()[ours]
    group = "netstat" if theirs.startswith("TcpExt") else "snmp"
    return kernel_counters(host.read("/proc/net/" + group))[theirs]


def device_counters(end: lib.Namespace, name: str) -> tuple[int, int]:
    """The bytes and packets that a device received."""
    for line in end.read("/proc/net/dev").splitlines():
        if line.strip().startswith(name + ":"):
            numbers = line.split(":")[1].split()
            return int(numbers[0]), int(numbers[1])
    raise AssertionError(f"no device {name}")


class Path:
    """Client, middle and server."""

    def __init__(self, case: lib.Case, client: int, server: int):
        self.case = case
        self.client = case.namespace(client)
        self.middle = case.namespace(TCP)
        self.server = case.namespace(server)
        self.hosts = self.client, self.server
        lib.cable(self.middle, self.server)
        self.translate(client if client != TCP else server, client != server)
        self.route()
        lib.without_offloads(self.server)

    def translate(self, protocol: int, swap: bool) -> None:
        """Starts the cable, which prints a line when it is ready."""
        self.program = program = subprocess.Popen(
            [TOYTCP, "translate", "--protocol", str(protocol if swap else TCP),
             "--device", CABLE, self.client.path, self.middle.path],
            stdout=subprocess.PIPE)
        self.case.callback(program.wait)
        self.case.callback(program.terminate)
        assert program.stdout.readline(), "the translator did not start"

    def route(self) -> None:
        for end, address in ((self.client, "10.0.1.1"),
                             (self.middle, "10.0.1.2")):
            with end:
                lib.interface_address(CABLE, address)
                lib.interface_up(CABLE)
        self.middle.sysctl("net.ipv4.ip_forward", 1)
        self.client.run("ip", "route", "add", "10.0.0.0/24", "dev", CABLE)
        self.server.run("ip", "route", "add", "10.0.1.0/24", "via",
                        "10.0.0.1")

    def netem(self, *what: str) -> None:
        """Sets netem in both directions."""
        for device in CABLE, "veth0":
            try:
                self.middle.run("tc", "qdisc", "add", "dev", device, "root",
                                "netem", "limit", "20000", *what)
            except AssertionError as error:
                if "qdisc kind is unknown" in str(error):
                    raise lib.Skip("no netem in this kernel") from None
                raise

    def mtu(self, size: int) -> None:
        """Sets the MTU of the middle's routes: the hosts learn it from ICMP
        errors. (A device with a lower MTU than its peer's would only drop.)"""
        for net, device in (("10.0.1", CABLE), ("10.0.0", "veth0")):
            self.middle.run("ip", "route", "replace", net + ".0/24", "dev",
                            device, "mtu", str(size))

    def ask_for_ecn(self) -> None:
        for host in self.hosts:
            host.sysctl("net.toytcp.ecn" if host.toytcp else
                        "net.ipv4.tcp_ecn", 1)

    def connect(self, buffer: int = 0) -> tuple:
        """A connection's two sockets, optionally with small receive buffers."""
        listener = self.server.listen(("", SERVER[1]))
        near = self.client.socket()
        for sock in near, listener:
            sock.settimeout(lib.SCENARIO_S)
            if buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        near.connect(SERVER)
        far = self.server.accept(listener)
        far.settimeout(lib.SCENARIO_S)
        listener.close()
        return near, far

    def counters(self) -> Counters:
        passed = [device_counters(self.middle, name)
                  for name in (CABLE, "veth0")]
        return Counters(sum(packets for _, packets in passed),
                        sum(size for size, _ in passed),
                        *(counter(host, "retransmitted")
                          for host in self.hosts),
                        *(sum(counter(host, what) for host in self.hosts)
                          for what in ("timeouts", "checksum")))

    def wait_closed(self) -> None:
        """Waits until both ends have at most TIME-WAIT left."""
        def rest() -> set[str]:
            return {state for host in self.hosts for state in host.states()}

        try:
            lib.wait_until("both ends closed", lambda: rest() <= {"TIME-WAIT"},
                           lib.SCENARIO_S)
        except AssertionError as error:
            raise AssertionError(f"{error}, but {rest()}") from None
        for host in self.hosts:
            if host.toytcp:
                lib.comment(f"drop_backlog: {host.stats()['drop_backlog']}")
                continue
            said = host.run("ss", "-Htan")
            assert set(said.split()[::5]) <= {"TIME-WAIT"}, said

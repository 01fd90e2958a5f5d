#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The translator itself: what it changes, and what it leaves alone."""
import errno
import os
import socket

import lib_path
from lib_path import CABLE, TCP, Path, counter, lib

TOYTCP = lib.PROTO
BOTH_WAYS = (TOYTCP, TCP), (TCP, TOYTCP)


def send_to_server(path: Path, data: bytes) -> None:
    near, far = path.connect()
    sender = lib.Thread(near.sendall, data)
    assert lib.receive(far, len(data)) == data
    sender.finish()
    near.close()
    far.close()
    path.wait_closed()


def both_ways(test):
    """Registers a test that takes the two protocols."""
    def run(case: lib.Case) -> None:
        for client, server in BOTH_WAYS:
            with lib.Case() as inner:
                test(Path(inner, client, server))

    run.__name__ = test.__name__
    return lib.scenario()(run)


@both_ways
def connection_refused(path):
    """A closed port's reset arrives in the other protocol."""
    try:
        path.client.connect(("10.0.0.2", 1))
    except ConnectionRefusedError:
        return
    raise AssertionError("somebody listens on port 1")


@both_ways
def icmp_errors_reach_who_caused_them(path):
    """The quoted header has the protocol of the receiving side."""
    path.middle.run("ip", "route", "add", "unreachable", "10.0.0.9")
    sock = path.client.socket()
    assert sock.connect_ex(("10.0.0.9", 7000)) == errno.EHOSTUNREACH


@both_ways
def icmp_errors_cross_the_cable_backwards(path):
    """The server's segments are delivered to their own protocol at the
    client."""
    listener = path.server.listen(("", 7000))
    near = path.client.connect(("10.0.0.2", 7000))
    far = path.server.accept(listener)
    path.client.run("ip", "link", "set", CABLE, "mtu", "700")
    path.mtu(700)
    data = os.urandom(100000)
    sender = lib.Thread(far.sendall, data)
    assert lib.receive(near, len(data)) == data
    sender.finish()


@both_ways
def fragments(path):
    """Later fragments have a protocol number, but no checksum."""
    listener = path.server.listen(("", 7000))
    near = path.client.socket()
    path.mtu(700)
    for sock in near, listener:
        sock.setsockopt(socket.IPPROTO_IP, 10, 0)   # IP_PMTUDISC_DONT
    near.connect(("10.0.0.2", 7000))
    far = path.server.accept(listener)
    for sender, reader in (near, far), (far, near):
        data = os.urandom(100000)
        work = lib.Thread(sender.sendall, data)
        assert lib.receive(reader, len(data)) == data
        work.finish()
    made = lib_path.kernel_counters(path.middle.read("/proc/net/snmp"))
    assert made["Ip.FragCreates"] > 100


@both_ways
def spoilt_stays_spoilt(path):
    """A checksum is adjusted by the difference, not recomputed."""
    path.netem("corrupt", "5%", "delay", "1ms")
    send_to_server(path, os.urandom(300000))
    assert sum(counter(host, "checksum") for host in path.hosts) > 0


@both_ways
def datagrams_pass_as_they_are(path):
    server = path.server.socket(socket.SOCK_DGRAM, socket.IPPROTO_UDP)
    server.bind(("", 9))
    client = path.client.socket(socket.SOCK_DGRAM, socket.IPPROTO_UDP)
    client.sendto(b"as it is", ("10.0.0.2", 9))
    assert server.recv(100) == b"as it is"


@lib.scenario()
def ends_with_the_namespace(case):
    """The translator ends by itself when its devices are gone."""
    path = Path(case, TOYTCP, TCP)
    path.client.run("ip", "link", "delete", CABLE)
    assert path.program.wait(lib.DEADLINE_S) == 1


if __name__ == "__main__":
    lib.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Timestamps on the wire: negotiation, PAWS, TIME-WAIT (RFC 7323, 6191)."""
import errno
import time

import lib
import lib_segment
from lib import scenario
from lib_segment import stamp, stamp_of


class Stamped(lib_segment.Talk):
    """A connection whose segments carry timestamps from the test's clock."""

    clock = 5000
    echo = 0

    def send(self, flags, payload=b"", **fields):
        fields.setdefault("options", stamp(self.clock, self.echo))
        return super().send(flags, payload, **fields)

    def expect(self, flags, where=lambda segment: True,
               seconds=lib.DEADLINE_S):
        segment = super().expect(flags, where, seconds)
        found = stamp_of(segment)
        assert found, f"{segment} has no timestamp"
        self.echo = found[0]
        return segment


def dial(peer: lib_segment.Peer, **fields) -> Stamped:
    talk = Stamped(peer, 4000, 7000, **fields)
    talk.send("S")
    talk.expect("SA")
    talk.send("A")
    return talk


def alone(case: lib.Case) -> tuple[lib.Namespace, lib_segment.Peer]:
    host = case.namespace()
    return host, lib_segment.Peer(case, host)


@scenario()
def echoed_on_every_segment(case):
    host, peer = alone(case)
    listener = host.listen()
    talk = dial(peer)
    sock = host.accept(listener)
    talk.clock += 10
    talk.send("PA", b"x")
    talk.expect("A", lambda s: stamp_of(s)[1] == talk.clock)
    sock.send(b"answer")
    talk.expect("A", lambda s: s.payload == b"answer")


@scenario(toytcp_only=True)
def not_sent_unless_agreed(case):
    """Nor if the administrator has turned them off."""
    host, peer = alone(case)
    listener = host.listen()
    talk = peer.dial(7000)
    sock = host.accept(listener)
    sock.send(b"x")
    assert not talk.expect("A", lambda s: s.payload).options
    host.sysctl("net.toytcp.timestamps", 0)
    host.start_connect((peer.address, 80))
    syn = peer.next()
    while syn.flags != "S":
        syn = peer.next()
    assert stamp_of(syn) is None


@scenario()
def clocks_hide_the_uptime(case):
    """Each four-tuple's clock has a different offset."""
    host, peer = alone(case)
    stamps = []
    for port in 80, 81:
        host.start_connect((peer.address, port))
        stamps.append(stamp_of(peer.next())[0])
    assert abs(stamps[0] - stamps[1]) > 10000, stamps


@scenario()
def paws(case):
    """Text in the window with an old timestamp is dropped."""
    host, peer = alone(case)
    listener = host.listen()
    talk = dial(peer)
    sock = host.accept(listener)
    talk.clock += 1000
    talk.send("PA", b"new ")
    talk.expect("A", lambda s: s.ack == talk.seq)
    talk.send("PA", b"old", seq=talk.seq, options=stamp(talk.clock - 9))
    talk.expect("A", lambda s: s.ack == talk.seq)
    if lib.TOYTCP:
        assert host.stats()["drop_paws"] == 1
    talk.send("PA", b"text")
    assert lib.receive(sock, 8) == b"new text"


@scenario(toytcp_only=True)
def missing_timestamps(case):
    host, peer = alone(case)
    listener = host.listen()
    talk = dial(peer)
    sock = host.accept(listener)
    talk.send("PA", b"forged", seq=talk.seq, options=b"")
    lib.wait_until("it is dropped", lambda: host.stats()["drop_paws"] == 1)
    talk.send("PA", b"x")
    assert lib.receive(sock, 1) == b"x"
    talk.send("R", options=b"")
    host.wait_states()


@scenario()
def time_wait_yields_to_a_later_clock(case):
    """The new SYN has an old sequence number, but a later timestamp."""
    host, peer = alone(case)
    listener = host.listen()
    talk = dial(peer)
    sock = host.accept(listener)
    talk.send("PA", b"x" * 1000)
    assert lib.receive(sock, 1000)
    sock.close()
    talk.expect("FA")
    talk.send("FA")
    host.wait_states("TIME-WAIT")
    anew = Stamped(peer, 4000, 7000, seq=talk.seq - 500)
    anew.clock = talk.clock - 1
    anew.send("S", seq=anew.seq)
    assert host.states() == ["TIME-WAIT"]
    anew.clock = talk.clock + 1
    anew.send("S")
    anew.expect("SA")
    anew.send("A")
    host.wait_states("ESTABLISHED")
    host.accept(listener)


def one_port_in_time_wait(case):
    """Two hosts, the first with only one port, and a listener."""
    left, right = case.pair_of_hosts()
    listener = right.listen()
    left.sysctl("net.ipv4.ip_local_port_range", "4000 4000")
    near = left.connect(("10.0.0.2", 7000))
    far = right.accept(listener)
    near.close()
    assert not far.recv(1)
    far.close()
    left.wait_states("TIME-WAIT")
    return left, right, listener


def connects(end):
    sock = end.socket()
    try:
        sock.connect(("10.0.0.2", 7000))
    except OSError as error:
        assert error.errno == errno.EADDRNOTAVAIL, error
        sock.close()
        return None
    return sock


@scenario(toytcp_only=True)
def connect_takes_a_port_out_of_time_wait(case):
    """It does so only after the timestamp clock has advanced, however long
    TIME-WAIT lasts by now."""
    left, right, listener = one_port_in_time_wait(case)
    ended = time.monotonic()
    left.sysctl("net.toytcp.time_wait_ms", 600000)
    near = lib.wait_until("a second connection", lambda: connects(left))
    assert time.monotonic() - ended > 0.5
    assert near.getsockname() == ("10.0.0.1", 4000)
    right.accept(listener)
    near.send(b"x")
    assert left.stats()["time_wait_reused"] == 1


@scenario(toytcp_only=True)
def time_wait_yields_to_timestamps_alone(case):
    """Without timestamps, old segments could not be recognized."""
    left, _, listener = one_port_in_time_wait(case)
    left.sysctl("net.toytcp.timestamps", 0)
    lib.wait_until("a second of TIME-WAIT", lambda: float(
        left.connections()[0].timer.removeprefix("2msl:")) < 58.5)
    assert not connects(left), "a port out of TIME-WAIT"
    left.sysctl("net.toytcp.timestamps", 1)
    assert connects(left)
    listener.close()


if __name__ == "__main__":
    lib.main()

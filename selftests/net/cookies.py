#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""SYN cookies: real clients are served during a flood of SYNs."""
from __future__ import annotations

import hashlib
import os
import threading

import lib
import lib_segment
from lib import scenario
from lib_segment import stamp, stamp_of

LIMIT = 128             # embryos of a listener
PORT = 7000
SOL_TOYTCP, TOYTCP_ISN = 253, 1


def forged(peer: lib_segment.Peer, number: int) -> bytes:
    """A SYN from the address of a host that never answers."""
    return lib_segment.Segment(
        f"10.1.0.{3 + number % 200}", peer.host, 2000 + number // 200 % 60000,
        PORT, seq=number, flags="S",
        options=lib_segment.mss_option(1460)).packet()


def fill(host: lib.Namespace, peer: lib_segment.Peer) -> None:
    """The SYN queue is full."""
    for number in range(LIMIT):
        peer.send_raw(forged(peer, number))
    lib.wait_until("a full listener",
                   lambda: int(host.listeners()[0]["embryos"]) >= LIMIT)


def make_room(host: lib.Namespace, peer: lib_segment.Peer) -> None:
    """Makes room by resetting one request."""
    peer.send_raw(lib_segment.Segment("10.1.0.3", peer.host, 2000, PORT, seq=1,
                                      flags="R").packet())
    lib.wait_until("room for an embryo", lambda: int(
        host.listeners()[0]["embryos"]) < LIMIT)


class Flood(lib.Thread):
    """Sends forged SYNs until stopped, and ignores the answers."""

    def __init__(self, case: lib.Case, peer: lib_segment.Peer):
        self.peer, self.over = peer, threading.Event()
        super().__init__(self.send)
        case.callback(self.stop)

    def send(self) -> None:
        number = 0
        while not self.over.wait(0.001):
            for _ in range(20):
                self.peer.send_raw(forged(self.peer, number))
                number += 1
            while self.peer.next(0):
                pass

    def stop(self) -> None:
        if not self.over.is_set():
            self.over.set()
            self.finish()


def exchange(near, far) -> None:
    """Sends a hundred kilobytes in each direction."""
    for out, back in (near, far), (far, near):
        text = os.urandom(100_000)
        sender = lib.Thread(out.sendall, text)
        got = lib.receive(back, len(text))
        sender.finish()
        assert hashlib.sha256(got).digest() == hashlib.sha256(text).digest()


@scenario()
def honest_clients_in_a_flood(case):
    client, server = case.pair_of_hosts()
    case.link(client, server)
    peer = lib_segment.Peer(case, server)
    if not lib.TOYTCP:
        server.sysctl("net.ipv4.tcp_syncookies", 1)
    listener = server.listen(backlog=8)
    flood = Flood(case, peer)
    if lib.TOYTCP:
        lib.wait_until("cookies", lambda: server.stats()["cookies_sent"])
    for number in range(10):
        near = client.connect(("10.0.0.2", PORT))
        exchange(near, server.accept(listener))
        near.close()
    flood.stop()
    if lib.TOYTCP:
        stats = server.stats()
        assert int(server.listeners()[0]["embryos"]) <= LIMIT, "no bound"
        assert stats["cookies_received"] >= 10, stats
        assert stats["cookies_failed"] == 0, stats


def crowded(case: lib.Case):
    """A listener with a full SYN queue, and a peer."""
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    listener = host.listen(backlog=8)
    fill(host, peer)
    return host, peer, listener


@scenario(toytcp_only=True)
def options_in_a_cookie(case):
    """The MSS, rounded down, but no other option without timestamps."""
    host, peer, listener = crowded(case)
    talk = lib_segment.Talk(peer, 4000, PORT)
    talk.send("S", options=lib_segment.mss_option(1000) + b"\1\3\3\7")
    answer = talk.expect("SA")
    assert answer.options == lib_segment.mss_option(1460), answer.options
    assert host.stats()["cookies_sent"] == 1
    talk.send("PA", b"first")       # as if the bare ACK had been lost
    near = host.accept(listener)
    assert lib.receive(near, 5) == b"first"
    row = [row for row in host.connections() if row.state == "ESTABLISHED"]
    assert len(row) == 1, row
    near.sendall(b"x" * 1500)
    sizes = []
    while sum(sizes) < 1500:
        segment = talk.expect("A", lambda segment: segment.payload)
        sizes.append(len(segment.payload))
        talk.send("A")
    assert max(sizes) == 536, sizes


@scenario(toytcp_only=True)
def options_in_a_timestamp(case):
    """The lowest bits of a timestamp hold window scale, SACK and ECN."""
    host, peer, listener = crowded(case)
    other = {7: b"\1\3\3\7", 14: b"\1\3\3\x0e", 0: b"\1\3\3\0",
             None: b""}
    for number, (scale, option) in enumerate(other.items()):
        talk = lib_segment.Talk(peer, 4000 + number, PORT, window=1000)
        options = lib_segment.mss_option(1460) + option
        talk.send("SEC", options=options + b"\1\1\4\2" + stamp(5000))
        answer = talk.expect("SAE")
        value, echo = stamp_of(answer)
        assert echo == 5000 and b"\4\2" in answer.options, answer.options
        assert (b"\3\3" in answer.options) == bool(option), answer.options
        talk.send("PA", b"x", options=stamp(5001, value))
        sock = host.accept(listener)
        talk.expect("A", lambda s: s.ack == talk.seq)
        row = [row for row in host.connections()
               if row.remote.endswith(f":{talk.sport}")][0]
        assert int(row.columns["snd_wnd"]) == 1000 << (scale or 0), row
        talk.send("PA", b"z", seq=talk.seq + 1, options=stamp(5002, value))
        assert b"\5\x0a" in talk.expect("A").options, "no SACK"
        sock.send(b"y" * 10)
        assert stamp_of(talk.expect("A", lambda s: s.payload))[0] >= value
        sock.close()
    assert host.stats()["cookies_received"] == len(other)


@scenario(toytcp_only=True)
def timestamps_that_echo_none_of_ours(case):
    """Timestamps that do not echo ours say nothing about options."""
    host, peer, listener = crowded(case)
    for sport, echo in (4000, 0), (4001, 2**31), (4002, 2**32 - 1):
        talk = lib_segment.Talk(peer, sport, PORT, window=1000)
        talk.send("S", options=lib_segment.mss_option(1460) + b"\1\3\3\7")
        assert talk.expect("SA").options == lib_segment.mss_option(1460)
        talk.send("PA", b"first", options=stamp(5001, echo))
        assert lib.receive(host.accept(listener), 5) == b"first"
        assert not talk.expect("A", lambda s: s.ack == talk.seq).options


@scenario(toytcp_only=True)
def wrong_cookies_are_reset(case):
    """ACKs of wrong numbers are reset and counted."""
    host, peer, listener = crowded(case)
    talk = lib_segment.Talk(peer, 4000, PORT)
    talk.send("S", options=lib_segment.mss_option(1460))
    talk.expect("SA")
    good = talk.ack
    guesses = [dict(ack=good + 256), dict(ack=good + 8), dict(ack=good ^ 1),
               dict(sport=4001), dict(seq=talk.seq + 1)]
    for number, guess in enumerate(guesses):
        wrong = talk.send("A", **{"seq": talk.seq, **guess})
        reset = peer.next()
        while reset.dport != wrong.sport or "R" not in reset.flags:
            reset = peer.next()
        assert reset.flags == "R" and reset.seq == wrong.ack % 2**32, reset
        assert host.stats()["cookies_failed"] == number + 1
    talk.send("A")
    host.accept(listener)
    assert host.stats()["cookies_received"] == 1


@scenario(toytcp_only=True)
def a_cookie_of_another_namespace(case):
    """The same SYN gets a different number there."""
    numbers = set()
    for _ in range(2):
        _, peer, _ = crowded(case)
        talk = lib_segment.Talk(peer, 4000, PORT)
        talk.send("S", options=lib_segment.mss_option(1460))
        numbers.add(talk.expect("SA").seq)
    assert len(numbers) == 2, numbers


@scenario(toytcp_only=True)
def only_after_a_flood(case):
    """A listener accepts no cookies if it sent none, or if they are off."""
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    host.listen(backlog=8)
    talk = lib_segment.Talk(peer, 4000, PORT)
    talk.send("A", ack=77)
    talk.expect("R")
    assert host.stats()["cookies_failed"] == 0
    host.sysctl("net.toytcp.syncookies", 0)
    fill(host, peer)
    talk.send("S", options=lib_segment.mss_option(1460))
    lib.wait_until("a SYN that is dropped",
                   lambda: host.stats()["drop_listen_overflow"] == 1)
    assert host.stats()["cookies_sent"] == 0


@scenario(toytcp_only=True)
def a_full_accept_queue(case):
    """A full accept queue makes the ACK of a valid cookie wait, like any
    other."""
    host, peer, listener = crowded(case)
    waiting = []
    for number in range(9):         # a backlog of 8 has room for nine
        waiting.append(peer.dial(PORT, sport=4000 + number))
    late = lib_segment.Talk(peer, 4100, PORT)
    lib.wait_until("a full accept queue", lambda: sum(
        row.state == "ESTABLISHED" for row in host.connections()) == 9)
    late.send("S", options=lib_segment.mss_option(1460))
    lib.wait_until("a SYN that is dropped",
                   lambda: host.stats()["drop_listen_overflow"] == 1)
    host.accept(listener)
    late.seq -= 1
    late.send("S", options=lib_segment.mss_option(1460))
    late.expect("SA")
    peer.dial(PORT, sport=4200)     # takes the place
    late.send("A")
    lib.wait_until("an ACK that is dropped",
                   lambda: host.stats()["drop_listen_overflow"] == 2)
    host.accept(listener)
    late.send("PA", b"again")
    last = [host.accept(listener) for _ in range(9)][-1]
    assert lib.receive(last, 5) == b"again"


@scenario(toytcp_only=True)
def toytcp_isn_is_not_used_for_a_cookie(case):
    """TOYTCP_ISN is not used for a cookie; it waits for the next SYN,ACK."""
    host, peer, listener = crowded(case)
    listener.setsockopt(SOL_TOYTCP, TOYTCP_ISN, 77)
    first, second = (lib_segment.Talk(peer, port, PORT)
                     for port in (4000, 4001))
    first.send("S", options=lib_segment.mss_option(1460))
    first.expect("SA")
    assert host.stats()["cookies_sent"] == 1
    make_room(host, peer)
    second.send("S", options=lib_segment.mss_option(1460))
    assert second.expect("SA").seq == 77


@scenario(toytcp_only=True)
def time_wait_stays_if_only_a_cookie_is_sent(case):
    """A SYN to a full queue does not end the old connection in TIME-WAIT."""
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    listener = host.listen(backlog=8)
    talk = peer.dial(PORT)
    host.accept(listener).close()
    talk.expect("FA")
    talk.send("FA")
    host.wait_states("TIME-WAIT")
    fill(host, peer)
    again = dict(seq=talk.seq + 100_000, options=lib_segment.mss_option(1460))
    talk.send("S", **again)
    lib.wait_until("a SYN that is dropped",
                   lambda: host.stats()["drop_listen_overflow"] == 1)
    assert "TIME-WAIT" in host.states()
    make_room(host, peer)
    talk.send("S", **again)
    assert talk.expect("SA").ack == again["seq"] + 1
    assert "TIME-WAIT" not in host.states()


if __name__ == "__main__":
    lib.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Every state of RFC 9293: entered, seen in the table, and left.

The peer is made of packets alone, so each state lasts until the scenario sends
the segment that ends it.
"""
import socket
import time

import lib
import lib_segment
from lib import scenario

PEER = ("10.1.0.2", 80)


def alone(case: lib.Case) -> tuple[lib.Namespace, lib_segment.Peer]:
    host = case.namespace()
    return host, lib_segment.Peer(case, host)


def accepted(host, peer, port=7000):
    """The host accepts a connection from the peer."""
    listener = host.listen(("", port))
    talk = peer.dial(port)
    return host.accept(listener), talk


def connected(host, peer):
    """The host opens a connection to the peer."""
    sock = host.start_connect(PEER)
    talk = peer.answer()
    sock.settimeout(lib.DEADLINE_S)
    assert lib.error_of(sock) == 0
    return sock, talk


@scenario()
def syn_sent_and_established(case):
    host, peer = alone(case)
    sock = host.start_connect(PEER)
    talk = peer.take()
    host.wait_states("SYN-SENT")
    talk.send("SA", options=lib_segment.mss_option(1000))
    talk.expect("A")
    host.wait_states("ESTABLISHED")
    sock.settimeout(lib.DEADLINE_S)
    sock.sendall(b"x" * 3000)
    sizes = [len(talk.expect("A").payload) for _ in range(2)]
    assert max(sizes) <= 1000, f"larger than the MSS: {sizes}"


@scenario()
def syn_again_behind_the_reset(case):
    """The peer still has a connection that we forgot: 3.5.1, figure 9."""
    host, peer = alone(case)
    sock = host.start_connect(PEER)
    talk = peer.take()
    talk.send("A", seq=777, ack=888)
    talk.expect("R", lambda s: s.seq == 888)
    began = time.monotonic()
    talk.expect("S")
    assert time.monotonic() - began < 0.5, "only after the whole timeout"
    talk.send("SA", options=lib_segment.mss_option(1000))
    host.wait_states("ESTABLISHED")
    sock.close()


@scenario()
def syn_received_from_listen(case):
    host, peer = alone(case)
    listener = host.listen()
    talk = lib_segment.Talk(peer, 4000, 7000)
    talk.send("S", options=lib_segment.mss_option(1460))
    talk.expect("SA", lambda s: s.ack == talk.seq)
    host.wait_states("SYN-RECEIVED")
    listener.setblocking(False)
    try:
        listener.accept()
        raise AssertionError("accepted before the handshake was complete")
    except BlockingIOError:
        pass
    talk.send("A")
    host.wait_states("ESTABLISHED")
    listener.settimeout(lib.DEADLINE_S)
    host.accept(listener)


@scenario()
def syn_received_ends_by_reset(case):
    host, peer = alone(case)
    host.listen()
    talk = lib_segment.Talk(peer, 4000, 7000)
    talk.send("S")
    talk.expect("SA")
    host.wait_states("SYN-RECEIVED")
    talk.send("R")
    host.wait_states()


@scenario()
def syn_received_answers_a_volley_once(case):
    """Many copies of a SYN do not get as many answers: one in half a second."""
    host, peer = alone(case)
    host.listen()
    talk = lib_segment.Talk(peer, 4000, 7000)
    began = time.monotonic()
    first = talk.send("S")
    talk.expect("SA")
    for _ in range(50):
        talk.send("S", seq=first.seq)
    talk.send("A", ack=talk.ack + 77)       # a wrong one, always reset
    answers = 0
    while "R" not in (segment := peer.next()).flags:
        answers += segment.flags == "SA"
    seconds = time.monotonic() - began
    assert answers <= 1 + seconds / 0.5 + seconds, \
        f"{answers} answers in {seconds} s, the timer's included"


@scenario()
def syn_received_retransmits_its_answer(case):
    host, peer = alone(case)
    host.listen()
    talk = lib_segment.Talk(peer, 4000, 7000)
    talk.send("S")
    first = talk.expect("SA")
    again = talk.expect("SA")
    assert (first.seq, first.ack) == (again.seq, again.ack)


@scenario()
def syn_received_restarts_its_timer_for_a_syn(case):
    """The SYN again, half a second later: a whole second from then on.

    The SYN,ACKs' timestamps, in milliseconds, say when they were sent. On a
    machine so slow that the timer is faster than the SYN: another try.
    """
    host, peer = alone(case)
    host.listen()
    for port in range(4000, 4010):
        talk = lib_segment.Talk(peer, port, 7000)
        options = lib_segment.stamp(1)
        first = talk.send("S", options=options)
        sent = [talk.expect("SA")]
        peer.next(0.5)
        talk.send("S", seq=first.seq, options=options)
        sent += [talk.expect("SA"), talk.expect("SA")]
        at = [lib_segment.stamp_of(segment)[0] for segment in sent]
        if at[1] - at[0] < 900:
            assert at[2] - at[1] > 900, at
            return
    raise lib.Skip("this machine is too slow")


@scenario(toytcp_only=True)
def retransmitted_syn_makes_the_round_trip_ambiguous(case):
    """Karn's rule: which of the two SYN,ACKs does the ACK acknowledge?"""
    host, peer = alone(case)
    listener = host.listen()
    for port, again in ((4000, False), (4001, True)):
        talk = lib_segment.Talk(peer, port, 7000)
        first = talk.send("S")
        talk.expect("SA")
        if again:
            talk.send("S", seq=first.seq)
            talk.expect("SA")
        talk.send("A")
        host.accept(listener)
        row, = (row for row in host.connections()
                if row.remote.endswith(f":{port}"))
        assert row.retransmits == 0, row        # no timer has expired
        assert (int(row.columns["srtt_us"]) == 0) == again, row


@scenario()
def syn_retransmitted_by_timer(case):
    host, peer = alone(case)
    host.start_connect(PEER)
    talk = peer.take()
    again = talk.expect("S")
    assert again.seq == talk.ack - 1


@scenario()
def half_open_data_with_the_last_ack(case):
    """The ACK that completes the handshake may carry data, and a FIN."""
    host, peer = alone(case)
    listener = host.listen()
    talk = lib_segment.Talk(peer, 4000, 7000)
    talk.send("S")
    talk.expect("SA")
    talk.send("FA", b"all at once")
    sock = host.accept(listener)
    assert lib.receive_all(sock) == b"all at once"
    host.wait_states("CLOSE-WAIT")


@scenario()
def data_on_syn_is_not_acknowledged(case):
    host, peer = alone(case)
    listener = host.listen()
    talk = lib_segment.Talk(peer, 4000, 7000)
    talk.send("S", b"early")
    answer = talk.expect("SA")
    assert answer.ack == 1001, f"acknowledged data on a SYN: {answer}"
    talk.seq = 1001
    talk.send("A", b"early")
    sock = host.accept(listener)
    assert lib.receive(sock, 5) == b"early"


@scenario()
def simultaneous_open(case):
    host, peer = alone(case)
    sock = host.start_connect(PEER, bind=("10.1.0.1", 5000))
    talk = peer.take()
    talk.send("S", options=lib_segment.mss_option(1460))
    talk.expect("SA", lambda s: s.ack == talk.seq)
    host.wait_states("SYN-RECEIVED")
    talk.send("A")
    host.wait_states("ESTABLISHED")
    assert lib.error_of(sock) == 0


@scenario()
def simultaneous_open_of_two_hosts(case):
    left, right = case.namespace(), case.namespace()
    wire = lib_segment.Wire(case, left, right)
    wire.hold(lambda side, segment: segment.flags == "S")
    near, far = ("10.2.0.1", 5000), ("10.2.0.2", 5000)
    a = left.start_connect(far, bind=near)
    b = right.start_connect(near, bind=far)
    lib.wait_until("both SYNs on their way",
                   lambda: {side for side, _ in wire.held} == {0, 1})
    assert left.states() == right.states() == ["SYN-SENT"]
    wire.release()
    left.wait_states("ESTABLISHED")
    right.wait_states("ESTABLISHED")
    for sock in a, b:
        sock.settimeout(lib.DEADLINE_S)
    a.sendall(b"over")
    assert lib.receive(b, 4) == b"over"
    b.sendall(b"back")
    assert lib.receive(a, 4) == b"back"


@scenario()
def fin_wait_1_2_and_time_wait(case):
    host, peer = alone(case)
    sock, talk = connected(host, peer)
    sock.shutdown(socket.SHUT_WR)
    talk.expect("FA")
    host.wait_states("FIN-WAIT-1")
    talk.send("A")
    host.wait_states("FIN-WAIT-2")
    talk.send("PA", b"half open still")
    assert lib.receive(sock, 15) == b"half open still"
    talk.expect("A", lambda s: s.ack == talk.seq)
    talk.send("FA")
    talk.expect("A", lambda s: s.ack == talk.seq)
    host.wait_states("TIME-WAIT")


@scenario()
def fin_wait_1_straight_to_time_wait(case):
    """The peer acknowledges and closes in one segment."""
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    sock.shutdown(socket.SHUT_WR)
    talk.expect("FA")
    talk.send("FA")
    talk.expect("A", lambda s: s.ack == talk.seq)
    host.wait_states("TIME-WAIT")


@scenario()
def closing_and_time_wait(case):
    host, peer = alone(case)
    sock, talk = connected(host, peer)
    sock.shutdown(socket.SHUT_WR)
    fin = talk.expect("FA")
    talk.send("FA", ack=fin.seq)
    talk.expect("A", lambda s: s.ack == talk.seq)
    host.wait_states("CLOSING")
    talk.send("A")
    host.wait_states("TIME-WAIT")


@scenario()
def simultaneous_close_of_two_hosts(case):
    left, right = case.namespace(), case.namespace()
    wire = lib_segment.Wire(case, left, right)
    listener = right.listen()
    a = left.connect((wire.addresses[1], 7000))
    b = right.accept(listener)
    wire.hold(lambda side, segment: "F" in segment.flags)
    a.close()
    b.close()
    lib.wait_until("both FINs on their way",
                   lambda: {side for side, _ in wire.held} == {0, 1})
    assert left.states() == right.states() == ["FIN-WAIT-1"]
    wire.release()
    left.wait_states("TIME-WAIT")
    right.wait_states("TIME-WAIT")


@scenario()
def close_wait_and_last_ack(case):
    host, peer = alone(case)
    sock, talk = accepted(host, peer)
    talk.send("FA")
    talk.expect("A", lambda s: s.ack == talk.seq)
    host.wait_states("CLOSE-WAIT")
    assert sock.recv(1) == b""
    sock.sendall(b"last words")
    assert talk.expect("A").payload == b"last words"
    talk.send("A")
    sock.close()
    talk.expect("FA")
    host.wait_states("LAST-ACK")
    talk.send("A")
    host.wait_states()


@scenario()
def fin_is_retransmitted_until_acknowledged(case):
    host, peer = alone(case)
    sock, talk = connected(host, peer)
    sock.close()
    first = talk.expect("FA")
    again = talk.expect("FA")
    assert first.seq == again.seq
    host.wait_states("FIN-WAIT-1")
    talk.send("R")
    host.wait_states()


@scenario()
def time_wait_answers_a_retransmitted_fin(case):
    host, peer = alone(case)
    sock, talk = connected(host, peer)
    sock.close()
    talk.expect("FA")
    fin = talk.send("FA")
    talk.expect("A", lambda s: s.ack == talk.seq)
    host.wait_states("TIME-WAIT")
    talk.send("FA", seq=fin.seq)
    talk.expect("A", lambda s: s.ack == talk.seq)
    assert host.states() == ["TIME-WAIT"]


def end_in_time_wait(host, peer, **listening):
    """A connection that the host has closed first."""
    listener = host.listen(**listening)
    talk = peer.dial(7000)
    host.accept(listener).close()
    talk.expect("FA")
    talk.send("FA")
    host.wait_states("TIME-WAIT")
    return listener, talk


@scenario()
def time_wait_taken_over_by_a_newer_syn(case):
    host, peer = alone(case)
    listener, talk = end_in_time_wait(host, peer)
    anew = peer.dial(7000, seq=talk.seq + 100000)
    host.wait_states("ESTABLISHED")
    anew.send("PA", b"second life")
    sock = host.accept(listener)
    assert lib.receive(sock, 11) == b"second life"


@scenario(toytcp_only=True)
def time_wait_stays_while_the_listener_is_full(case):
    host, peer = alone(case)
    listener, talk = end_in_time_wait(host, peer, backlog=0)
    peer.dial(7000, sport=4001)     # takes up the only place
    host.wait_states("TIME-WAIT", "ESTABLISHED")
    dropped = host.stats()["drop_listen_overflow"]
    talk.send("S", seq=talk.seq + 100000)
    lib.wait_until("the drop to be counted", lambda:
                   host.stats()["drop_listen_overflow"] > dropped)
    host.wait_states("TIME-WAIT", "ESTABLISHED")
    host.accept(listener)
    talk.send("S", seq=talk.seq + 100000)
    host.wait_states("SYN-RECEIVED", "ESTABLISHED")


@scenario(toytcp_only=True)
def time_wait_ends(case):
    host, peer = alone(case)
    host.sysctl("net.toytcp.time_wait_ms", 200)
    sock, talk = connected(host, peer)
    sock.close()
    talk.expect("FA")
    talk.send("FA")
    talk.expect("A", lambda s: s.ack == talk.seq)
    host.wait_states()


@scenario(toytcp_only=True)
def time_wait_begins_anew(case):
    """With what the peer still says: that shows by a lower time."""
    host, peer = alone(case)
    for flags, ahead in ("FA", -1), ("A", 1), ("FA", 0):
        host.sysctl("net.toytcp.time_wait_ms", 60000)
        listener, talk = end_in_time_wait(host, peer)
        listener.close()
        host.sysctl("net.toytcp.time_wait_ms", 1)
        talk.send(flags, seq=talk.seq + ahead)
        talk.expect("A", lambda s: s.ack == talk.seq)
        host.wait_states()


@scenario()
def closed_port_answers_with_reset(case):
    _, peer = alone(case)
    talk = lib_segment.Talk(peer, 4000, 9)
    talk.send("S")
    answer = talk.expect("RA")
    assert (answer.seq, answer.ack) == (0, 1001), str(answer)
    talk.send("A", seq=5, ack=777)
    answer = talk.expect("R")
    assert answer.seq == 777, str(answer)


@scenario()
def reset_is_never_answered(case):
    host, peer = alone(case)
    talk = lib_segment.Talk(peer, 4000, 9)
    talk.send("R", seq=5)
    talk.send("RA", seq=5, ack=6)
    probe = lib_segment.Talk(peer, 4001, 9)
    probe.send("S")
    talk.silent(lambda: peer.next().dport == 4001)


@scenario()
def listener_and_segments_without_syn(case):
    host, peer = alone(case)
    host.listen()
    talk = lib_segment.Talk(peer, 4000, 7000)
    talk.send("A", seq=5, ack=777)
    assert talk.expect("R").seq == 777
    assert host.states() == []


@scenario()
def syn_sent_checks_the_acknowledgement(case):
    host, peer = alone(case)
    host.start_connect(PEER)
    talk = peer.take()
    right = talk.ack
    talk.send("SA", seq=2000, ack=right + 5)
    assert talk.expect("R").seq == right + 5
    talk.send("RA", seq=2000, ack=right + 5)
    assert host.states() == ["SYN-SENT"]
    talk.ack = right
    talk.send("SA")
    talk.expect("A")
    host.wait_states("ESTABLISHED")


@scenario()
def syn_sent_refused(case):
    host, peer = alone(case)
    sock = host.start_connect(PEER)
    talk = peer.take()
    talk.send("RA", seq=0)
    lib.wait_until("the refusal", lambda: lib.error_of(sock) == 111)
    host.wait_states()


if __name__ == "__main__":
    lib.main()

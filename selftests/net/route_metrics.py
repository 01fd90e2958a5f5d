#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the administrator sets for a route: ip-route(8)."""
import select
import struct
from socket import SOL_TCP, SOL_SOCKET, SO_RCVBUF

import lib
from lib import scenario

TCP_MAXSEG, TCP_INFO = 2, 11
OPTION_ECN = 8          # of tcpi_options


class Info:
    """The fields of TCP_INFO that the tests look at."""

    def __init__(self, sock: lib.socket.socket) -> None:
        data = sock.getsockopt(SOL_TCP, TCP_INFO, 256)
        words = struct.unpack_from("24I", data, 8)
        self.options, self.rto, self.cwnd = data[5], words[0], words[18]
        self.snd_wnd = struct.unpack_from("I", data, 228)[0]


def routed(case: lib.Case, *metrics: str, passive: bool = False
           ) -> tuple[lib.socket.socket, lib.socket.socket]:
    """A connection, and the end whose route has the metrics comes first."""
    left, right = case.pair_of_hosts()
    end, other = (right, "10.0.0.1") if passive else (left, "10.0.0.2")
    end.run("ip", "route", "replace", f"{other}/32", "dev", "veth0", *metrics)
    near, far = case.link(left, right)
    return (far, near) if passive else (near, far)


def both(function):
    """A scenario for the end that opens, and one for the end that accepts."""
    def passive(case):
        function(case, True)
    passive.__name__ = f"{function.__name__}_passive"

    def active(case):
        function(case, False)
    active.__name__ = function.__name__
    scenario()(active)
    scenario()(passive)
    return function


def send_until(near, far, done) -> None:
    """Sends until a condition is true."""
    def step() -> bool:
        near.sendall(b"x" * 1000)
        lib.receive(far, 1000)
        return done()
    lib.wait_until("the condition", step)


@both
def advmss(case, passive):
    _, peer = routed(case, "advmss", "700", passive=passive)
    assert 600 < peer.getsockopt(SOL_TCP, TCP_MAXSEG) <= 700


@both
def initcwnd(case, passive):
    near, _ = routed(case, "initcwnd", "3", passive=passive)
    assert Info(near).cwnd == 3, Info(near).cwnd


@both
def initcwnd_large(case, passive):
    near, _ = routed(case, "initcwnd", "25", passive=passive)
    assert Info(near).cwnd == 25, Info(near).cwnd


@both
def rto_min(case, passive):
    near, far = routed(case, "rto_min", "900ms", passive=passive)
    near.sendall(b"x")
    lib.receive(far, 1)
    assert 900_000 <= Info(near).rto < 1_100_000, Info(near).rto


@both
def rto_min_small(case, passive):
    near, far = routed(case, "rto_min", "50ms", passive=passive)
    send_until(near, far, lambda: Info(near).rto < 190_000)


@both
def window(case, passive):
    """It limits what the peer may send; TCP forgets it as it tunes buffers."""
    near, far = routed(case, "window", "20000", passive=passive)
    assert Info(far).snd_wnd <= 20480, Info(far).snd_wnd
    for _ in range(30 if lib.TOYTCP else 0):
        far.sendall(bytes(20000))
        lib.receive(near, 20000)
        assert Info(far).snd_wnd <= 20480, Info(far).snd_wnd


@scenario()
def window_does_not_shrink_the_buffer(case):
    near, far = routed(case, "window", "4000")
    before = near.getsockopt(SOL_SOCKET, SO_RCVBUF)
    for _ in range(50):
        far.sendall(bytes(4000))
        lib.receive(near, 4000)
    assert near.getsockopt(SOL_SOCKET, SO_RCVBUF) >= before


@both
def ecn(case, passive):
    near, _ = routed(case, "features", "ecn", passive=passive)
    # The peer agrees to it by default, but does not ask for it.
    assert bool(Info(near).options & OPTION_ECN) == (not passive)


@scenario()
def ecn_accepted(case):
    """Asked for by the peer's sysctl, and refused by ours but for the route."""
    left, right = case.pair_of_hosts()
    name = "net.toytcp.ecn" if lib.TOYTCP else "net.ipv4.tcp_ecn"
    left.sysctl(name, 1)
    right.sysctl(name, 0)
    near, _ = case.link(left, right)
    assert not Info(near).options & OPTION_ECN
    right.run("ip", "route", "replace", "10.0.0.1/32", "dev", "veth0",
              "features", "ecn")
    near, _ = case.link(left, right, 7001)
    assert Info(near).options & OPTION_ECN


def seconds_to_ack(near, far) -> float:
    """For a byte that nobody answers, once answers are usual."""
    for _ in range(10):
        far.sendall(b"x")
        lib.receive(near, 1)
        near.sendall(b"y")
        lib.receive(far, 1)
    lib.wait_until("all is acknowledged", lambda: lib.queue(near, 0x5411) == 0)
    far.sendall(b"x")
    began = lib.time.monotonic()
    lib.wait_until("the ACK", lambda: lib.queue(far, 0x5411) == 0)
    lib.receive(near, 1)
    return lib.time.monotonic() - began


@both
def quickack(case, passive):
    """No ACK is delayed; otherwise it waits for 40 ms."""
    near, far = routed(case, "quickack", "1", passive=passive)
    assert min(seconds_to_ack(near, far) for _ in range(10)) < 0.03


@scenario()
def no_route_back(case):
    """A SYN that cannot be answered leaves nothing behind."""
    left, right = case.pair_of_hosts()
    right.listen(("10.0.0.2", 7000))
    right.run("ip", "route", "add", "unreachable", "10.0.0.1/32")
    sock = left.start_connect(("10.0.0.2", 7000))
    lib.wait_until("a SYN was dropped", lambda: not lib.TOYTCP or
                   right.stats()["drop_listen_overflow"] > 0)
    assert not right.states()
    right.run("ip", "route", "del", "unreachable", "10.0.0.1/32")
    lib.wait_until("connected", lambda: select.select([], [sock], [], 0.1)[1])


if __name__ == "__main__":
    lib.main()

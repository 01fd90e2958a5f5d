#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""IPsec policies also apply to the packets that the hook steals."""
import re
import socket
import struct

import lib
from lib import scenario

ENDS = "10.0.0.1", "10.0.0.2"
KEY = "0x" + "5a" * 20
IP_XFRM_POLICY = 17
IN, OUT = 0, 1
ALLOW, BLOCK = 0, 1


def xfrm(end: lib.Namespace, *words: str) -> str:
    try:
        return end.run("ip", "-s", "xfrm", *words)
    except FileNotFoundError:
        raise lib.Skip("no ip(8) on this machine") from None
    except AssertionError as error:
        if "rotocol not supported" in str(error) or "not implemented" in str(
                error):
            raise lib.Skip("no IPsec in this kernel") from None
        raise


def policy(end: lib.Namespace, verb: str, way: str, *ask: str) -> None:
    """A policy for packets of the protocol under test between the two hosts."""
    here, there = ENDS if end.address == ENDS[0] else ENDS[::-1]
    source, target = (here, there) if way == "out" else (there, here)
    xfrm(end, "policy", verb, "src", source, "dst", target, "proto",
         str(lib.PROTO), "dir", way, *ask)


def demand_esp(end: lib.Namespace, way: str) -> None:
    policy(end, "add", way, "tmpl", "proto", "esp", "mode", "transport")


def share_keys(end: lib.Namespace) -> None:
    for spi, (source, target) in enumerate((ENDS, ENDS[::-1]), 0x100):
        xfrm(end, "state", "add", "src", source, "dst", target, "proto",
             "esp", "spi", hex(spi), "mode", "transport", "aead",
             "rfc4106(gcm(aes))", KEY, "128")


def hosts(case: lib.Case) -> tuple[lib.Namespace, lib.Namespace]:
    pair = case.pair_of_hosts()
    for end, address in zip(pair, ENDS):
        end.address = address
    return pair


def refused(end: lib.Namespace) -> int:
    """The number of packets that violated a policy."""
    words = end.read("/proc/net/xfrm_stat").split()
    return int(words[words.index("XfrmInTmplMismatch") + 1])


@scenario()
def plain_text_is_not_let_in(case):
    left, right = hosts(case)
    demand_esp(right, "in")
    right.listen()
    near = left.start_connect((ENDS[1], 7000))
    lib.wait_until("two SYNs refused", lambda: refused(right) >= 2)
    assert right.states() == []
    assert not right.toytcp or right.stats()["drop_policy"] >= 2
    policy(right, "delete", "in")
    left.wait_states("ESTABLISHED")
    assert lib.error_of(near) == 0


@scenario()
def through_esp(case):
    """A complete connection, in packets enlarged by ESP."""
    left, right = hosts(case)
    for end in left, right:
        share_keys(end)
        demand_esp(end, "in")
        demand_esp(end, "out")
    near, far = case.link(left, right)
    size = 1 << 20
    lib.exchange(near, far, size)
    near.close()
    assert far.recv(1) == b""
    far.close()
    right.wait_states()
    passed = [int(n) for n in re.findall(r"(\d+)\(bytes\)",
                                         xfrm(right, "state"))]
    lib.comment(f"bytes in ESP: {passed}")
    assert max(passed) > size


def own_policy(sock: socket.socket, way: int, action: int) -> None:
    """A policy for all of IPv4; struct xfrm_userpolicy_info."""
    sock.setsockopt(socket.SOL_IP, IP_XFRM_POLICY, struct.pack(
        "=40xH14x4Q72xBB6x", socket.AF_INET, *[2 ** 64 - 1] * 4, way, action))


@scenario()
def a_sockets_own_policy_holds(case):
    left, right = hosts(case)
    xfrm(right, "policy")
    near, far = case.link(left, right)
    own_policy(far, IN, BLOCK)
    near.send(b"x")
    lib.wait_until("sent again", lambda: any(
        row.retransmits for row in left.connections()))
    assert lib.queue(far, lib.SIOCINQ) == 0
    assert not right.toytcp or right.stats()["drop_policy"] >= 1
    own_policy(far, IN, ALLOW)
    assert far.recv(1) == b"x"


@scenario()
def a_sockets_own_policy_comes_first(case):
    """The host's policy does not apply to a socket with its own."""
    left, right = hosts(case)
    demand_esp(right, "in")
    listener = right.listen()
    own_policy(listener, IN, ALLOW)
    near = left.connect((ENDS[1], 7000))
    far = right.accept(listener)
    near.send(b"x")
    assert far.recv(1) == b"x"
    assert refused(right) == 0


def socket_policies(end: lib.Namespace) -> list[str]:
    return re.findall(r"socket (\w+)", xfrm(end, "policy"))


@scenario()
def a_sockets_own_policy_ends_with_it(case):
    """Each child has a copy of its listener's policy."""
    left, right = hosts(case)
    xfrm(right, "policy")
    listener = right.listen()
    for way in IN, OUT:
        own_policy(listener, way, ALLOW)
    assert len(socket_policies(right)) == 2
    near = left.connect((ENDS[1], 7000))
    far = right.accept(listener)
    assert len(socket_policies(right)) == 4
    for end in near, far, listener:
        end.close()
    lib.wait_until("none left", lambda: not socket_policies(right))


if __name__ == "__main__":
    lib.main()

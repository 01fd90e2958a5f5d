#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What devices are left to do: checksums and segmentation.

A veth tells its peer what it has not summed yet, but a packet socket at the
other end shows the bytes as they are.
"""
import select

import lib
import lib_segment
from lib import scenario


def stack(end: lib.Namespace, *link: str) -> None:
    """Puts a device on top of veth0, which loses its address to it."""
    try:
        end.run("ip", "link", "add", *link)
    except AssertionError as error:
        if "Unknown device type" in str(error):
            kind = link[link.index("type") + 1]
            raise lib.Skip(f"no {kind} in this kernel") from None
        raise
    end.run("ip", "addr", "flush", "dev", "veth0")
    with end:
        lib.interface_address("top", "10.0.0.1")
        lib.interface_up("top")


def enslave(end: lib.Namespace, *names: str) -> None:
    """Makes a bridge of some devices."""
    stack(end, "top", "type", "bridge", "forward_delay", "0")
    for name in names:
        end.run("ip", "link", "set", name, "master", "top")


def shake_hands(case, host: lib.Namespace, far: lib.Namespace, near: str):
    """Opens a connection to a peer that demands complete checksums."""
    peer = lib_segment.CablePeer(case, host, far, near)
    peer.sums = True
    sock = host.start_connect((peer.address, 80))
    return sock, peer.take()


@scenario(toytcp_only=True)
def summed_above_a_vlan(case):
    host, far = case.pair_of_hosts()
    stack(host, "link", "veth0", "name", "top", "type", "vlan", "id", "5")
    shake_hands(case, host, far, "top")


@scenario(toytcp_only=True)
def summed_above_a_macvlan(case):
    host, far = case.pair_of_hosts()
    stack(host, "link", "veth0", "name", "top", "type", "macvlan")
    shake_hands(case, host, far, "top")


@scenario(toytcp_only=True)
def summed_above_a_bridge(case):
    host, far = case.pair_of_hosts()
    enslave(host, "veth0")
    shake_hands(case, host, far, "top")


@scenario(toytcp_only=True)
def summed_in_a_container(case):
    """Its veth ends in a bridge, whose other port may be a card that sums only
    TCP and UDP. A large segment that the veth has to cut is summed there."""
    box, host, far = (case.namespace() for _ in range(3))
    lib.cable(host, far)
    lib.cable(box, host, name="veth1")
    enslave(host, "veth0", "veth1")
    box.run("ethtool", "-K", "veth1", "tso", "off",
            "tx-sctp-segmentation", "off")
    sock, talk = shake_hands(case, box, far, "veth1")
    talk.send("SA", options=lib_segment.mss_option(1460))
    talk.expect("A")
    assert select.select([], [sock], [], lib.DEADLINE_S)[1]
    sock.send(bytes(14600))
    for _ in range(3):
        talk.expect("A", lambda s: len(s.payload) == 1460)


@scenario(toytcp_only=True)
def not_summed_for_a_neighbour(case):
    """What is for IP at the other end of a veth need not be summed."""
    host, far = case.pair_of_hosts()
    peer = lib_segment.CablePeer(case, host, far)
    host.start_connect((peer.address, 80))
    assert select.select([peer.fd], [], [], lib.DEADLINE_S)[0]
    assert not lib_segment.sum_is_right(peer.read_raw())


@scenario(toytcp_only=True)
def small_after_it_was_large(case):
    """A segment that was cut goes out whole after the path has grown, and the
    device no longer sums: it was once lost each time, with a warning."""
    host, far = case.pair_of_hosts()
    for end in host, far:
        with end:
            lib.interface_mtu("veth0", 9000)
    peer = lib_segment.CablePeer(case, host, far)
    route = peer.address, "dev", "veth0", "mtu"
    host.run("ip", "route", "add", *route, "9000")
    sock = host.start_connect((peer.address, 80))
    talk = peer.take()
    talk.send("SA", options=lib_segment.mss_option(8960))
    talk.expect("A")
    assert select.select([], [sock], [], lib.DEADLINE_S)[1]
    host.run("ip", "route", "change", *route, "1500")
    for _ in range(2):      # the second one finds the route
        sock.send(b"x")
        talk.expect("A", lambda s: s.payload)
        talk.send("A")
    sock.send(bytes(2900))
    talk.expect("A", lambda s: len(s.payload) == 2900)
    host.run("ip", "route", "change", *route, "9000")
    host.run("ethtool", "-K", "veth0", "tx", "off")
    talk.expect("A", lambda s: len(s.payload) == 2900)


if __name__ == "__main__":
    lib.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The administrator's rules come first: filters, state, NAT and queues.

Each scenario runs twice: with veth's offloads, which pass large segments on
whole and unsummed, and without, when there is a complete checksum in each
packet, as on a real wire.
"""
import errno
import functools
import os

import lib
import lib_nfqueue
import lib_segment

IP_MINTTL = 21


def scenario(toytcp_only: bool = False):
    """Registers a function as two test cases."""
    def register(function):
        @functools.wraps(function)
        def bare(case):
            lib.CABLE_OFFLOADS.append(False)
            case.callback(lib.CABLE_OFFLOADS.pop)
            function(case)
        bare.__name__ += "_without_offloads"
        lib.scenario(toytcp_only)(function)
        lib.scenario(toytcp_only)(bare)
        return function
    return register


def rules(end: lib.Namespace, text: str) -> None:
    """Loads a table of rules with nft; {proto} is the protocol under test."""
    try:
        end.run("nft", "-f", "-",
                text=text.replace("{proto}", str(lib.PROTO)))
    except FileNotFoundError:
        raise lib.Skip("no nft on this machine") from None
    except AssertionError as error:
        if "Operation not supported" in str(error):
            raise lib.Skip("no nftables in this kernel") from None
        if "No such file" in str(error):
            reason = str(error).splitlines()[0]
            raise lib.Skip(f"not in this kernel: {reason}") from None
        raise


def counted(end: lib.Namespace, name: str) -> int:
    """The number of packets of a named counter in the table."""
    words = end.run("nft", "list", "counter", "ip", "t", name).split()
    return int(words[words.index("packets") + 1])


def nothing_was_wrong(*ends) -> None:
    """No segment was damaged on its way."""
    for end in ends if lib.TOYTCP else ():
        assert not end.stats()["drop_checksum"]


def transfer(left, right, address="10.0.0.2", port=7000) -> None:
    """A complete connection, closed by both sides."""
    listener = right.listen()
    near = left.connect((address, port))
    far = right.accept(listener)
    lib.exchange(near, far)
    near.close()
    assert far.recv(1) == b""
    far.close()
    left.wait_states("TIME-WAIT")
    right.wait_states()


@scenario()
def dropped_on_the_way_in(case):
    """A drop in the input chain is not bypassed."""
    left, right = case.pair_of_hosts()
    rules(right, "table ip t { counter hits {}; chain c { type filter hook "
                 "input priority 0; ip protocol {proto} counter name hits "
                 "drop; }; }")
    right.listen()
    near = left.start_connect(("10.0.0.2", 7000))
    lib.wait_until("two SYNs dropped", lambda: counted(right, "hits") >= 2)
    assert left.states() == ["SYN-SENT"]
    assert right.states() == []
    right.run("nft", "flush", "ruleset")
    left.wait_states("ESTABLISHED")
    assert lib.error_of(near) == 0


@scenario()
def dropped_late_in_the_input_chain(case):
    """Nor is one in a chain that runs after all the usual ones."""
    left, right = case.pair_of_hosts()
    rules(right, "table ip t { counter hits {}; chain c { type filter hook "
                 "input priority 300; ip protocol {proto} counter name hits "
                 "drop; }; }")
    right.listen()
    left.start_connect(("10.0.0.2", 7000))
    lib.wait_until("a SYN dropped", lambda: counted(right, "hits") >= 1)
    assert right.states() == []


@scenario()
def rejected(case):
    """netfilter verifies what it rejects, but takes an unknown protocol's sum
    to cover no pseudo-header: then it sends nothing."""
    left, right = case.pair_of_hosts()
    rules(right, "table ip t { counter hits {}; chain c { type filter hook "
                 "input priority 0; ip protocol {proto} counter name hits "
                 "reject with icmp type port-unreachable; }; }")
    right.listen()
    if lib.TOYTCP and not lib.CABLE_OFFLOADS[-1]:
        left.start_connect(("10.0.0.2", 7000))
        lib.wait_until("two SYNs", lambda: counted(right, "hits") >= 2)
        assert left.states() == ["SYN-SENT"]
        return
    try:
        left.connect(("10.0.0.2", 7000))
    except OSError as error:
        assert error.errno == errno.ECONNREFUSED, error
    else:
        raise AssertionError("connected through a reject")


@scenario()
def dropped_on_the_way_out(case):
    left, right = case.pair_of_hosts()
    rules(left, "table ip t { counter hits {}; chain c { type filter hook "
                "output priority 0; ip protocol {proto} counter name hits "
                "drop; }; }")
    right.listen()
    left.start_connect(("10.0.0.2", 7000))
    lib.wait_until("a SYN dropped", lambda: counted(left, "hits") >= 2)
    left.run("nft", "flush", "ruleset")
    left.wait_states("ESTABLISHED")


STATEFUL = """table ip t {
    counter new {}; counter established {}; counter invalid {};
    chain in { type filter hook input priority 0; policy drop;
        ip protocol icmp accept
        ct state established counter name established accept
        ct state new counter name new accept
        ct state invalid counter name invalid drop; };
    chain out { type filter hook output priority 0; policy accept;
        ct state invalid drop; };
}"""


@scenario()
def stateful_on_the_server(case):
    left, right = case.pair_of_hosts()
    rules(right, STATEFUL)
    transfer(left, right)
    assert counted(right, "new") >= 1
    assert counted(right, "established") > 10
    assert counted(right, "invalid") == 0


@scenario()
def stateful_on_the_client_lets_answers_in(case):
    """Only packets of connections opened by the client may come in."""
    left, right = case.pair_of_hosts()
    rules(left, """table ip t { chain in {
        type filter hook input priority 0; policy drop;
        ct state established accept; }; }""")
    transfer(left, right)


@scenario()
def stateful_client_keeps_strangers_out(case):
    left, right = case.pair_of_hosts()
    rules(left, """table ip t { counter strangers {}; chain in {
        type filter hook input priority 0; policy drop;
        ct state established accept
        counter name strangers; }; }""")
    left.listen()
    right.start_connect(("10.0.0.1", 7000))
    lib.wait_until("a stranger", lambda: counted(left, "strangers") >= 1)
    assert left.states() == []


@scenario()
def tracked_connections_are_confirmed(case):
    """Stolen packets have exactly one entry in conntrack's table."""
    left, right = case.pair_of_hosts()
    rules(right, STATEFUL)
    listener = right.listen()
    near = left.connect(("10.0.0.2", 7000))
    far = right.accept(listener)
    lib.exchange(near, far)
    try:
        lines = right.read("/proc/net/nf_conntrack").splitlines()
    except FileNotFoundError:
        raise lib.Skip("no /proc/net/nf_conntrack in this kernel") from None
    ours = [line for line in lines if f" {lib.PROTO} " in line]
    assert len(ours) == 1, lines
    assert "src=10.0.0.1 dst=10.0.0.2" in ours[0], ours


@scenario()
def tracked_fragments(case):
    host = case.namespace()
    rules(host, STATEFUL)
    peer = lib_segment.Peer(case, host)
    listener = host.listen()
    talk = peer.dial(7000)
    data = os.urandom(5000)
    for packet in lib_segment.fragments(talk.make("PA", data), 1000):
        peer.send_raw(packet)
    assert lib.receive(host.accept(listener), 5000) == data


@scenario()
def destination_nat(case):
    """The client connects to an address that the server's rules translate."""
    left, right = case.pair_of_hosts()
    rules(right, """table ip t { chain pre {
        type nat hook prerouting priority -100;
        ip daddr 10.0.0.77 dnat to 10.0.0.2; }; }""")
    left.run("ip", "route", "add", "10.0.0.77/32", "via", "10.0.0.2")
    transfer(left, right, address="10.0.0.77")
    nothing_was_wrong(left, right)


@scenario()
def destination_nat_on_the_client(case):
    left, right = case.pair_of_hosts()
    rules(left, """table ip t { chain out {
        type nat hook output priority -100;
        ip daddr 10.9.9.9 dnat to 10.0.0.2; }; }""")
    left.run("ip", "route", "add", "10.9.9.9/32", "via", "10.0.0.2")
    transfer(left, right, address="10.9.9.9")
    nothing_was_wrong(left, right)


@scenario()
def source_nat_on_the_client(case):
    left, right = case.pair_of_hosts()
    rules(left, """table ip t { chain post {
        type nat hook postrouting priority 100;
        ip daddr 10.0.0.2 snat to 10.0.0.88; }; }""")
    right.run("ip", "route", "add", "10.0.0.88/32", "via", "10.0.0.1")
    transfer(left, right)
    nothing_was_wrong(left, right)


@scenario()
def source_nat_on_the_server(case):
    """In the input chain: the server sees another client."""
    left, right = case.pair_of_hosts()
    rules(right, """table ip t { chain in {
        type nat hook input priority 100;
        ip saddr 10.0.0.1 snat to 10.0.0.66; }; }""")
    right.run("ip", "route", "add", "10.0.0.66/32", "via", "10.0.0.1")
    listener = right.listen()
    near = left.connect(("10.0.0.2", 7000))
    far = right.accept(listener)
    assert far.getpeername()[0] == "10.0.0.66", far.getpeername()
    lib.exchange(near, far)
    nothing_was_wrong(left, right)


@scenario()
def nat_within_a_host(case):
    """Packets on lo keep conntrack's entry: they are translated once only. The
    route is another device's before a rule changes it to lo."""
    left, _ = case.pair_of_hosts()
    rules(left, """table ip t {
        chain out { type nat hook output priority -100;
            ip daddr 10.9.9.9 dnat to 127.0.0.1; };
        chain post { type nat hook postrouting priority 100;
            oifname "lo" ip saddr 10.0.0.1 snat to 127.0.0.9; }; }""")
    left.run("ip", "route", "add", "10.9.9.9/32", "via", "10.0.0.2")
    listener = left.listen()
    near = left.connect(("10.9.9.9", 7000))
    far = left.accept(listener)
    assert far.getpeername()[0] == "127.0.0.9", far.getpeername()
    lib.exchange(near, far)
    nothing_was_wrong(left)


def behind_a_router(case):
    """Returns a host, the router, and a host on its other side."""
    left, router, right = (case.namespace() for _ in range(3))
    lib.cable(left, router, net="10.1.0")
    lib.cable(router, right, net="10.2.0", name="veth1")
    router.sysctl("net.ipv4.ip_forward", 1)
    left.run("ip", "route", "add", "default", "via", "10.1.0.2")
    return left, router, right


@scenario()
def masquerade_through_a_router(case):
    """A host behind a router that masquerades it."""
    left, router, right = behind_a_router(case)
    rules(router, """table ip t { chain post {
        type nat hook postrouting priority 100;
        oifname "veth1" masquerade; }; }""")
    listener = right.listen()
    near = left.connect(("10.2.0.2", 7000))
    far = right.accept(listener)
    assert far.getpeername()[0] == "10.2.0.1", far.getpeername()
    lib.exchange(near, far)
    nothing_was_wrong(left, right)


@scenario()
def both_addresses_translated_by_a_router(case):
    left, router, right = behind_a_router(case)
    rules(router, """table ip t {
        chain pre { type nat hook prerouting priority -100;
            ip daddr 10.1.0.2 dnat to 10.2.0.2; };
        chain post { type nat hook postrouting priority 100;
            oifname "veth1" masquerade; }; }""")
    transfer(left, right, "10.1.0.2")
    nothing_was_wrong(left, right)


@scenario()
def large_packets_summed_behind_nat(case):
    """The router's second cable takes no large segments, and sums nothing: the
    router cuts and sums what it has translated."""
    left, router, right = behind_a_router(case)
    lib.without_offloads(router, "veth1")
    rules(router, """table ip t { chain post {
        type nat hook postrouting priority 100;
        oifname "veth1" masquerade; }; }""")
    listener = right.listen()
    near = left.connect(("10.2.0.2", 7000))
    lib.exchange(near, right.accept(listener))
    nothing_was_wrong(left, right)


@scenario(toytcp_only=True)
def router_whose_icmp_is_filtered(case):
    """A link with a small MTU behind a router whose ICMP errors are dropped."""
    left, router, right = behind_a_router(case)
    with router:
        lib.interface_mtu("veth1", 1100)
    right.run("ip", "route", "add", "default", "via", "10.2.0.1")
    rules(router, """table ip t { counter said { }; chain out {
        type filter hook output priority 0;
        icmp type destination-unreachable counter name said drop; }; }""")
    listener = right.listen()
    near = left.connect(("10.2.0.2", 7000))
    lib.exchange(near, right.accept(listener), 300000)
    assert counted(router, "said") and left.stats()["black_holes"]


@scenario()
def queued_to_a_program(case):
    """After a verdict the hook runs in process context, not in softirq."""
    left, right = case.pair_of_hosts()
    queue = lib_nfqueue.Queue(case, right)
    rules(right, """table ip t { chain in {
        type filter hook input priority 0;
        ip protocol {proto} queue num 0; }; }""")
    transfer(left, right)
    assert queue.count > 5, queue.count


@scenario()
def queued_both_ways_and_stateful(case):
    left, right = case.pair_of_hosts()
    queue = lib_nfqueue.Queue(case, right)
    rules(right, STATEFUL)
    rules(right, """table ip q {
        chain in { type filter hook input priority 10;
            ip protocol {proto} queue num 0; };
        chain out { type filter hook output priority 10;
            ip protocol {proto} queue num 0; }; }""")
    transfer(left, right)
    assert queue.count > 10, queue.count


@scenario()
def corrupted_by_a_program(case):
    """A program changes packets without updating the checksum."""
    left, right = case.pair_of_hosts()
    lib.without_offloads(left)
    queue = lib_nfqueue.Queue(case, right)
    rules(right, """table ip t { chain in {
        type filter hook input priority 0;
        ip protocol {proto} queue num 0; }; }""")
    near, far = case.link(left, right)
    seen = set()

    def change(packet: bytes):
        # Every fifth new segment: if retransmissions were counted, too, the
        # same segment could be the fifth again and again.
        number = packet[24:28]
        if len(packet) > 500 and number not in seen:
            seen.add(number)
            if len(seen) % 5 == 1:
                return packet[:-1] + bytes([packet[-1] ^ 1])
        return None

    queue.change = change
    lib.exchange(near, far, 100000)
    if lib.TOYTCP:
        assert right.stats()["drop_checksum"] > 0


@scenario()
def marked_and_routed(case):
    """A routing rule for SO_MARK applies to the socket."""
    left, right = case.pair_of_hosts()
    left.run("ip", "route", "add", "unreachable", "10.0.0.2", "table", "9")
    left.run("ip", "rule", "add", "fwmark", "9", "table", "9", "pref", "1")
    right.listen()
    plain = left.connect(("10.0.0.2", 7000))
    plain.close()
    marked = left.socket()
    marked.setsockopt(lib.socket.SOL_SOCKET, lib.socket.SO_MARK, 9)
    try:
        marked.connect(("10.0.0.2", 7000))
    except OSError as error:
        assert error.errno == errno.EHOSTUNREACH, error
    else:
        raise AssertionError("the mark was not honoured")


@scenario()
def what_time_wait_remembers(case):
    """The last ACK goes the way of those before it: mark, priority, TOS. (TCP
    forgets IP_TTL.)"""
    host = case.namespace()
    peer = lib_segment.Peer(case, host)
    listener = host.listen()
    talk = peer.dial(7000)
    far = host.accept(listener)
    for level, option, value in (
            (lib.socket.SOL_IP, lib.socket.IP_TOS, 0x28),
            (lib.socket.SOL_IP, lib.socket.IP_TTL, 77),
            (lib.socket.SOL_SOCKET, lib.socket.SO_PRIORITY, 5),
            (lib.socket.SOL_SOCKET, lib.socket.SO_MARK, 9)):
        far.setsockopt(level, option, value)
    far.close()
    talk.expect("FA")
    talk.send("A")      # or it may be repeated, and count
    rules(host, """table ip t { counter hits {}; chain c {
        type filter hook output priority 0; ip protocol {proto}
        meta mark 9 meta priority 0:5 ip dscp 10 """
        + ("ip ttl 77 " if lib.TOYTCP else "") +
        """counter name hits; }; }""")
    talk.send("FA")
    talk.expect("A")
    assert counted(host, "hits") == 1
    host.wait_states("TIME-WAIT")
    talk.send("FA", seq=talk.seq - 1)
    talk.expect("A")
    assert counted(host, "hits") == 2


@scenario()
def owned_by_the_listener(case):
    """Rules about the owner of a packet apply to a SYN,ACK as well: it is the
    listener's."""
    left, right = case.pair_of_hosts()
    rules(right, """table ip t { counter other {}; chain c {
        type filter hook output priority 0; policy drop;
        meta skuid 0 accept
        ip protocol {proto} counter name other; }; }""")
    near, far = case.link(left, right)
    assert counted(right, "other") == 0
    lib.exchange(near, far)


@scenario()
def from_too_far_away(case):
    """IP_MINTTL applies to a listener's SYNs and a connection's segments."""
    left, right = case.pair_of_hosts()
    listener = right.listen()
    listener.setsockopt(lib.socket.SOL_IP, IP_MINTTL, 255)
    near = left.start_connect(("10.0.0.2", 7000))
    if lib.TOYTCP:
        lib.wait_until("refused", lambda: right.stats()["drop_filter"])
        assert not right.states()
    near.setsockopt(lib.socket.SOL_IP, lib.socket.IP_TTL, 255)
    far = right.accept(listener)
    left.wait_states("ESTABLISHED")
    near.setsockopt(lib.socket.SOL_IP, lib.socket.IP_TTL, 254)
    near.send(b"far")
    if lib.TOYTCP:
        lib.wait_until("refused", lambda: right.stats()["drop_filter"] > 1)
    near.setsockopt(lib.socket.SOL_IP, lib.socket.IP_TTL, 255)
    assert lib.receive(far, 3) == b"far"


if __name__ == "__main__":
    lib.main()

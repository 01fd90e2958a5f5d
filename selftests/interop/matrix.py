#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""toytcp and the kernel's TCP, each as client and as server, on bad networks.

Everything sent must arrive, both ends must close, and toytcp must not need many
more packets than two TCPs under the same condition. Two TCPs come first in each
row; the last test prints the table. FULL=1: 5 MB each way in every row,
otherwise only where nothing is lost.
"""
import hashlib
import os
import socket
from typing import Callable, NamedTuple

import lib_path
from lib_path import TCP, Counters, Path, lib

TOYTCP = lib.PROTO
NAMES = {TCP: "TCP", TOYTCP: "toytcp"}
PAIRS = ((TCP, TCP), (TOYTCP, TCP), (TCP, TOYTCP), (TOYTCP, TOYTCP))
MB = 1 << 20
FULL = bool(os.environ.get("FULL"))
MUCH, LESS = 5 * MB, 5 * MB if FULL else MB // 2


# --- what the two ends do with a connection, until its end ---

def send(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def digest_of_all(sock: socket.socket) -> str:
    """The hash of all received text, up to the end of the stream."""
    total = hashlib.sha256()
    while part := sock.recv(1 << 18):
        total.update(part)
    return total.hexdigest()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def exchange(path: Path, size: int) -> None:
    """Sends in both directions at once."""
    near, far = path.connect()
    up, down = os.urandom(size), os.urandom(size)
    work = [lib.Thread(send, near, up), lib.Thread(send, far, down)]
    reader = lib.Thread(digest_of_all, far)
    assert digest_of_all(near) == digest(down), "what came down differs"
    assert reader.finish() == digest(up), "what went up differs"
    for thread in work:
        thread.finish()
    near.close()
    far.close()


def half_close(path: Path, size: int) -> None:
    """The client sends everything before the server begins to send."""
    near, far = path.connect()
    up, down = os.urandom(size), os.urandom(size)
    sender = lib.Thread(send, near, up)
    assert digest_of_all(far) == digest(up), "what went up differs"
    sender.finish()
    lib.wait_until("a client in FIN-WAIT-2",
                   lambda: path.client.states() == ["FIN-WAIT-2"])
    assert path.server.states() == ["CLOSE-WAIT"]
    sender = lib.Thread(send, far, down)
    assert digest_of_all(near) == digest(down), "what came down differs"
    sender.finish()
    near.close()
    far.close()


def is_probing(host: lib.Namespace) -> bool:
    """Does the table show the persist timer?"""
    return any("persist" in row.timer or row.timer.startswith("04:")
               for row in host.connections())


def lazy_reader(host: lib.Namespace, sock: socket.socket,
                reader: socket.socket, size: int) -> None:
    """The reader waits until the sender faces a closed window."""
    data = os.urandom(size)
    sender = lib.Thread(sock.sendall, data)
    lib.wait_until("zero-window probes", lambda: is_probing(host))
    assert digest(lib.receive(reader, size)) == digest(data)
    sender.finish()


def zero_window(path: Path, size: int) -> None:
    near, far = path.connect(buffer=65536)
    lazy_reader(path.client, near, far, size)
    lazy_reader(path.server, far, near, size)
    near.close()
    far.close()


def abrupt(sender: socket.socket, reader: socket.socket) -> None:
    """The reader closes in the middle of a transfer."""
    def send_on() -> type | None:
        try:
            while True:
                sender.sendall(bytes(65536))
        except OSError as error:
            return type(error)

    work = lib.Thread(send_on)
    lib.receive(reader, MB // 4)
    lib.reset(reader)
    assert work.finish() in (ConnectionResetError, BrokenPipeError)
    sender.close()


def reset(path: Path, _) -> None:
    """Either end resets the connection; nothing remains."""
    near, far = path.connect()
    abrupt(near, far)
    near, far = path.connect()
    abrupt(far, near)
    for host in path.hosts:
        host.wait_states()


# --- conditions ---

class Condition(NamedTuple):
    """A row of the matrix: a network, and what is done on it."""
    name: str
    netem: tuple[str, ...] = ()
    mtu: int = 0
    size: int = MUCH
    talk: Callable = exchange
    ecn: bool = False


CONDITIONS = (
    Condition("clean"),
    Condition("loss_1_percent", ("loss", "1%"), size=LESS),
    Condition("loss_10_percent_and_reordering",
              ("delay", "4ms", "loss", "10%", "reorder", "75%", "50%"),
              size=LESS if FULL else LESS // 2),
    Condition("ecn_marks_5_percent", ("loss", "5%", "ecn"), size=LESS,
              ecn=True),
    Condition("delay_40_ms", ("delay", "40ms"), size=LESS),
    Condition("mtu_576", mtu=576, size=LESS),
    Condition("zero_window", size=LESS, talk=zero_window),
    Condition("reset", talk=reset),
    Condition("half_close", talk=half_close),
)

RESULTS: dict[tuple[str, int, int], Counters] = {}


def run(case: lib.Case, condition: Condition, client: int,
        server: int) -> Counters:
    path = Path(case, client, server)
    if condition.ecn:
        path.ask_for_ecn()
    if condition.netem:
        path.netem(*condition.netem)
    if condition.mtu:
        path.mtu(condition.mtu)
    condition.talk(path, condition.size)
    path.wait_closed()
    return path.counters()


def oracle(condition: Condition) -> Counters:
    """The counters of two TCPs."""
    key = condition.name, TCP, TCP
    if key not in RESULTS:
        with lib.Case() as case:
            RESULTS[key] = run(case, condition, TCP, TCP)
    return RESULTS[key]


def repeated(counters: Counters) -> int:
    return counters.by_client + counters.by_server


def check(mine: Counters, tcp: Counters, all_of_it: bool) -> None:
    """Checks for excessive traffic. The bounds are wide, since losses are
    random; how much goes out before a reset is entirely random."""
    assert mine.checksum == 0, "a checksum was wrong"
    assert repeated(mine) <= 3 * repeated(tcp) + 200, "too much repeated"
    if not all_of_it:
        return
    assert mine.packets <= 3 * tcp.packets + 500, "too many packets"
    assert mine.bytes <= 1.5 * tcp.bytes + 500000, "too many bytes"


def add_cell(condition: Condition, client: int, server: int) -> None:
    def cell(case: lib.Case) -> None:
        tcp = oracle(condition)
        mine = tcp
        if (client, server) != (TCP, TCP):
            mine = run(case, condition, client, server)
        RESULTS[condition.name, client, server] = mine
        for name, ours, theirs in zip(mine._fields, mine, tcp):
            lib.comment(f"{name}: {ours}, TCP-TCP {theirs}")
        check(mine, tcp, condition.talk is not reset)

    cell.__name__ = (f"{condition.name}_{NAMES[client]}_to_{NAMES[server]}"
                     ).lower()
    lib.scenario()(cell)


def table() -> list[str]:
    lines = [f"{'condition':31} {'client':6} {'server':6} {'packets':>8} "
             f"{'bytes':>9} {'by client':>9} {'by server':>9} {'timeouts':>8}"]
    lines += [f"{condition:31} {NAMES[client]:6} {NAMES[server]:6} "
              f"{c.packets:8} {c.bytes:9} {c.by_client:9} {c.by_server:9} "
              f"{c.timeouts:8}"
              for (condition, client, server), c in RESULTS.items()]
    return lines


@lib.scenario()
def side_by_side(_):
    """Prints all counters ("by client": its retransmissions), which the cells
    themselves have checked."""
    lib.comment("\n".join(table()))


def main() -> None:
    last = lib.SCENARIOS.pop()
    for condition in CONDITIONS:
        for client, server in PAIRS:
            add_cell(condition, client, server)
    lib.SCENARIOS.append(last)
    lib.main()


if __name__ == "__main__":
    main()

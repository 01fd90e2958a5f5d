#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What one connection leaves waiting in its own host, before a slow device."""
import contextlib
import json
import time

import lib
from lib import scenario

LONG, SHORT = 3_000_000, 30_000		# bytes that the queue holds
SIZE = 4_000_000
# TCP leaves about 110 KB, which 20 Mbit/s take 45 ms for.
WAITING = 200_000
SO_MAX_PACING_RATE = 47
DROPS = 40		# TCP: 2; who is not told of them causes 145


class Upload:
    """A stream of text through a queue, and somebody who looks at that."""

    def __init__(self, case: lib.Case, limit: int, *delay: str) -> None:
        self.left, self.right = case.pair_of_hosts()
        lib.add_queue(self.left, "tbf", "rate", "20mbit", "burst", "16kb",
                      "limit", str(limit))
        if delay:
            lib.add_netem(self.right, "delay", *delay)
        self.near, self.far = case.link(self.left, self.right)

    def figure(self, name: str) -> int:
        """Of the queue. tc prints exact figures only as JSON."""
        shown = self.left.run("tc", "-s", "-j", "qdisc", "show", "dev", "veth0")
        return next(queue[name] for queue in json.loads(shown)
                    if queue["kind"] == "tbf")

    def waiting(self) -> int:
        return self.figure("backlog")

    def push(self) -> bool:
        """Sends what the socket takes; returns whether some of it waits."""
        self.near.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.near.send(bytes(SIZE))
        return self.waiting() > 0

    def run(self) -> int:
        """Returns the most bytes that were seen waiting."""
        most = 0
        sender = lib.Thread(self.near.sendall, bytes(SIZE))
        for _ in range(20):
            lib.receive(self.far, SIZE // 20)
            most = max(most, self.waiting())
        sender.finish()
        return most


@scenario()
def a_long_queue_stays_short(case):
    most = Upload(case, LONG).run()
    assert most < WAITING, f"{most} bytes were waiting"


@scenario()
def a_short_queue_drops_little(case):
    upload = Upload(case, SHORT, "20ms")
    upload.run()
    dropped = upload.figure("drops")
    assert dropped < DROPS, f"{dropped} packets were dropped"


@scenario()
def the_socket_goes_before_its_packets(case):
    upload = Upload(case, LONG)
    receiver = lib.Thread(lib.receive, upload.far, 1000 * SIZE)
    lib.wait_until("something waits", upload.push)
    lib.reset(upload.near)
    with contextlib.suppress(ConnectionError, AssertionError):
        receiver.finish()


@scenario()
def fq_follows_the_pacing_rate(case):
    """SO_MAX_PACING_RATE holds where fq does it, and may be raised again."""
    left, right = case.pair_of_hosts()
    lib.add_queue(left, "fq")
    near, far = case.link(left, right)

    def seconds(rate: int, size: int) -> float:
        near.setsockopt(lib.socket.SOL_SOCKET, SO_MAX_PACING_RATE, rate)
        began = time.monotonic()
        sender = lib.Thread(near.sendall, bytes(size))
        lib.receive(far, size)
        sender.finish()
        return time.monotonic() - began
    # A flow begins with some credit.
    assert seconds(100_000, 100_000) > 0.4
    # 10 s at the former rate.
    assert seconds(100_000_000, 1_000_000) < 6


if __name__ == "__main__":
    lib.main()

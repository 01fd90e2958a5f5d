# SPDX-License-Identifier: GPL-2.0
"""toytcp sim --cwnd: the congestion window, with a line for each round trip."""
from dataclasses import dataclass

from events import Conversation, Event, conversations, parse

NO_THRESHOLD = 1 << 30      # ssthresh before any loss
BEFORE_BAR = 30             # columns
NOTE = 12                   # columns after the longest bar


@dataclass
class Round:
    """A round trip, with the windows at its beginning. It ends when everything
    sent before it is acknowledged. again: segments retransmitted in it."""
    time: int
    cwnd: int
    ssthresh: int
    again: int = 0


class Rounds:
    """Reads the client's segments one by one."""

    def __init__(self, talk: Conversation):
        self.found: list[Round] = []
        self.base: int | None = None
        self.reached = self.mark = 0    # offsets into what the client sends
        for event in talk.left:
            if event.cwnd and event.dir and "SYN" not in event.bits:
                self.take(event, event.time - talk.start)

    def begin(self, event: Event, now: int) -> None:
        self.found.append(Round(now, event.cwnd, event.ssthresh))
        self.mark = self.reached

    def goes_on(self, event: Event, now: int) -> bool:
        """Is this ACK part of a burst that arrived at the same time?"""
        line = self.found[-1]
        if line.time == now:
            line.cwnd, line.ssthresh = event.cwnd, event.ssthresh
            self.mark = self.reached
        return line.time == now

    def take(self, event: Event, now: int) -> None:
        if event.dir == "in":
            self.mark = self.mark or self.reached   # of the first flight
            if (self.found and not self.goes_on(event, now)
                    and self.offset(event.ack) >= self.mark):
                self.begin(event, now)
        elif event.len:
            if not self.found:
                self.base = event.seq
                self.begin(event, now)
            first = self.offset(event.seq)
            self.found[-1].again += first < self.reached
            self.reached = max(self.reached, first + event.len)

    def offset(self, number: int) -> int:
        return (number - self.base) % 2 ** 32


def row(line: Round, mss: int, scale: int) -> str:
    limit = (f"{line.ssthresh / mss:.1f}" if line.ssthresh < NO_THRESHOLD
             else "-")
    bar = "#" * max(1, round(line.cwnd / mss / scale))
    note = f"  {line.again} again" if line.again else ""
    return (f"{line.time / 1000:10.3f} {line.cwnd / mss:7.1f} {limit:>9}  "
            f"{bar}{note}")


def draw(talk: Conversation, columns: int) -> str:
    lines = Rounds(talk).found
    mss = max((e.len for e in talk.left if e.dir == "out"), default=0) or 1
    most = max((line.cwnd for line in lines), default=0) // mss
    scale = max(1, -(-most // max(1, columns - BEFORE_BAR - NOTE)))
    return "\n".join([
        f"{talk.client}, in segments of {mss} bytes; # is {scale}",
        f"{'ms':>10} {'cwnd':>7} {'ssthresh':>9}",
        *(row(line, mss, scale) for line in lines)])


def report(text: str, columns: int) -> str:
    return "\n\n".join(draw(talk, columns)
                       for talk in conversations(parse(text).events))

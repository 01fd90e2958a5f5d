# SPDX-License-Identifier: GPL-2.0
"""Turns a paired conversation into the rows of its ladder, from top to bottom.

Each side's events keep their order. A segment takes one row if possible. If two
segments cross on their way, one of them is drawn as a departure and, further
down, as an arrival.
"""
from collections import deque
from dataclasses import dataclass

from events import Conversation, Event
from pairing import pair


@dataclass
class Row:
    """One line: a segment (its departure, arrival or both), or an event without
    a segment. to_right: does the arrow point from client to server?"""
    departure: Event | None = None
    arrival: Event | None = None
    alone: Event | None = None
    to_right: bool = True

    @property
    def segment(self) -> Event | None:
        return self.departure or self.arrival

    @property
    def time(self) -> int:
        return (self.departure or self.arrival or self.alone).time

    def on(self, left: bool) -> Event | None:
        """The event that this row puts on the left or right side."""
        if self.alone:
            return self.alone if left == self.to_right else None
        return self.departure if left == self.to_right else self.arrival


class Weaver:
    """Merges the two sides' queues into rows."""

    def __init__(self, talk: Conversation):
        self.queues = (deque(talk.left), deque(talk.right))
        self.apart: set[int] = set()   # ids of segments drawn in two rows

    def stands_alone(self, event: Event) -> bool:
        return event.peer is None or id(event) in self.apart

    def is_ready(self, side: int) -> bool:
        """Can the head of this queue be drawn now? A departure and its arrival
        are drawn together, so both must be at the heads of their queues."""
        head = self.queues[side][0]
        if self.stands_alone(head):
            return True
        other = self.queues[1 - side]
        return head.dir == "out" and bool(other) and other[0] is head.peer

    def heads(self) -> list[int]:
        return [side for side in (0, 1) if self.queues[side]]

    def earliest(self, sides: list[int]) -> int:
        return min(sides, key=lambda side: self.queues[side][0].time)

    def part(self) -> None:
        """Splits the earlier of two segments that cross into two rows, because
        neither can be drawn in one."""
        head = self.queues[self.earliest(self.heads())][0]
        self.apart.update((id(head), id(head.peer)))

    def take(self, side: int) -> Row:
        event = self.queues[side].popleft()
        from_left = side == 0
        if event.dir is None:
            return Row(alone=event, to_right=from_left)
        if event.dir == "in":
            return Row(arrival=event, to_right=not from_left)
        if self.stands_alone(event):
            return Row(departure=event, to_right=from_left)
        self.queues[1 - side].popleft()
        return Row(event, event.peer, to_right=from_left)

    def rows(self) -> list[Row]:
        done = []
        while self.heads():
            ready = [side for side in self.heads() if self.is_ready(side)]
            if ready:
                done.append(self.take(self.earliest(ready)))
            else:
                self.part()
        return done


def weave(talk: Conversation) -> list[Row]:
    """Pairs a conversation's segments and puts them into rows."""
    pair(talk)
    return Weaver(talk).rows()


def segments(rows: list[Row]) -> list[tuple[Row, Event]]:
    """The segments that were sent, in the order of their departures. If a
    departure was not recorded, the arrival takes its place."""
    found = []
    for row in rows:
        sent = row.departure
        if sent is None and row.arrival and row.arrival.fate == "unknown":
            sent = row.arrival
        if sent:
            found.append((row, sent))
    return found

# SPDX-License-Identifier: GPL-2.0
"""Pairs arrivals with departures, and finds the fate of the rest.

pair() sets each segment's peer, fate and note:
  arrived   it has a peer on the other side
  lost      it left, but never arrived
  part      a piece of a segment that was cut on the way (arrival only)
  merged    it arrived as part of a larger one
  twice     a duplicate made by the network (arrival only)
  unknown   the other side was not recorded, or its record is gone
"""
from bisect import bisect_left
from collections import defaultdict
from math import inf

from events import Conversation, Event


def same(event: Event) -> tuple:
    """The fields of a segment that do not change on its way."""
    return (event.flags, event.seq, event.ack, event.len)


def join(departure: Event, arrival: Event) -> None:
    departure.peer, arrival.peer = arrival, departure
    departure.fate = arrival.fate = "arrived"


def oddness(departure: Event, arrival: Event, typical: int) -> float:
    """How far a pair's delay is from the typical one."""
    delay = arrival.time - departure.time
    return abs(delay - typical) if delay >= 0 else inf


def match_alike(departures: list[Event], arrivals: list[Event],
                typical: int) -> None:
    """Pairs identical segments in order. If more of them left than arrived, a
    departure is skipped (as lost) while the next one would have a more typical
    delay."""
    j = 0
    for i, arrival in enumerate(arrivals):
        def odd(k: int) -> float:
            return (oddness(departures[k], arrival, typical)
                    if k < len(departures) else inf)

        while (len(departures) - j > len(arrivals) - i
               and odd(j + 1) < odd(j)):
            j += 1
        if odd(j) < inf:
            join(departures[j], arrival)
            j += 1


def match_skewed(departures: list[Event], arrivals: list[Event]) -> None:
    """Pairs, in order, arrivals that seem to precede their departures, because
    the two machines' clocks differ."""
    early = [e for e in arrivals if e.time < departures[0].time]
    late = [e for e in departures if not e.peer]
    for departure, arrival in zip(late, early):
        join(departure, arrival)


def typical_delay(groups: list[tuple]) -> int:
    """The median delay of the segments that are unique."""
    delays = sorted(arrivals[0].time - departures[0].time
                    for departures, arrivals in groups
                    if len(departures) == len(arrivals) == 1)
    return max(0, delays[len(delays) // 2]) if delays else 0


def group_alike(departures: list[Event], arrivals: list[Event]) -> list[tuple]:
    groups: dict[tuple, tuple] = defaultdict(lambda: ([], []))
    for event in departures:
        groups[same(event)][0].append(event)
    for event in arrivals:
        groups[same(event)][1].append(event)
    return [group for group in groups.values() if group[0]]


def match_equal(departures: list[Event], arrivals: list[Event]) -> None:
    """Pairs all segments that arrived unchanged."""
    groups = group_alike(departures, arrivals)
    typical = typical_delay(groups)
    for left, right in groups:
        match_alike(left, right, typical)
        match_skewed(left, right)
        for again in (e for e in right if not e.peer):
            again.fate = "twice"


def holds(big: Event, small: Event) -> bool:
    """Do big's bytes include all of small's?"""
    offset = (small.seq - big.seq) % 2 ** 32
    return offset + small.len <= big.len


class BySequence:
    """Segments sorted by their first byte, for searching."""

    def __init__(self, events: list[Event], base: int):
        self.base = base
        self.events = sorted(events, key=self.offset)
        self.offsets = [self.offset(event) for event in self.events]

    def offset(self, event: Event) -> int:
        return (event.seq - self.base) % 2 ** 32

    def inside(self, big: Event) -> list[Event]:
        """The pieces of big that have no fate yet."""
        first = self.offset(big)
        low = bisect_left(self.offsets, first)
        high = bisect_left(self.offsets, first + big.len)
        return [e for e in self.events[low:high]
                if not e.fate and holds(big, e)]


def match_cut(departures: list[Event], arrivals: list[Event]) -> None:
    """Matches super-segments that were cut on their way, and arrived in
    pieces."""
    pool = BySequence(arrivals, departures[0].seq)
    for departure in departures:
        pieces = [e for e in pool.inside(departure)
                  if e.time >= departure.time]
        if not pieces:
            continue
        first = min(pieces, key=lambda e: e.n)
        for piece in pieces:
            piece.fate = "part"
        join(departure, first)
        whole = sum(piece.len for piece in pieces) >= departure.len
        departure.note = (f"arrived in {len(pieces)} pieces" if whole
                          else "a part of it was lost")


def match_merged(departures: list[Event], arrivals: list[Event]) -> None:
    """Matches segments that arrived joined in one; the last is its peer."""
    pool = BySequence(departures, departures[0].seq)
    for arrival in arrivals:
        parts = [e for e in pool.inside(arrival) if e.time <= arrival.time]
        if not parts:
            continue
        last = max(parts, key=lambda e: e.n)
        for part in parts:
            part.fate = "merged"
        join(last, arrival)
        arrival.note = f"{len(parts)} segments arrived as one"


def match_resized(departures: list[Event], arrivals: list[Event]) -> None:
    """Matches text whose segment boundaries changed on the way (GSO, GRO)."""
    for match in (match_cut, match_merged):
        sent = [e for e in departures if not e.fate and e.len]
        received = [e for e in arrivals if not e.fate and e.len]
        if sent and received:
            match(sent, received)


def judge(events: list[Event], fate: str) -> None:
    for event in events:
        event.fate = event.fate or fate


def mark_again(departures: list[Event]) -> None:
    """Marks retransmissions: segments whose numbers had been sent before."""
    latest = None
    for event in departures:
        if not event.span or event.seq is None:
            continue
        end = (event.seq + event.span) % 2 ** 32
        ahead = 1 if latest is None else (end - latest) % 2 ** 32
        if 0 < ahead < 2 ** 31:
            latest = end
        elif not event.note:
            event.note = "again"


def pair_direction(sent: list[Event], received: list[Event],
                   both_seen: bool) -> None:
    departures = [e for e in sent if e.dir == "out"]
    arrivals = [e for e in received if e.dir == "in"]
    match_equal(departures, arrivals)
    match_resized(departures, arrivals)
    mark_again(departures)
    judge(departures, "lost" if both_seen else "unknown")
    judge(arrivals, "unknown")


def pair(talk: Conversation) -> None:
    """Finds the fate of every segment of a conversation."""
    pair_direction(talk.left, talk.right, talk.both_seen)
    pair_direction(talk.right, talk.left, talk.both_seen)

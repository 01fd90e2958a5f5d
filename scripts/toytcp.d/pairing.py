# SPDX-License-Identifier: GPL-2.0
"""Which arrival belongs to which departure, and what became of the rest.

pair() writes into each segment's peer, fate and note:
  arrived   it has a peer on the other side
  lost      it left, and never arrived
  part      a piece of a segment that was cut on the way (its arrival only)
  merged    it arrived as part of a larger one
  twice     the network delivered it once more (its arrival only)
  unknown   the other side was not watched, or its record is gone
"""
from collections import defaultdict
from statistics import median

from events import Conversation, Event

# More than all delays of a recording together, in microseconds.
LEFT_OVER = 10 ** 15


def same(event: Event) -> tuple:
    """What a segment keeps on its way."""
    return (event.flags, event.seq, event.ack, event.len)


def join(departure: Event, arrival: Event) -> None:
    departure.peer, arrival.peer = arrival, departure
    departure.fate = arrival.fate = "arrived"


def align_costs(departures: list[Event], arrivals: list[Event],
                typical: int) -> list[list[int]]:
    """costs[i][j]: of the best pairing of the first i arrivals with the
    first j departures. A pair costs what its delay differs from the typical
    one; an arrival left over costs more than any pair."""
    costs = [[0] * (len(departures) + 1)]
    for i, arrival in enumerate(arrivals, 1):
        line = [i * LEFT_OVER]
        for j, departure in enumerate(departures, 1):
            best = min(line[j - 1], costs[i - 1][j] + LEFT_OVER)
            delay = arrival.time - departure.time
            if delay >= 0:
                best = min(best, costs[i - 1][j - 1] + abs(delay - typical))
            line.append(best)
        costs.append(line)
    return costs


def match_alike(departures: list[Event], arrivals: list[Event],
                typical: int) -> None:
    """Pairs segments that look alike: in order, as many as possible, and so
    that their delays are as usual as possible."""
    costs = align_costs(departures, arrivals, typical)
    i, j = len(arrivals), len(departures)
    while i and j:
        if costs[i][j] == costs[i][j - 1]:
            j -= 1
        elif costs[i][j] == costs[i - 1][j] + LEFT_OVER:
            i -= 1
        else:
            i, j = i - 1, j - 1
            join(departures[j], arrivals[i])


def match_skewed(departures: list[Event], arrivals: list[Event]) -> None:
    """What arrived before anything like it left: the two machines' clocks
    differ. Paired in order."""
    early = [e for e in arrivals if e.time < departures[0].time]
    late = [e for e in departures if not e.peer]
    for departure, arrival in zip(late, early):
        join(departure, arrival)


def typical_delay(groups: list[tuple]) -> int:
    """The median delay of the segments that are unmistakable."""
    delays = [arrivals[0].time - departures[0].time
              for departures, arrivals in groups
              if len(departures) == len(arrivals) == 1]
    return max(0, int(median(delays))) if delays else 0


def group_alike(departures: list[Event], arrivals: list[Event]) -> list[tuple]:
    groups: dict[tuple, tuple] = defaultdict(lambda: ([], []))
    for event in departures:
        groups[same(event)][0].append(event)
    for event in arrivals:
        groups[same(event)][1].append(event)
    return [group for group in groups.values() if group[0]]


def match_equal(departures: list[Event], arrivals: list[Event]) -> None:
    """Everything that arrived as it left."""
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


def match_cut(departures: list[Event], arrivals: list[Event]) -> None:
    """A super-segment may be cut up on its way: its pieces arrive."""
    for departure in departures:
        pieces = [e for e in arrivals if not e.fate and holds(departure, e)
                  and e.time >= departure.time]
        if not pieces:
            continue
        join(departure, pieces[0])
        for piece in pieces[1:]:
            piece.fate = "part"
        whole = sum(piece.len for piece in pieces) >= departure.len
        departure.note = (f"arrived in {len(pieces)} pieces" if whole
                          else "a part of it was lost")


def match_merged(departures: list[Event], arrivals: list[Event]) -> None:
    """Or several segments may arrive as one: the last of them brings it."""
    for arrival in arrivals:
        parts = [e for e in departures if not e.fate and holds(arrival, e)
                 and e.time <= arrival.time]
        if not parts or arrival.fate:
            continue
        for part in parts[:-1]:
            part.fate = "merged"
        join(parts[-1], arrival)
        arrival.note = f"{len(parts)} segments arrived as one"


def match_resized(departures: list[Event], arrivals: list[Event]) -> None:
    """Data whose segment borders changed on the way (GSO and GRO)."""
    def unmatched(events: list[Event]) -> list[Event]:
        return [e for e in events if not e.fate and e.len]

    match_cut(unmatched(departures), unmatched(arrivals))
    match_merged(unmatched(departures), unmatched(arrivals))


def judge(events: list[Event], fate: str) -> None:
    for event in events:
        event.fate = event.fate or fate


def mark_again(departures: list[Event]) -> None:
    """Notes the segments that repeat sequence numbers already sent."""
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
    """Finds out, for every segment of a conversation, what became of it."""
    pair_direction(talk.left, talk.right, talk.both_seen)
    pair_direction(talk.right, talk.left, talk.both_seen)

# SPDX-License-Identifier: GPL-2.0
"""Parses the records of /proc/net/toytcp/events and groups them.

An Event is one line of the file. A Conversation is everything that two
endpoints exchanged from one handshake to its end, recorded on one side or on
both.
"""
from dataclasses import dataclass, field
from functools import cached_property

CLOSED_STATES = (None, "CLOSED", "LISTEN", "TIME-WAIT")
FORMAT = ("n time_us connection dir flags seq ack len window before after "
          "cause").split()


class BadRecord(Exception):
    """A line that is not a record of /proc/net/toytcp/events."""


@dataclass(eq=False)
class Event:
    """One record. dir is in, out or None; absent fields are None. The results
    of pairing are in peer, fate and note."""
    n: int
    time: int
    local: str
    remote: str
    dir: str | None
    flags: str | None
    seq: int | None
    ack: int | None
    len: int
    window: int
    before: str | None
    after: str | None
    cause: str | None
    source: int = 0
    cwnd: int = 0
    ssthresh: int = 0
    peer: "Event | None" = None
    fate: str = ""
    note: str = ""

    @property
    def bits(self) -> list[str]:
        return (self.flags or "").split(",")

    @property
    def span(self) -> int:
        """The sequence numbers it takes: its bytes, SYN and FIN."""
        return self.len + ("SYN" in self.bits) + ("FIN" in self.bits)

    @property
    def opens(self) -> bool:
        """Does it open a connection: a first SYN, or connect()?"""
        if self.dir is None:
            return self.before in CLOSED_STATES and self.after == "SYN-SENT"
        return "SYN" in self.bits and "ACK" not in self.bits


@dataclass
class Recording:
    """The parsed text of one events file."""
    events: list[Event] = field(default_factory=list)
    lost: int = 0


def absent(text: str) -> str | None:
    return None if text == "-" else text


def number(text: str) -> int | None:
    return None if text == "-" else int(text)


def parse_line(columns: list[str], line: str, source: int) -> Event:
    """Parses one record; newer modules may have added columns at the end."""
    cells = dict(zip(columns, line.split()))
    try:
        local, remote = cells["connection"].split(">")
        return Event(int(cells["n"]), int(cells["time_us"]), local, remote,
                     absent(cells["dir"]), absent(cells["flags"]),
                     number(cells["seq"]), number(cells["ack"]),
                     number(cells["len"]) or 0,
                     number(cells["window"]) or 0, absent(cells["before"]),
                     absent(cells["after"]), absent(cells["cause"]), source,
                     int(cells.get("cwnd", 0)), int(cells.get("ssthresh", 0)))
    except (KeyError, ValueError):
        raise BadRecord(line)


def parse(text: str, source: int = 0) -> Recording:
    """Reads the text of an events file. Repeated headers, as in saved copies
    joined with cat, are harmless."""
    recording = Recording()
    columns = FORMAT
    for line in text.splitlines():
        if line.startswith("# lost="):
            recording.lost += int(line.split("=")[1].split()[0])
        elif line.startswith("n time_us"):
            columns = line.split()
        elif line.strip() and not line.startswith("#"):
            recording.events.append(parse_line(columns, line, source))
    return recording


@dataclass
class Conversation:
    """Both sides of one connection. The client is the side that sent the
    first SYN; a side that was not recorded has no events."""
    client: str
    server: str
    left: list[Event] = field(default_factory=list)
    right: list[Event] = field(default_factory=list)

    @property
    def both_seen(self) -> bool:
        return bool(self.left and self.right)

    @property
    def has_segments(self) -> bool:
        return any(event.dir for event in self.left + self.right)

    @cached_property
    def start(self) -> int:
        return min(event.time for event in self.left + self.right)


def group_key(event: Event, whole: set) -> tuple:
    """Events with the same key belong to the same pair of endpoints. A source
    that recorded both endpoints is complete: events of other sources are not
    added (every namespace has a 127.0.0.1 of its own)."""
    pair = tuple(sorted((event.local, event.remote)))
    return (pair, event.source if (pair, event.source) in whole else None)


def complete_sources(events: list[Event]) -> set:
    """The (pair, source) for which the source recorded both endpoints."""
    seen = {(e.source, e.local, e.remote) for e in events}
    return {(tuple(sorted((local, remote))), source)
            for source, local, remote in seen
            if (source, remote, local) in seen}


def in_order(events: list[Event]) -> list[Event]:
    """Sorts by time; the records of one source keep their order."""
    latest: dict[int, int] = {}
    keyed = []
    for event in sorted(events, key=lambda e: (e.source, e.n)):
        latest[event.source] = max(event.time, latest.get(event.source, 0))
        keyed.append((latest[event.source], event.source, event.n, event))
    return [event for *_, event in sorted(keyed, key=lambda k: k[:3])]


def split_openings(events: list[Event]) -> list[list[Event]]:
    """Splits the events where the same two endpoints connect again after both
    had closed. (A SYN to a live connection does not split them: it discovers a
    half-open connection, which should be seen as a whole.)"""
    parts: list[list[Event]] = [[]]
    states: dict[str, str | None] = {}
    talked = False
    for event in events:
        ended = all(state in CLOSED_STATES for state in states.values())
        if event.opens and talked and ended:
            parts.append([])
            talked = False
        parts[-1].append(event)
        talked = talked or not event.opens
        states[event.local] = (event.after or event.before
                               or states.get(event.local))
    return parts


def conversation(events: list[Event]) -> Conversation:
    """Finds out which side is the client, and divides the events."""
    first = events[0]
    client, server = first.local, first.remote
    for event in events:
        if event.opens:
            if event.dir == "in":
                client, server = event.remote, event.local
            else:
                client, server = event.local, event.remote
            break
    return Conversation(client, server,
                        [e for e in events if e.local == client],
                        [e for e in events if e.local != client])


def conversations(events: list[Event]) -> list[Conversation]:
    """All conversations with segments, in the order of their beginning."""
    whole = complete_sources(events)
    groups: dict[tuple, list[Event]] = {}
    for event in in_order(events):
        groups.setdefault(group_key(event, whole), []).append(event)
    found = [conversation(part) for group in groups.values()
             for part in split_openings(group)]
    return sorted((talk for talk in found if talk.has_segments),
                  key=lambda talk: talk.start)

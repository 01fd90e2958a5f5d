# SPDX-License-Identifier: GPL-2.0
"""toytcp ladder: draws recorded connections as textbook diagrams."""
import time

from common import Failure, read_proc
from drawing import Style, Sides, body, draw, heading, list_segments, plan
from events import BadRecord, Conversation, Event, conversations, parse

POLL_S = 0.2
SETTLE_US = 1_000_000   # with --follow, how long a segment may take to arrive


def read_sources(files: list[str], namespaces: list[str]) -> list[str]:
    """The text of every recording: of files and namespaces, or of this one."""
    texts = []
    for name in files:
        try:
            with open(0 if name == "-" else name,
                      errors="replace") as file:
                texts.append(file.read())
        except OSError as error:
            raise Failure(f"{name}: {error.strerror}")
    texts += [read_proc("events", name) for name in namespaces]
    return texts or [read_proc("events")]


def load(texts: list[str]) -> tuple[list[Event], int]:
    """All events of all sources, and how many records were lost."""
    events: list[Event] = []
    lost = 0
    for source, text in enumerate(texts):
        try:
            recording = parse(text, source)
        except BadRecord as error:
            raise Failure("not a copy of /proc/net/toytcp/events; the first "
                          f"line that is not a record: {str(error)[:60]!r}")
        events += recording.events
        lost += recording.lost
    return events, lost


def touches(event: Event, only: str | None) -> bool:
    """Does the event belong to the wanted endpoint, such as ':7000'?"""
    return (only is None or event.local.endswith(only)
            or event.remote.endswith(only))


def report(texts: list[str], style: Style, only: str | None = None,
           as_segments: bool = False) -> str:
    """Every conversation as a ladder, or as a list of its segments."""
    events, lost = load(texts)
    talks = conversations([e for e in events if touches(e, only)])
    parts = []
    if lost and not as_segments:
        parts.append(f"({lost} older records are lost: the ring was full)")
    for talk in talks:
        if as_segments:
            parts.append("\n".join([f"# {talk.client}>{talk.server}",
                                    *list_segments(talk, style)]))
        else:
            parts.append(draw(talk, style))
    return "\n\n".join(parts)


class Follower:
    """Draws ladders as events arrive. A row is printed when it can no longer
    change: its segment has arrived, or has had enough time to."""

    def __init__(self, style: Style, only: str | None):
        self.style = style
        self.only = only
        self.events: dict[tuple[int, int], Event] = {}
        self.printed: dict[tuple[str, str, int], int] = {}
        self.last: tuple | None = None
        self.quiet_since = time.monotonic()

    def add(self, texts: list[str]) -> None:
        before = len(self.events)
        for event in load(texts)[0]:
            if touches(event, self.only):
                self.events.setdefault((event.source, event.n), event)
        if len(self.events) > before:
            self.quiet_since = time.monotonic()

    def horizon(self) -> float:
        """Rows up to this time may be printed."""
        if (time.monotonic() - self.quiet_since) * 1e6 >= SETTLE_US:
            return float("inf")
        newest = max((e.time for e in self.events.values()), default=0)
        return newest - SETTLE_US

    def reset(self) -> None:
        for event in self.events.values():
            event.peer, event.fate, event.note = None, "", ""

    def news(self, talk: Conversation, horizon: float) -> list[str]:
        """The lines of one ladder that have not been printed yet."""
        ladder = plan(talk, self.style)
        sides = Sides(ladder.rows)
        head = heading(ladder, sides)
        lines = [text for row, text in body(ladder, sides)
                 if row.time <= horizon]
        key = (talk.client, talk.server, talk.start)
        done = self.printed.get(key, 0)
        fresh = lines[done:]
        if not fresh:
            return []
        self.printed[key] = len(lines)
        again = key != self.last
        self.last = key
        return (["", *head[:2 if done else 3]] if again else []) + fresh

    def poll(self, texts: list[str]) -> list[str]:
        self.add(texts)
        self.reset()
        horizon = self.horizon()
        return [line for talk in conversations(list(self.events.values()))
                for line in self.news(talk, horizon)]


def follow(namespaces: list[str], style: Style, only: str | None) -> int:
    """Draws until interrupted."""
    follower = Follower(style, only)
    while True:
        for line in follower.poll(read_sources([], namespaces)):
            print(line, flush=True)
        time.sleep(POLL_S)

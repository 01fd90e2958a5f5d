# SPDX-License-Identifier: GPL-2.0
"""Draws the rows of a ladder as text."""
from dataclasses import dataclass, field

from events import Conversation, Event
from rows import Row, segments, weave

STATE_WIDTH = 12        # as long as the longest state name
TIME_WIDTH = 10
MIN_SHAFT = 3           # dashes on either side of an arrow's label
APART_US = 1000         # with a delay above this, both sides have a clock
# Steps to save room, taken one after the other until the ladder fits.
ROOMY, SHORT, RELATIVE, ROUNDED, ONE_CLOCK = range(5)


@dataclass
class Style:
    """The user's choices. columns: the greatest width of the ladder."""
    relative: bool = False
    causes: bool = False
    window: bool = False
    columns: int | None = None


@dataclass
class Ladder:
    """A conversation and its layout."""
    talk: Conversation
    rows: list[Row]
    style: Style
    base: dict[str, int] = field(default_factory=dict)
    two_clocks: bool = False
    width: int = 0
    level: int = ROOMY
    times: int = TIME_WIDTH
    states: int = STATE_WIDTH

    @property
    def relative(self) -> bool:
        return self.style.relative or self.level >= RELATIVE


def initial_numbers(rows: list[Row]) -> dict[str, int]:
    """Each sender's first sequence number, the base of relative ones: that of
    its SYN, not of a forged segment."""
    base: dict[str, int] = {}
    found = segments(rows)
    found.sort(key=lambda each: not (each[0].departure and
                                     "SYN" in each[1].bits))
    for row, sent in found:
        if sent.seq is not None:
            base.setdefault(sender(sent), sent.seq)
        if sent.ack is not None and "ACK" in sent.bits:
            # Only used if no segment of the other side was seen before.
            base.setdefault(receiver(sent), sent.ack)
    return base


def sender(event: Event) -> str:
    return event.remote if event.dir == "in" else event.local


def receiver(event: Event) -> str:
    return event.local if event.dir == "in" else event.remote


def numbers(ladder: Ladder, event: Event) -> tuple[int, int | None]:
    """Sequence and acknowledgement number in the form to be shown."""
    seq = event.seq or 0
    ack = event.ack if "ACK" in event.bits else None
    if ladder.relative:
        seq = (seq - ladder.base.get(sender(event), 0)) % 2 ** 32
        if ack is not None:
            ack = (ack - ladder.base.get(receiver(event), 0)) % 2 ** 32
    return seq, ack


def is_strange(ladder: Ladder, event: Event) -> bool:
    """Did it arrive although the peer, whose events were recorded, never sent
    it?"""
    if event.dir != "in" or event.fate != "unknown":
        return False
    at_left = event.local == ladder.talk.client
    sender_saw = ladder.talk.right if at_left else ladder.talk.left
    return any(other.time <= event.time for other in sender_saw)


def label(ladder: Ladder, event: Event) -> str:
    """The text on an arrow."""
    seq, ack = numbers(ladder, event)
    parts = [f"Seq = {seq}"]
    if ack is not None:
        parts.append(f"Ack = {ack}")
    if event.len:
        parts.append(f"len = {event.len}")
    if ladder.style.window:
        parts.append(f"win = {event.window}")
    text = f"{event.flags}  " + ", ".join(parts)
    if ladder.level >= SHORT:
        text = (text.replace(" = ", "=").replace(", ", " ")
                .replace("  ", " "))
    notes = [event.note]
    if event.fate == "twice":
        notes.append("delivered twice")
    if is_strange(ladder, event):
        notes.append("not from the peer")
    note = ", ".join(filter(None, notes))
    return f"{text} ({note})" if note else text


def shaft(text: str, width: int) -> str:
    return f" {text} ".center(width, "-")


def begins_midway(row: Row) -> bool:
    """Is it an arrival whose departure is drawn further up?"""
    return (row.departure is None
            and (row.arrival.peer is not None or row.arrival.fate == "twice"))


def arrow_right(text: str, width: int, row: Row) -> str:
    """An arrow from left to right, `width` wide."""
    if begins_midway(row):
        return "... " + shaft(text, width - 5) + ">"
    if row.departure is None:
        return shaft(text, width - 1) + ">"
    if row.departure.fate == "lost":
        return shaft(text, width - 6) + "--x   "
    if row.arrival is None and row.departure.peer:
        return shaft(text, width - 5) + "> ..."
    return shaft(text, width - 1) + ">"


def arrow_left(text: str, width: int, row: Row) -> str:
    """An arrow from right to left."""
    if begins_midway(row):
        return "<" + shaft(text, width - 5) + " ..."
    if row.departure is None:
        return "<" + shaft(text, width - 1)
    if row.departure.fate == "lost":
        return "   x--" + shaft(text, width - 6)
    if row.arrival is None and row.departure.peer:
        return "... <" + shaft(text, width - 5)
    return "<" + shaft(text, width - 1)


def middle(ladder: Ladder, row: Row) -> str:
    """The text between the two sides."""
    event = row.segment
    if event is None:
        cause = row.alone.cause if ladder.style.causes else ""
        return (f"[{cause}]" if cause else "").center(ladder.width)
    draw = arrow_right if row.to_right else arrow_left
    return draw(label(ladder, event), ladder.width, row)


def clock(ladder: Ladder, event: Event | None) -> str:
    """Milliseconds since the conversation began."""
    if event is None:
        return " " * ladder.times
    digits = 1 if ladder.level >= ROUNDED else 3
    return f"{(event.time - ladder.talk.start) / 1000:{ladder.times}.{digits}f}"


def line(ladder: Ladder, clocks: tuple[str, str], states: tuple[str, str],
         between: str, tail: str = "") -> str:
    left, right = states
    gap, bar = (" ", "|") if ladder.level >= SHORT else ("  ", " | ")
    text = (f"{clocks[0]}{gap}{left:>{ladder.states}}{bar}{between}"
            f"{bar}{right:<{STATE_WIDTH}}")
    if ladder.two_clocks:
        text += f"  {clocks[1]}"
    return (text + tail).rstrip()


def causes(ladder: Ladder, row: Row) -> str:
    """The clauses behind a segment, the sender's first."""
    if not ladder.style.causes or row.alone:
        return ""
    found = [event.cause for event in (row.departure, row.arrival) if event]
    return "  " + " / ".join(c or "-" for c in found) if any(found) else ""


def row_clocks(ladder: Ladder, row: Row) -> tuple[str, str]:
    """One clock shows when the row began; two, each side's own time."""
    if ladder.two_clocks:
        return clock(ladder, row.on(True)), clock(ladder, row.on(False))
    first = row.departure or row.arrival or row.alone
    return clock(ladder, first), ""


class Sides:
    """The last state shown for each side."""

    def __init__(self, rows: list[Row]):
        self.shown = [self.first(rows, True), self.first(rows, False)]

    @staticmethod
    def first(rows: list[Row], left: bool) -> str:
        """The state a side was in before its first event."""
        events = (row.on(left) for row in rows)
        return next((e.before or "" for e in events if e), "")

    def change(self, row: Row) -> tuple[str, str]:
        """The states to write beside a row: only those that changed."""
        news = []
        for side, left in enumerate((True, False)):
            event = row.on(left)
            state = event.after if event else None
            is_new = bool(state) and state != self.shown[side]
            news.append(state if is_new else "")
            if is_new:
                self.shown[side] = state
        return news[0], news[1]


def follows_at_once(rows: list[Row], i: int) -> bool:
    """Is the next event of this row's side a segment that it sends? Then a call
    or timeout that changed the state shares a line with that segment."""
    left = rows[i].to_right
    for row in rows[i + 1:]:
        event = row.on(left)
        if event:
            return event.dir == "out" and event.before == rows[i].alone.after
    return False


def is_drawn(ladder: Ladder, i: int) -> bool:
    """Does row i get a line of its own?"""
    event = ladder.rows[i].alone
    if event is None:
        return not (ladder.rows[i].arrival and
                    ladder.rows[i].arrival.fate == "part")
    if ladder.style.causes:
        return True
    return event.before != event.after and not follows_at_once(ladder.rows, i)


def heading(ladder: Ladder, sides: Sides) -> list[str]:
    """The names of both sides, and their initial states."""
    def names(left: str, between: str, right: str) -> str:
        short = ladder.level >= SHORT
        width = ladder.times + (1 if short else 2) + ladder.states
        bars = 2 if short else 6
        return (f"{left:>{width}}{between:^{ladder.width + bars}}{right}"
                .rstrip())

    clocks = ("ms".rjust(ladder.times),) * 2
    told = "numbers from each side's first" if ladder.relative else ""
    return [names("CLIENT", told, "SERVER"),
            names(ladder.talk.client, "", ladder.talk.server),
            line(ladder, clocks, tuple(sides.shown), " " * ladder.width)]


def is_slow(row: Row) -> bool:
    """Did this segment take long enough to need two clocks?"""
    event = row.segment
    return bool(event and event.peer and
                abs(event.peer.time - event.time) >= APART_US)


def arrow_room(ladder: Ladder, row: Row) -> int:
    """The width of a segment's arrow."""
    if ladder.level == ROOMY:
        return len(label(ladder, row.segment)) + 2 * MIN_SHAFT + 7
    whole = row.departure and row.arrival
    dashes = 1 if ladder.level < ONE_CLOCK else 0
    return len(label(ladder, row.segment)) + (3 if whole else 7) + dashes


def set_level(ladder: Ladder, level: int) -> None:
    """Decides the widths of all columns."""
    ladder.level = level
    slow = ladder.talk.both_seen and any(map(is_slow, ladder.rows))
    ladder.two_clocks = slow and level < ONE_CLOCK
    ladder.times = TIME_WIDTH
    if level >= SHORT:
        ladder.times = 0
        ladder.times = max((len(clock(ladder, row.segment or row.alone))
                            for row in ladder.rows), default=0)
        ladder.states = max((len(event.after or event.before or "")
                             for event in ladder.talk.left), default=0)
    ladder.width = max((arrow_room(ladder, row) for row in ladder.rows
                        if row.segment), default=0)


def is_too_wide(ladder: Ladder) -> bool:
    return any(len(text) > ladder.style.columns
               for _, text in body(ladder, Sides(ladder.rows)))


def plan(talk: Conversation, style: Style) -> Ladder:
    """Decides the rows, the base of the numbers, and the widths."""
    ladder = Ladder(talk, weave(talk), style)
    ladder.base = initial_numbers(ladder.rows)
    set_level(ladder, ROOMY)
    for level in (SHORT, RELATIVE, ROUNDED, ONE_CLOCK):
        if style.columns is None or not is_too_wide(ladder):
            break
        set_level(ladder, level)
    return ladder


def body(ladder: Ladder, sides: Sides) -> list[tuple[Row, str]]:
    """Every drawn row with its text."""
    lines = []
    for i, row in enumerate(ladder.rows):
        if is_drawn(ladder, i):
            text = line(ladder, row_clocks(ladder, row), sides.change(row),
                        middle(ladder, row), causes(ladder, row))
            lines.append((row, text))
    return lines


def draw(talk: Conversation, style: Style) -> str:
    """The whole ladder of one conversation."""
    ladder = plan(talk, style)
    sides = Sides(ladder.rows)
    lines = heading(ladder, sides)
    lines += [text for _, text in body(ladder, sides)]
    return "\n".join(lines)


def list_segments(talk: Conversation, style: Style) -> list[str]:
    """The segments sent, one per line: n from flags seq ack len."""
    ladder = plan(talk, style)
    lines = []
    for n, (row, event) in enumerate(segments(ladder.rows), 1):
        seq, ack = numbers(ladder, event)
        lines.append(f"{n} {'C' if row.to_right else 'S'} {event.flags} {seq} "
                     f"{'-' if ack is None else ack} {event.len}")
    return lines

# SPDX-License-Identifier: GPL-2.0
"""The language of packets/*.txt.

A case is a line of intent and steps, one a line. "case" is played on the
kernel's TCP, too, "toytcp" on toytcp alone. Before its own steps come those of
its state, which states.txt tells; "in STATE..." says in which states the cases
below it are played.

    < FLAGS SEQ[:END] [ack N] ...   this segment arrives from the peer
    > FLAGS SEQ[:END] [ack N] ...   this is the next segment the host sends
    = STATE [COLUMN N]...           it sends nothing more, and /proc says this;
                                    "same" is the state it began with
    ! CALL [ARGUMENT]               the host's program does this

Numbers count from each side's SYN, which is 0; the text of a segment is
[SEQ, END), and a FIN stands behind it. By what the host has sent so far, "nxt"
is one past its highest number, "rcv" its highest acknowledgement, and "edge"
one past the last number its window takes: SND.NXT, RCV.NXT, and RCV.NXT +
RCV.WND. @N is the number N itself. Further words of a segment: win N, urg N, mss N, opt HEX (of
any options). Where the host's segment is described without win or mss it may
have any; options nobody asks for are passed over, and so are PSH and ECN's
flags if FLAGS do not have them. FLAGS are "-" where none is set.

"Nothing more" is not waited for: it is proven by a probe, an ACK for a port
nobody has, whose reset must be the next segment to leave. What only repeats
numbers already sent is a timer's doing, and passed over.
"""
from __future__ import annotations

import errno
import os
import re
import socket
from dataclasses import dataclass, field
from typing import Callable, Iterator

import lib
import lib_segment
from lib_segment import Segment

HOST_PORT, CLOSED_PORT, PROBE_PORT = 7000, 9, 9999
PEER_ISN = 2**32 - 5        # every case counts across zero
PASSED_OVER = "PEC"
QUICKACK, NODELAY, TOYTCP_ISN = 12, 1, 1


@dataclass
class Step:
    kind: str               # < > = !
    words: list[str]
    where: str              # file:line, for who reads a failure


@dataclass
class Script:
    """One case: what leads to its state, and what happens there."""
    name: str
    intent: str
    steps: list[Step] = field(default_factory=list)
    toytcp_only: bool = False


def read_steps(path: str, openers: tuple) -> Iterator[tuple[list, list[Step]]]:
    """Each line that opens something, in words, with the steps below it."""
    opened: tuple[list, list[Step]] | None = None
    with open(path, encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            where = f"{os.path.basename(path)}:{number}"
            words = line.split()
            if not words or words[0] == "#":
                continue
            if words[0] in openers:
                if opened:
                    yield opened
                opened = words, []
            else:
                assert words[0] in "<>=!" and opened, f"{where}: {line}"
                opened[1].append(Step(words[0], words[1:], where))
    yield opened


def read_states(path: str) -> dict[str, list[Step]]:
    return {words[1]: steps for words, steps in read_steps(path, ("state",))}


def read_scripts(path: str, states: dict[str, list[Step]]) -> list[Script]:
    scripts, within = [], []
    for words, steps in read_steps(path, ("in", "case", "toytcp")):
        if words[0] == "in":
            within = words[1:]
            continue
        name, intent = words[1].rstrip(":"), " ".join(words[2:])
        scripts += [Script(f"{state}__{name}", intent, states[state] + steps,
                           words[0] == "toytcp") for state in within]
    return scripts


def pattern(start: int, end: int, salt: int) -> bytes:
    """What stands in a stream at these numbers; no two places look alike."""
    return bytes((n * 7 + n // 256 + salt) & 255 for n in range(start, end))


def fields_of(words: list[str]) -> dict[str, str]:
    """ack 1 win 100 -> {"ack": "1", "win": "100"}"""
    return dict(zip(words[::2], words[1::2], strict=True))


class Stage:
    """A host and its peer, for one script after the other: to make new ones
    takes longer than to play most scripts. Each gets a peer's port of its own.
    """

    def __init__(self, case: lib.Case):
        self.host = case.namespace()
        self.peer = lib_segment.Peer(case, self.host)
        self.port = PROBE_PORT

    def clear(self) -> None:
        """Nothing of a script is left to disturb the next one."""
        for one in self.host.sockets:
            if one.fileno() >= 0:
                lib.reset(one)
        self.host.sockets.clear()
        if lib.TOYTCP:
            self.host.abort_orphans()

    def play(self, script: Script) -> None:
        self.port += 1
        try:
            Player(self).play(script.steps)
        finally:
            self.clear()


class Player:
    """Plays one script."""

    def __init__(self, stage: Stage):
        self.host, self.peer = stage.host, stage.peer
        self.isn = 0            # the host's; known from its SYN on
        self.sent = 0           # one past the highest number it has sent
        self.acked = 0          # its highest acknowledgement
        self.edge = 0           # one past the highest it lets the peer send
        self.window = 65535     # the peer's, until a segment says otherwise
        self.ports = stage.port, HOST_PORT
        self.probes = 0
        self.began = ""         # the first state that was looked at
        self.options: list[tuple[int, int, int]] = []
        self.listener = self.sock = None
        self.read_to = self.written = 1

    # numbers

    def number(self, text: str, base: int) -> int:
        """On the wire, of a number in the script."""
        if text.startswith("@"):
            return int(text[1:])
        match = re.fullmatch(r"(nxt|rcv|edge|)([+-]?\d+|)", text)
        assert match, f"what number is {text}?"
        since = {"nxt": self.sent, "rcv": self.acked, "edge": self.edge,
                 "": 0}[match[1]]
        return (base + since + int(match[2] or 0)) % 2**32

    def range(self, text: str, base: int) -> tuple[int, int]:
        first, _, end = text.partition(":")
        seq = self.number(first, base)
        return seq, (self.number(end, base) - seq) % 2**32 if end else 0

    def count(self, number: int, base: int) -> int:
        """The number in the script, of one on the wire."""
        return (number - base + 2**31) % 2**32 - 2**31

    # segments

    def make(self, words: list[str]) -> Segment:
        """A segment of the peer's."""
        flags, span, *rest = words
        flags, more = flags.strip("-"), fields_of(rest)
        seq, length = self.range(span, PEER_ISN)
        start = self.count(seq, PEER_ISN)
        self.window = int(more.get("win", self.window))
        options = bytes.fromhex(more.get("opt", ""))
        if "mss" in more:
            options += lib_segment.mss_option(int(more["mss"]))
        return Segment(self.peer.address, self.peer.host, *self.ports, seq,
                       self.number(more.get("ack", "@0"), self.isn), flags,
                       self.window, options, pattern(start, start + length, 0),
                       int(more.get("urg", 0)))

    def arrive(self, words: list[str]) -> None:
        self.peer.send_raw(self.make(words).packet())

    def take_note(self, segment: Segment) -> None:
        """Of the host's numbers, and of the window it announces."""
        if "S" in segment.flags and not self.sent:
            self.isn = segment.seq
        if "R" in segment.flags:
            return
        end = self.count(segment.seq + segment.length, self.isn)
        self.sent = max(self.sent, end)
        if "A" in segment.flags:
            ack = self.count(segment.ack, PEER_ISN)
            self.acked = max(self.acked, ack)
            self.edge = max(self.edge, ack + segment.window)

    def is_repeated(self, segment: Segment) -> bool:
        end = self.count(segment.seq + segment.length, self.isn)
        return bool(segment.length) and end <= self.sent

    def show(self, segment: Segment) -> str:
        """In the words of the script."""
        start = self.count(segment.seq, self.isn)
        text = f"{segment.flags} {start}"
        if segment.payload:
            text += f":{start + len(segment.payload)}"
        if "A" in segment.flags:
            text += f" ack {self.count(segment.ack, PEER_ISN)}"
        return f"{text} win {segment.window}"

    def difference(self, words: list[str], got: Segment) -> str | None:
        """What is wrong with a segment, if anything is."""
        flags, span, *rest = words
        want = fields_of(rest)
        passed = set(PASSED_OVER) - set(flags)
        seq, length = self.range(span, self.isn)
        start = self.count(seq, self.isn)
        mss = int(want["mss"]) if "mss" in want else None
        for what, holds in (
                ("flags", set(got.flags) - passed == set(flags)),
                ("seq", got.seq == seq or not self.sent),
                ("length", len(got.payload) == length),
                ("text", got.payload == pattern(start, start + length, 1)),
                ("ack", "A" not in flags or got.ack == self.number(
                    want["ack"], PEER_ISN)),
                ("win", "win" not in want or got.window == self.number(
                    want["win"], 0)),
                ("urg", "urg" not in want or got.urgent == int(want["urg"])),
                ("mss", mss is None or got.options.startswith(
                    lib_segment.mss_option(mss)))):
            if not holds:
                return what
        return None

    def next(self) -> Segment:
        """The next one of this case, or the answer to a probe."""
        while True:
            segment = self.peer.next()
            assert segment, "nothing leaves the host"
            if segment.dport in (self.ports[0], PROBE_PORT):
                return segment

    def expect(self, words: list[str]) -> None:
        while True:
            got = self.next()
            if not self.sent:
                self.ports = got.dport, got.sport
            wrong = self.difference(words, got)
            if not wrong:
                self.take_note(got)
                return
            assert self.is_repeated(got), f"{wrong}: {self.show(got)}"

    def prove_silence(self) -> None:
        self.probes += 1
        answer = 10**6 + self.probes
        self.peer.send_raw(Segment(self.peer.address, self.peer.host,
                                   PROBE_PORT, CLOSED_PORT, 0, answer,
                                   "A").packet())
        while True:
            got = self.next()
            if got.sport == CLOSED_PORT:
                assert got.seq == answer and got.flags == "R", str(got)
                return
            assert self.is_repeated(got), f"unexpected: {self.show(got)}"

    # /proc

    def row(self) -> lib.Row | None:
        ends = (f"{self.peer.host}:{self.ports[1]}",
                f"{self.peer.address}:{self.ports[0]}")
        for row in self.host.connections():
            if (row.local, row.remote) == ends:
                return row
        return None

    def state(self, row: lib.Row | None) -> str:
        if row:
            return row.state
        if self.sock or not self.listener or self.listener.fileno() < 0:
            return "CLOSED"
        if lib.TOYTCP:
            embryos = [one["embryos"] for one in self.host.listeners()]
            assert embryos == ["0"], f"embryos: {embryos}"
        return "LISTEN"

    def look(self, words: list[str]) -> None:
        """The state and, in toytcp's table, columns: numbers as in scripts."""
        self.prove_silence()
        row = self.row()
        got, want = self.state(row), words[0]
        assert got == (self.began if want == "same" else want), f"it is {got}"
        self.began = self.began or got
        for name, text in fields_of(words[1:]).items():
            if lib.TOYTCP:
                base = {"snd_una": self.isn, "snd_nxt": self.isn,
                        "rcv_nxt": PEER_ISN}.get(name, 0)
                number = int(row.columns[name])
                assert number == self.number(text, base), \
                    f"{name} is {self.count(number, base)}"

    # the program

    def make_socket(self) -> socket.socket:
        made = self.host.socket()
        for option in self.options:
            made.setsockopt(*option)
        return made

    def call_option(self, name: str, value: str) -> None:
        """For the sockets made from here on."""
        level, option = {"buffer": (socket.SOL_SOCKET, socket.SO_RCVBUF),
                         "maxseg": (socket.SOL_TCP, socket.TCP_MAXSEG),
                         }[name]
        self.options.append((level, option, int(value)))

    def call_listen(self) -> None:
        self.listener = self.make_socket()
        self.listener.bind(("", HOST_PORT))
        self.listener.listen(8)

    def call_connect(self) -> None:
        self.sock = self.make_socket()
        self.sock.setsockopt(socket.SOL_TCP, QUICKACK, 1)
        self.sock.setblocking(False)
        assert self.sock.connect_ex((self.peer.address, self.ports[0])) \
            == errno.EINPROGRESS
        self.sock.settimeout(lib.DEADLINE_S)

    def call_accept(self) -> None:
        """And answers at once from now on, so that no case has to wait."""
        self.sock = self.host.accept(self.listener)
        self.sock.setsockopt(socket.SOL_TCP, QUICKACK, 1)

    def call_nodelay(self) -> None:
        self.sock.setsockopt(socket.SOL_TCP, NODELAY, 1)

    def call_write(self, size: str) -> None:
        end = self.written + int(size)
        self.sock.sendall(pattern(self.written, end, 1))
        self.written = end

    def call_urge(self, size: str) -> None:
        """Writes, and the last byte is urgent."""
        end = self.written + int(size)
        self.sock.send(pattern(self.written, end, 1), socket.MSG_OOB)
        self.written = end

    def call_read(self, size: str) -> None:
        """Exactly these, and the right ones."""
        end = self.read_to + int(size)
        got = lib.receive(self.sock, int(size))
        assert got == pattern(self.read_to, end, 0), f"wrong bytes: {got!r}"
        self.read_to = end

    def call_nothing(self) -> None:
        """There is nothing to read, and no end either."""
        self.sock.setblocking(False)
        try:
            got = self.sock.recv(1)
        except BlockingIOError:
            return
        finally:
            self.sock.settimeout(lib.DEADLINE_S)
        raise AssertionError(f"there was {got!r} to read")

    def call_eof(self) -> None:
        got = self.sock.recv(1)
        assert got == b"", f"no end of stream but {got!r}"

    def call_error(self, name: str) -> None:
        got = errno.errorcode.get(lib.error_of(self.sock), "none")
        assert got == name, f"the error is {got}"

    def call_fails(self, name: str) -> None:
        """write() does, with this."""
        try:
            self.sock.send(b"x", socket.MSG_NOSIGNAL)
        except OSError as error:
            assert error.errno == getattr(errno, name), str(error)
            return
        raise AssertionError("it did not fail")

    def call_accepts(self, name: str) -> None:
        """Without waiting; EAGAIN where there is nobody."""
        self.listener.setblocking(False)
        try:
            self.listener.accept()[0].close()
        except OSError as error:
            assert error.errno == getattr(errno, name), str(error)
            return
        finally:
            self.listener.settimeout(lib.DEADLINE_S)
        raise AssertionError("a connection was accepted")

    def call_shutdown(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def call_close(self) -> None:
        self.sock.close()

    def call_abort(self) -> None:
        lib.reset(self.sock)

    def call_unlisten(self) -> None:
        self.listener.close()

    def call(self, words: list[str]) -> None:
        name, *arguments = words
        if name in ("buffer", "maxseg"):
            self.call_option(name, *arguments)
        else:
            getattr(self, f"call_{name}")(*arguments)

    def play(self, steps: list[Step]) -> None:
        what: dict[str, Callable] = {"<": self.arrive, ">": self.expect,
                                     "=": self.look, "!": self.call}
        for step in steps:
            try:
                what[step.kind](step.words)
            except Exception as error:
                raise AssertionError(f"{step.where}: {step.kind} "
                                     f"{' '.join(step.words)}: {error}"
                                     ) from error

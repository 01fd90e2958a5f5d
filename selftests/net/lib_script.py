# SPDX-License-Identifier: GPL-2.0
"""The language of packets/*.txt.

A case is a line with its name and description, and steps, one per line. A
"case" also runs on the kernel's TCP, a "toytcp" only on toytcp. The steps of
its state, from states.txt, come first; "in STATE..." lists the states in which
the cases below it run.

    < FLAGS SEQ[:END] [ack N] ...   this segment arrives from the peer
    > FLAGS SEQ[:END] [ack N] ...   this is the next segment that the host sends
    = STATE [COLUMN N]...           it sends nothing more, and /proc shows this;
                                    "same" is the initial state
    ! CALL [ARGUMENT]               the host's program makes this call

Numbers count from each side's SYN, which is 0; the text of a segment is [SEQ,
END), and a FIN follows it. From the segments that the host has sent so far,
"nxt" is one past its highest number, "rcv" its highest acknowledgement, and
"edge" one past the last number in its window: SND.NXT, RCV.NXT, and RCV.NXT +
RCV.WND. @N is the number N itself. Further words of a segment: win N, urg N,
mss N, opt HEX (any options). If a host's segment is described without win or
mss, these may have any value; other options are ignored, and so are PSH and the
ECN flags unless FLAGS has them. FLAGS is "-" if none is set.

"Nothing more" is proven without waiting, by a probe: an ACK for an unused port,
whose reset must be the next segment to leave. Retransmissions are caused by
timers, and ignored.
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
PEER_ISN = 2**32 - 5        # so that every case wraps around zero
PASSED_OVER = "PEC"
QUICKACK, NODELAY, TOYTCP_ISN = 12, 1, 1


@dataclass
class Step:
    kind: str               # < > = !
    words: list[str]
    where: str              # file:line, for reports of failures


@dataclass
class Script:
    """One case: the steps that lead to its state, and its own."""
    name: str
    intent: str
    steps: list[Step] = field(default_factory=list)
    toytcp_only: bool = False


def read_steps(path: str, openers: tuple) -> Iterator[tuple[list, list[Step]]]:
    """Yields each line that opens a block, split into words, and its steps."""
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
    """The bytes of a stream at these numbers; no two places are alike."""
    return bytes((n * 7 + n // 256 + salt) & 255 for n in range(start, end))


def fields_of(words: list[str]) -> dict[str, str]:
    """ack 1 win 100 -> {"ack": "1", "win": "100"}"""
    return dict(zip(words[::2], words[1::2], strict=True))


class Stage:
    """A host and its peer, for all scripts, since making new ones takes longer
    than most scripts. Each script uses another port of the peer.
    """

    def __init__(self, case: lib.Case):
        self.host = case.namespace()
        self.peer = lib_segment.Peer(case, self.host)
        self.port = PROBE_PORT

    def clear(self) -> None:
        """Cleans up, so that a script does not disturb the next one."""
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
    """Runs one script."""

    def __init__(self, stage: Stage):
        self.host, self.peer = stage.host, stage.peer
        self.isn = 0            # the host's; known after its SYN
        self.sent = 0           # one past the highest number it has sent
        self.acked = 0          # its highest acknowledgement
        self.edge = 0           # one past the highest that the peer may send
        self.window = 65535     # the peer's, until a segment changes it
        self.ports = stage.port, HOST_PORT
        self.probes = 0
        self.began = ""         # the first state that was checked
        self.options: list[tuple[int, int, int]] = []
        self.listener = self.sock = None
        self.read_to = self.written = 1

    # numbers

    def number(self, text: str, base: int) -> int:
        """Converts a script's number to one on the wire."""
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
        """Converts a number on the wire to the script's."""
        return (number - base + 2**31) % 2**32 - 2**31

    # segments

    def make(self, words: list[str]) -> Segment:
        """Makes a segment of the peer."""
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
        """Keeps track of the host's numbers and window."""
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
        """Describes a segment in the language of scripts."""
        start = self.count(segment.seq, self.isn)
        text = f"{segment.flags} {start}"
        if segment.payload:
            text += f":{start + len(segment.payload)}"
        if "A" in segment.flags:
            text += f" ack {self.count(segment.ack, PEER_ISN)}"
        return f"{text} win {segment.window}"

    def difference(self, words: list[str], got: Segment) -> str | None:
        """Says what is wrong with a segment, if anything."""
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
        """The next segment of this case, or the answer to a probe."""
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
        """Checks the state and, with toytcp, columns; numbers are the
        script's."""
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
        """Applies to the sockets made from now on."""
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
        """Also turns off delayed ACKs, so that no case has to wait."""
        self.sock = self.host.accept(self.listener)
        self.sock.setsockopt(socket.SOL_TCP, QUICKACK, 1)

    def call_nodelay(self) -> None:
        self.sock.setsockopt(socket.SOL_TCP, NODELAY, 1)

    def call_write(self, size: str) -> None:
        end = self.written + int(size)
        self.sock.sendall(pattern(self.written, end, 1))
        self.written = end

    def call_urge(self, size: str) -> None:
        """Writes text whose last byte is urgent."""
        end = self.written + int(size)
        self.sock.send(pattern(self.written, end, 1), socket.MSG_OOB)
        self.written = end

    def call_read(self, size: str) -> None:
        """Reads exactly this many bytes, and checks them."""
        end = self.read_to + int(size)
        got = lib.receive(self.sock, int(size))
        assert got == pattern(self.read_to, end, 0), f"wrong bytes: {got!r}"
        self.read_to = end

    def call_nothing(self) -> None:
        """Checks that there is nothing to read, and no end of file."""
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
        """write() must fail with this error."""
        try:
            self.sock.send(b"x", socket.MSG_NOSIGNAL)
        except OSError as error:
            assert error.errno == getattr(errno, name), str(error)
            return
        raise AssertionError("it did not fail")

    def call_accepts(self, name: str) -> None:
        """Does not wait; EAGAIN if there is no connection."""
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

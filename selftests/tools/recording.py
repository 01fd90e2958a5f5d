# SPDX-License-Identifier: GPL-2.0
"""Makes artificial recordings of /proc/net/toytcp/events for ladder tests."""

HEADER = ("n time_us connection dir flags seq ack len window before after "
          "cause")
CLIENT = "10.0.0.1:40000"
SERVER = "10.0.0.2:7000"


class Recorder:
    """Writes the recording of one network namespace."""

    def __init__(self, lost: int = 0):
        self.lines = [f"# lost={lost}", HEADER]

    def add(self, time: int, ends: str, what: str, states: str = "- -",
            cause: str = "-") -> None:
        """what: 'dir flags seq ack len', or '-' for a call or timeout."""
        if what == "-":
            what = "- - - - -"
        n = len(self.lines) - 1
        self.lines.append(f"{n} {time} {ends} {what} 65535 {states} {cause}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


class Wire:
    """Two namespaces and the segments between them. The test chooses the
    states; a segment arrives 100 us after its departure."""

    DELAY = 100

    def __init__(self):
        self.client, self.server = Recorder(), Recorder()
        self.now = 0
        self.states = {"C": "CLOSED", "S": "LISTEN"}

    def side(self, who: str) -> tuple[Recorder, str]:
        if who == "C":
            return self.client, f"{CLIENT}>{SERVER}"
        return self.server, f"{SERVER}>{CLIENT}"

    def note(self, who: str, what: str, after: str = "", time: int = -1,
             cause: str = "-") -> None:
        """Adds a record on one side, with the state after it."""
        recorder, ends = self.side(who)
        before = self.states[who]
        self.states[who] = after or before
        recorder.add(self.now if time < 0 else time, ends, what,
                     f"{before} {self.states[who]}", cause)

    def leave(self, who: str, segment: str, after: str = "") -> None:
        self.now += 10
        self.note(who, f"out {segment}", after)

    def arrive(self, who: str, segment: str, after: str = "") -> None:
        self.now += self.DELAY
        self.note("S" if who == "C" else "C", f"in {segment}", after)

    def send(self, who: str, segment: str, mine: str = "",
             theirs: str = "") -> None:
        """Adds a segment 'flags seq ack len' that arrives."""
        self.leave(who, segment, mine)
        self.arrive(who, segment, theirs)

    def call(self, who: str, after: str = "", cause: str = "-") -> None:
        self.note(who, "-", after, cause=cause)

    def open(self) -> None:
        """The handshake of the worked example."""
        self.call("C", "SYN-SENT", "3.10.1-open")
        self.send("C", "SYN 69 - 0", theirs="SYN-RECEIVED")
        self.send("S", "SYN,ACK 420 70 0", theirs="ESTABLISHED")
        self.send("C", "ACK 70 421 0", theirs="ESTABLISHED")

    def data(self) -> None:
        """The data of the worked example."""
        self.send("C", "PSH,ACK 70 421 30")
        self.send("S", "ACK 421 100 0")
        self.send("C", "PSH,ACK 100 421 5")
        self.send("S", "ACK 421 105 0")
        self.send("S", "PSH,ACK 421 105 10")
        self.send("C", "ACK 105 431 0")
        self.send("S", "PSH,ACK 431 105 5")
        self.send("C", "ACK 105 436 0")

    def close(self) -> None:
        """The close of the worked example; the client closes first."""
        self.call("C", "FIN-WAIT-1", "3.10.4-close")
        self.send("C", "FIN,ACK 105 436 0", theirs="CLOSE-WAIT")
        self.send("S", "ACK 436 106 0", theirs="FIN-WAIT-2")
        self.call("S", "LAST-ACK", "3.10.4-close")
        self.send("S", "FIN,ACK 436 106 0", theirs="TIME-WAIT")
        self.send("C", "ACK 106 437 0", theirs="CLOSED")
        self.now += 60_000_000
        self.call("C", "CLOSED", "3.10.8-time-wait-timeout")

    @property
    def texts(self) -> list[str]:
        return [self.client.text, self.server.text]

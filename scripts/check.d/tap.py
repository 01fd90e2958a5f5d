#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Reads the TAP output of a kselftest run, shows its progress and counts
results.

usage: tap.py STEP RESULTS < TAP

It counts a program's own tests; a program that printed none counts as one test.
These also count as failures: fewer results than planned, a program that failed
although none of its tests did, and a run without any test. A line for each test
is appended to RESULTS: "passed|failed|skipped STEP PROGRAM TEST".
"""

import re
import sys
import time

RESULT = re.compile(r"(not )?ok\s+\d+\s*(?:-\s*)?([^#]*)(?:#\s*(.*))?$")
PLAN = re.compile(r"1\.\.(\d+)")
HEADER = re.compile(r"selftests: \S+: (\S+)$")
CONTEXT = 25


def parse(line: str) -> tuple[str, str] | None:
    """The outcome and name in a TAP result line."""
    match = RESULT.match(line)
    if not match:
        return None
    name, directive = match[2].strip(), (match[3] or "").upper()
    if match[1]:
        return "failed", name
    return ("skipped" if directive.startswith("SKIP") else "passed"), name


class Program:
    """One test program's output."""

    def __init__(self, name: str = "?") -> None:
        self.name = name
        self.tests: list[tuple[str, str]] = []
        self.planned = 0
        self.lines: list[str] = []
        self.began = time.monotonic()

    def read(self, line: str) -> None:
        self.lines.append(line)
        result, plan = parse(line), PLAN.match(line)
        if result:
            self.tests.append(result)
        elif plan:
            self.planned += int(plan[1])

    def verdicts(self, outcome: str) -> list[tuple[str, str]]:
        """All results, and failures that only the program's end reveals."""
        if not self.tests:
            return [(outcome, "-")]
        found = list(self.tests)
        failed = any(result == "failed" for result, _ in found)
        if len(found) < self.planned:
            found.append(("failed", f"{self.planned - len(found)} tests missing"))
        elif outcome == "failed" and not failed:
            found.append(("failed", "the program as a whole"))
        return found


class Run:
    """One step of the check: the programs of one kselftest run."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.results: list[tuple[str, str, str]] = []
        self.planned = self.ended = 0
        self.program = Program()
        self.unread: list[str] = []

    def read(self, line: str) -> None:
        result, plan = parse(line), PLAN.match(line)
        header = HEADER.match(line[2:]) if line.startswith("# ") else None
        if header:
            self.program = Program(header[1])
        elif line.startswith("# "):
            self.program.read(line[2:])
        elif result:
            self.end_program(*result)
        elif plan:
            self.planned += int(plan[1])
        else:
            self.unread.append(line)

    def end_program(self, outcome: str, title: str) -> None:
        name = title.split()[-1] if title else self.program.name
        found = self.program.verdicts(outcome)
        self.results += [(result, name, test) for result, test in found]
        self.ended += 1
        self.show(name, found)
        self.program = Program()

    def show(self, name: str, found: list[tuple[str, str]]) -> None:
        bad = [test for result, test in found if result == "failed"]
        skipped = sum(result == "skipped" for result, _ in found)
        seconds = time.monotonic() - self.program.began
        note = f", {skipped} skipped" if skipped else ""
        lines = [f"  {'FAIL' if bad else 'ok':4} {self.step}: {name}: "
                 f"{len(found)} tests{note} ({seconds:.1f} s)"]
        lines += [f"       failed: {test}" for test in bad]
        show(lines + tail(self.program.lines if bad else []))

    def end(self) -> None:
        """Records a run that stopped early, or never began, as failed."""
        if self.ended and self.ended >= self.planned:
            return
        what = "the run ended early" if self.ended else "no tests ran"
        self.results.append(("failed", "-", what))
        show([f"  FAIL {self.step}: {what}"] +
             tail(self.program.lines or self.unread))


def tail(lines: list[str]) -> list[str]:
    return [f"       | {line}" for line in lines[-CONTEXT:]]


def show(lines: list[str]) -> None:
    """Writes all lines at once, since two runs may share the terminal."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: tap.py STEP RESULTS < TAP", file=sys.stderr)
        return 2
    run = Run(sys.argv[1])
    for line in sys.stdin.buffer:
        run.read(line.decode(errors="replace").rstrip("\r\n"))
    run.end()
    with open(sys.argv[2], "a", encoding="utf-8") as results:
        for outcome, program, test in run.results:
            results.write(f"{outcome} {run.step} {program} {test}\n")
    return any(result == "failed" for result, _, _ in run.results)


if __name__ == "__main__":
    sys.exit(main())

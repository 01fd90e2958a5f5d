#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks Documentation/rfc9293.tsv, which lists every requirement of RFC 9293.

usage: ledger.py LOGS       against the code, the tests, the README, and the
                            results in LOGS/*.results: each test of the
                            ledger must have passed if its rung has run
       ledger.py --readme   writes the README's list from the ledger
"""

import glob
import importlib
import os
import re
import sys
import textwrap
from typing import NamedTuple

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LEDGER, README = "Documentation/rfc9293.tsv", "README.md"
IDS = {f"{kind}-{n}" for kind, most in (("MUST", 69), ("SHLD", 31),
                                        ("MAY", 18), ("REC", 1))
       for n in range(1, most + 1)}
STATUS = re.compile(r"implemented|(partial|not|not applicable): .+")
FUNCTION = re.compile(r"^(?:[a-z][^=;]*?\W)?(\w+)\(", re.M)
DEFINE = re.compile(r"^#define (\w+)", re.M)
UNIT = re.compile(r"^(?:API_)?TEST(?:_F)?\((?:\w+,\s*)?(\w+)\)", re.M)
SCENARIO = re.compile(r"^@scenario\(.*?\)\ndef (\w+)", re.M | re.S)
SECTION = re.compile(r"(<!-- ledger -->\n).*?(<!-- /ledger -->)", re.S)


class Row(NamedTuple):
    """One requirement."""
    id: str
    level: str
    text: str
    status: str
    functions: list[str]
    tests: list[str]


def path(*parts: str) -> str:
    return os.path.join(REPO, *parts)


def read(name: str) -> str:
    with open(name, encoding="utf-8") as file:
        return file.read()


def words(cell: str) -> list[str]:
    return [] if cell == "-" else cell.split()


def rows() -> list[Row]:
    table = [line.split("\t") for line in read(path(LEDGER)).splitlines()[1:]]
    return [Row(*cells[:4], words(cells[4]), words(cells[5]))
            for cells in table]


# --- code and tests ---

def code() -> set[str]:
    """The names of all functions and macros of the module."""
    text = "\n".join(read(name) for name in
                     glob.glob(path("module", "**", "*.[ch]"), recursive=True))
    return set(FUNCTION.findall(text)) | set(DEFINE.findall(text))


def packet_cases() -> set[str]:
    sys.dont_write_bytecode = True
    sys.path.insert(0, path("selftests", "net"))
    script = importlib.import_module("lib_script")
    states = script.read_states(path("selftests/net/packets/states.txt"))
    return {one.name for name in glob.glob(path("selftests/net/packets/*.txt"))
            if not name.endswith("/states.txt")
            for one in script.read_scripts(name, states)}


def tests_of(program: str) -> set[str]:
    """The names of a program's tests, from its source."""
    if program == "packets.py":
        return packet_cases()
    for rung, suffix, pattern in (("core", ".c", UNIT), ("net", ".c", UNIT),
                                  ("net", "", SCENARIO)):
        source = path("selftests", rung, program + suffix)
        if os.path.exists(source):
            return set(pattern.findall(read(source)))
    return set()


def rung_of(program: str) -> str:
    return "core" if program.startswith("test_") else "net"


# --- results ---

class Results:
    """The outcomes of LOGS/*.results, by program and test."""

    def __init__(self, logs: str):
        self.rungs: set[str] = set()
        self.outcomes: dict[tuple[str, str], set[str]] = {}
        for name in glob.glob(os.path.join(logs, "*.results")):
            for line in read(name).splitlines():
                self.read_line(line)

    def read_line(self, line: str) -> None:
        """OUTCOME STEP PROGRAM TEST; a test is global.X or api.toytcp.X."""
        outcome, step, program, test, *_ = line.split() + ["", "", ""]
        if program == "-" or ".tcp." in test:
            return
        self.rungs.add(step.partition("-")[0])
        self.outcomes.setdefault((program, test.rpartition(".")[2]),
                                 set()).add(outcome)

    def complaint(self, program: str, test: str) -> str | None:
        found = self.outcomes.get((program, test), set())
        if "failed" in found:
            return "failed"
        if "passed" in found or rung_of(program) not in self.rungs:
            return None
        return "did not run"


# --- the checks ---

def complaints_about(row: Row, names: set[str], results: Results) -> list[str]:
    wrong = []
    if not STATUS.fullmatch(row.status):
        wrong.append(f"no such status: {row.status}")
    if row.status.startswith("not") == bool(row.functions or row.tests):
        wrong.append("needs functions and tests, or a reason for having none")
    wrong += [f"no such function: {name}" for name in row.functions
              if name not in names]
    for test in row.tests:
        program, _, name = test.partition(":")
        if name not in tests_of(program):
            wrong.append(f"no such test: {test}")
        elif complaint := results.complaint(program, name):
            wrong.append(f"{test} {complaint}")
    return [f"{row.id}: {one}" for one in wrong]


def summary(ledger: list[Row]) -> str:
    """The text for the README."""
    counts, reasons = [], {}
    for kinds, level in ((("MUST-",), "MUST"), (("SHLD-", "REC-"), "SHOULD"),
                         (("MAY-",), "MAY")):
        these = [row for row in ledger if row.id.startswith(kinds)]
        done = sum(row.status == "implemented" for row in these)
        counts.append(f"{done} of {len(these)} {level}")
    for row in ledger:
        if row.status != "implemented":
            what, reason = row.status.split(": ", 1)
            reasons.setdefault((what, reason), []).append(row)
    head = textwrap.fill(
        f"Of RFC 9293's requirements toytcp fulfils {counts[0]}, {counts[1]} "
        f"and {counts[2]}; [the ledger]({LEDGER}) names the functions and the "
        "tests of each. The exceptions:", 80)
    items = [textwrap.fill(f"* {', '.join(row.id for row in these)} ({what}): "
                           f"{'; '.join(row.text for row in these)}. Reason: "
                           f"{reason}.", 80, subsequent_indent="  ",
                           break_on_hyphens=False)
             for (what, reason), these in reasons.items()]
    return "\n".join([head, "", *items, ""])


def with_section(text: str, ledger: list[Row]) -> str:
    return SECTION.sub(lambda match: match[1] + summary(ledger) + match[2],
                       text)


def write_readme() -> None:
    text = with_section(read(path(README)), rows())
    with open(path(README), "w", encoding="utf-8") as file:
        file.write(text)


def check(logs: str) -> list[str]:
    ledger, results, names = rows(), Results(logs), code()
    found = [row.id for row in ledger]
    wrong = [f"{one}: missing" for one in sorted(IDS - set(found))]
    wrong += [f"{one}: listed twice, or not in the RFC" for one in
              sorted(set(found)) if found.count(one) > 1 or one not in IDS]
    for row in ledger:
        wrong += complaints_about(row, names, results)
    readme = read(path(README))
    if not SECTION.search(readme) or with_section(readme, ledger) != readme:
        wrong.append(f"{README} differs from the ledger; run "
                     "scripts/check.d/ledger.py --readme")
    return wrong


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "--readme":
        write_readme()
        return 0
    wrong = check(sys.argv[1])
    for line in wrong:
        print(line)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-2.0
"""Parses a page of Documentation into commands and their output."""
import os
import re
from dataclasses import dataclass, field

INDENT = "   "
VM = "scripts/vm --kernel 6.12 -- "


@dataclass
class Command:
    """A line after '$ ' in a literal block, and the lines below it. In these,
    '...' stands for anything: within a line, or for whole lines."""
    line: int
    text: str
    expected: list[str] = field(default_factory=list)

    @property
    def in_vm(self) -> bool:
        return self.text.startswith(VM)

    def missing(self, printed: str, numbers: bool = True) -> str | None:
        """The first expected line that is missing or out of order. Without
        numbers, any number matches any other."""
        lines = iter(line.rstrip() for line in printed.splitlines())
        for wanted in self.expected:
            pattern = re.escape(wanted).replace(r"\.\.\.", ".*")
            if not numbers:
                pattern = re.sub(r"(\\ )*\d+", r" *\\d+", pattern)
            if not any(re.fullmatch(pattern, line) for line in lines):
                return wanted
        return None


def shell_lines(block: list[tuple[int, str]]):
    """Joins each line that ends in a backslash with the next."""
    whole, first = "", None
    for number, line in block:
        first = number if first is None else first
        whole += line.strip() if whole else line
        if whole.startswith("$ ") and whole.endswith("\\"):
            whole = whole[:-1].rstrip() + " "
            continue
        yield first, whole
        whole, first = "", None


def blocks(text: str):
    """The literal blocks, each a list of (line number, text)."""
    block: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(INDENT):
            block.append((number, line[len(INDENT):].rstrip()))
        elif line.strip():
            yield block
            block = []
    yield block


def commands(text: str) -> list[Command]:
    found: list[Command] = []
    for block in blocks(text):
        begun = len(found)
        for number, line in shell_lines(block):
            if line.startswith("$ "):
                found.append(Command(number, line[2:]))
            elif len(found) > begun and line.strip() and line != "...":
                found[-1].expected.append(line)
    return found


def names(text: str) -> list[tuple[str, str]]:
    """Every (function, file) mentioned; either may be empty."""
    found = re.findall(r"``(\w+)\(\)``(?:\s+in\s+``(\w+/[\w/.]+)``)?", text)
    return found + [("", path) for path in
                    re.findall(r"``(module/[\w/]+\.[ch])``", text)]


def document(scripts: str, name: str = "lessons.rst") -> str | None:
    """The text of a page, if the source tree is here."""
    path = os.path.join(scripts, "..", "Documentation", name)
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return file.read()

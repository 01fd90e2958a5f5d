#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Documentation: each command of lessons.rst and experiments.rst prints what
the page shows, and every function that a page names exists. net/lessons.py has
the commands that need a test machine."""
import functools
import os
import re
import subprocess
import sys
import unittest

import ktap
import transcript

ROOT = os.path.join(ktap.SCRIPTS, "..")
COLUMNS = "77"
TEXT = transcript.document(ktap.SCRIPTS)
EXPERIMENTS = transcript.document(ktap.SCRIPTS, "experiments.rst")
DESIGN = transcript.document(ktap.SCRIPTS, "design.rst") or ""
PAGES = ("design.rst", "protocol.rst", "testing.rst", "performance.rst")


def run(command: str) -> str:
    """What a command prints on a terminal of COLUMNS."""
    done = subprocess.run(command, shell=True, cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, COLUMNS=COLUMNS))
    assert done.returncode == 0, f"$ {command}\n{done.stdout}"
    return done.stdout


@functools.cache
def sources(top: str, ending: str = "") -> str:
    """All C code below a directory, or all in files of one name."""
    found = []
    ending = "/" + ending if ending else ""
    for folder, _, names in os.walk(os.path.join(ROOT, top)):
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith((".c", ".h")) and path.endswith(ending):
                with open(path) as file:
                    found.append(file.read())
    return "".join(found)


@unittest.skipUnless(TEXT, "the documentation is not here")
class Lessons(unittest.TestCase):
    def test_commands(self):
        self.assertGreater(len(transcript.commands(TEXT)), 15)
        self.check_commands(TEXT)

    def test_experiments(self):
        self.assertGreater(len(transcript.commands(EXPERIMENTS)), 2)
        self.check_commands(EXPERIMENTS)

    def check_commands(self, text):
        for command in transcript.commands(text):
            if command.in_vm:
                continue
            printed = run(command.text)
            wanted = command.missing(printed)
            self.assertIsNone(
                wanted, f"line {command.line}: $ {command.text}\n{printed}\n"
                f"lacks this line, or has it in another order:\n{wanted}\n"
                "If the change is intended, correct the page.")

    def test_every_command_shows_something(self):
        for command in transcript.commands(TEXT):
            self.assertTrue(command.expected, command.text)

    def test_options_in_questions_work(self):
        """Such as ``--lose s8``."""
        for options in re.findall(r"``(--[a-z-]+[^`]*)``", TEXT):
            if options in ("--show-window", "--cwnd", "--forge",
                           "--mischief"):
                continue
            run("scripts/toytcp sim " + " ".join(options.split()))

    def test_names_exist(self):
        for name, path in transcript.names(TEXT + EXPERIMENTS):
            self.assert_defined(name, path or "module")

    def test_the_walks_of_the_design(self):
        """Each step is defined in the file named beside it."""
        steps = re.findall(r"^ {3,}(\w+)\(\) +(core|\w+\.c)\b", DESIGN, re.M)
        self.assertGreater(len(steps), 25)
        for name, place in steps:
            self.assert_defined(name, f"module/{place}")
        for name in re.findall(r"``(toytcp_\w+)\(\)``", DESIGN):
            self.assert_defined(name, "module")

    def test_pages_name_no_stale_function(self):
        """Ours or the kernel's, each is a word of the sources, and is in the
        file if one is named."""
        for page in PAGES:
            text = transcript.document(ktap.SCRIPTS, page)
            for name, file in re.findall(
                    r"``(\w+)\(\)``(?:\s+in\s+``([\w/]+\.[ch])``)?", text):
                where = sources("module", file) + sources("selftests", file)
                self.assertTrue(re.search(rf"\b_*{name}\b", where),
                                f"{page}: {name}() {file}")

    def assert_defined(self, name: str, path: str) -> None:
        """In a file, or anywhere in a directory; without a name, the path must
        exist."""
        path = os.path.join(ROOT, path)
        files = [path] if os.path.isfile(path) else [
            os.path.join(folder, file)
            for folder, _, names in os.walk(path) for file in names
            if file.endswith((".c", ".h"))]
        self.assertTrue(files, path)
        texts = [open(file).read() for file in files]
        self.assertTrue(not name or any(
            re.search(rf"^\w.*\b{name}\(", text, re.M) for text in texts),
            f"{name}() is not in {path}")


class Matching(unittest.TestCase):
    def missing(self, printed: str, numbers: bool = True) -> str | None:
        found = transcript.commands("::\n\n   $ a \\\n       b\n   ...\n   one 1\n"
                                 "   ...\n    two ... end\n")
        self.assertEqual([(c.line, c.text) for c in found], [(3, "a b")])
        return found[0].missing(printed, numbers)

    def test_lines_in_their_order(self):
        self.assertIsNone(self.missing("x\none 1\ny\n two x end\nz\n"))
        self.assertEqual(self.missing(" two x end\none 1\n"), " two ... end")
        self.assertEqual(self.missing("one 12\n two x end\n"), "one 1")

    def test_without_numbers(self):
        self.assertIsNone(self.missing("one   12\n two x end\n", False))
        self.assertEqual(self.missing("on 12\n two x end\n", False), "one 1")


if __name__ == "__main__":
    sys.exit(ktap.run())

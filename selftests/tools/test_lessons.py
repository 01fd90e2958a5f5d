#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Documentation/lessons.rst and experiments.rst: each command works, and prints
what stands there. Those for a test machine are net/lessons.py's."""
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


def run(command: str) -> str:
    """What it prints on a terminal of that width."""
    done = subprocess.run(command, shell=True, cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, COLUMNS=COLUMNS))
    assert done.returncode == 0, f"$ {command}\n{done.stdout}"
    return done.stdout


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
                f"has not, or not in this order:\n{wanted}\n"
                "If that is meant, correct the page.")

    def test_every_command_shows_something(self):
        for command in transcript.commands(TEXT):
            self.assertTrue(command.expected, command.text)

    def test_what_is_suggested_works(self):
        """Options in the questions: ``--lose s8`` and so on."""
        for options in re.findall(r"``(--[a-z-]+[^`]*)``", TEXT):
            if options in ("--show-window", "--cwnd", "--forge",
                           "--mischief"):
                continue
            run("scripts/toytcp sim " + " ".join(options.split()))

    def test_names_exist(self):
        for name, path in transcript.names(TEXT + EXPERIMENTS):
            self.assert_defined(name, path or "module")

    def test_the_walks_of_the_design(self):
        """Each step is in the file that stands beside it."""
        steps = re.findall(r"^ {3,}(\w+)\(\) +(core|\w+\.c)\b", DESIGN, re.M)
        self.assertGreater(len(steps), 25)
        for name, place in steps:
            self.assert_defined(name, f"module/{place}")
        for name in re.findall(r"``(toytcp_\w+)\(\)``", DESIGN):
            self.assert_defined(name, "module")

    def assert_defined(self, name: str, path: str) -> None:
        """In a file, or somewhere in a directory; no name: it exists."""
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

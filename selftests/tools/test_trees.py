#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Two checkouts share a cache, but each runs its own protocol."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import ktap

REPO = os.path.realpath(os.path.join(ktap.SCRIPTS, ".."))
PARTS = ("scripts", "selftests/sim", "module/core")
# Experiment 1 of experiments.rst: the ends of the transfers, in ms.
COMMAND = ("sim", "--bytes", "60000", "--rtt", "100", "--window", "200000")
TEN, ONE = "400.000", "700.000"


class Trees(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        # Without sanitizers the build takes half the time.
        self.environment = dict(os.environ, SANITIZE="", COLUMNS="77",
                                TOYTCP_CACHE=os.path.join(folder.name, "cache"))

    def tree(self, name: str) -> str:
        """A copy of this checkout, with the same file times."""
        path = os.path.join(self.folder, name)
        for part in PARTS:
            shutil.copytree(os.path.join(REPO, part), os.path.join(path, part))
        return path

    def change(self, tree: str, window: int) -> None:
        """Changes the initial window, in a file with an old time."""
        path = os.path.join(tree, "module", "core", "limits.h")
        with open(path) as file:
            text, found = re.subn(r"(#define INITIAL_WINDOW\s+)\d+",
                                  rf"\g<1>{window}", file.read())
        self.assertEqual(found, 1)
        with open(path, "w") as file:
            file.write(text)
        os.utime(path, (0, 0))

    def toytcp(self, tree: str, *arguments: str) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [os.path.join(tree, "scripts", "toytcp"), *arguments], text=True,
            env=self.environment, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def end(self, tree: str) -> str:
        """The arrival time of the last segment."""
        last = self.toytcp(tree, *COMMAND).stdout.splitlines()[-1]
        return re.search(r"(\d+\.\d+) ", last)[1].ljust(7, "0")

    def test_each_has_its_own_protocol(self):
        one, other = self.tree("one"), self.tree("other")
        self.change(other, 1)
        self.assertEqual([self.end(tree) for tree in (one, other, one, other)],
                         [TEN, ONE, TEN, ONE])

    def test_contents_count_not_times(self):
        tree = self.tree("one")
        first = self.toytcp(tree, *COMMAND)
        self.assertIn(f"building the simulator of {tree}", first.stderr)
        self.assertEqual(self.toytcp(tree, *COMMAND).stderr, "")
        self.change(tree, 1)
        self.assertEqual(self.end(tree), ONE)

    def test_it_says_whose(self):
        one, other = self.tree("one"), self.tree("other")
        said = [self.toytcp(tree, "sim", "--version").stdout.split()
                for tree in (one, other)]
        self.assertIn(one + ",", said[0])
        self.assertEqual(said[0][-1], said[1][-1])
        self.change(one, 1)
        self.assertNotIn(said[0][-1],
                         self.toytcp(one, "sim", "--version").stdout)

    def test_what_is_gone_is_removed(self):
        one, other = self.tree("one"), self.tree("other")
        self.end(one)
        shutil.rmtree(one)
        self.assertIn(f"its checkout, {one}, is gone",
                      self.toytcp(other, *COMMAND).stderr)
        trees = os.path.join(self.environment["TOYTCP_CACHE"], "trees")
        self.assertEqual(len(os.listdir(trees)), 1)

    def test_the_preloaded_library_too(self):
        one, other = self.tree("one"), self.tree("other")
        paths = [subprocess.run(
            [sys.executable, "-c", "import built\n"
             "print(built.build('libtoytcp.so', 'preload.c'))"],
            cwd=os.path.join(tree, "scripts", "toytcp.d"), text=True,
            env=self.environment, capture_output=True, check=True).stdout
            for tree in (one, other)]
        self.assertNotEqual(*paths)


if __name__ == "__main__":
    sys.exit(ktap.run())

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The benchmark's table: its ratios, and when it fails."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import ktap

ktap.find_modules()

TABLE = os.path.join(ktap.SCRIPTS, "..", "selftests", "bench", "table.py")
SPEED = """\
lo tcp bulk:1024 MB/s 300
lo tcp pingpong /s 20000
lo tcp pingpong /s 60000
lo toytcp bulk:1024 MB/s 330
lo toytcp pingpong /s 30000
lo toytcp pingpong /s 30000
lo loaded bulk:1024 MB/s 297
lo loaded pingpong /s 30000
lo loaded pingpong /s 30000
"""
LATENCY = """\
lo tcp echo~1~B us 20
lo tcp echo~1~MB us 400
veth tcp echo~1~B us 20
lo toytcp echo~1~B us 30
lo toytcp echo~1~MB us 400
veth toytcp echo~1~B us 22
"""


class Run(unittest.TestCase):
    """Runs the program on figures in a temporary directory."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def path(self, name: str) -> str:
        return os.path.join(self.directory.name, name)

    def table(self, figures: str, *options: str, status: int = 0) -> str:
        with open(self.path("results"), "w") as file:
            file.write(figures)
        done = subprocess.run(
            [sys.executable, "-B", TABLE, *options, self.path("results")],
            text=True, capture_output=True)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr


class Table(Run):
    def rows(self, figures: str) -> dict:
        self.table(figures, "--json", self.path("json"))
        with open(self.path("json")) as file:
            return {row["name"]: row for row in json.load(file)}

    def test_rounds_count_together(self):
        row = self.rows(SPEED + "done\n")["1-byte ping-pong, lo"]
        self.assertAlmostEqual(row["tcp"], 30000)
        self.assertEqual(row["ratio"], 1)

    def test_times_are_added(self):
        row = self.rows("lo tcp a us 10\nlo tcp a us 30\nlo toytcp a us 10\n"
                        "done\n")["a, lo"]
        self.assertEqual((row["tcp"], row["ratio"]), (20, 0.5))

    def test_the_loaded_module_has_a_column(self):
        rows = self.rows(SPEED + "done\n")
        self.assertEqual(rows["bulk, 1 KB writes, lo"]["loaded"], 297)
        line = self.table(SPEED + "done\n").splitlines()[1]
        self.assertEqual(line.split()[-5:],
                         ["300.0", "330.0", "1.10", "297.0", "0.990"])

    def test_figures_that_end_early_are_no_result(self):
        self.assertIn("not complete", self.table(SPEED, status=1))

    def test_slow_cells_are_marked_and_counted(self):
        lines = self.table(LATENCY + "done\n").splitlines()
        self.assertEqual([line.split() for line in lines if "echo" in line],
                         ["echo 1 B 20.0 30.0 1.50* 20.0 22.0 1.10".split(),
                          "echo 1 MB 400 400 1.00".split()])
        self.assertIn("1 of 3 cells are above 1.1.", lines)

    def test_a_limit_fails_slow_cells(self):
        self.table(LATENCY + "done\n", "--limit", "1.6")
        self.table(LATENCY + "done\n", "--limit", "1.5")
        out = self.table(LATENCY + "done\n", "--limit", "1.1", status=1)
        self.assertIn("1 of 3 cells are above the limit of 1.1.", out)

    def test_a_failed_cell_fails_by_name(self):
        figures = LATENCY.replace("toytcp echo~1~MB us 400",
                                  "toytcp echo~1~MB us failed")
        self.assertIn("failed: echo 1 MB, lo (toytcp)",
                      self.table(figures + "done\n", status=1))


class Compare(Run):
    def compare(self, before: str, now: str, status: int) -> str:
        self.table(before + "done\n", "--json", self.path("before"))
        return self.table(now + "done\n", "--compare", self.path("before"),
                          status=status)

    def test_the_same_is_no_slower(self):
        for figures in (SPEED, LATENCY):
            out = self.compare(figures, figures, 0)
            self.assertRegex(out, "\n0 of [23] rows got slower")

    def test_less_speed_is_slower(self):
        now = SPEED.replace("toytcp bulk:1024 MB/s 330",
                            "toytcp bulk:1024 MB/s 320")
        out = self.compare(SPEED, now, 1)
        self.assertIn("1 of 2 rows got slower", out)
        self.assertRegex(out, r"bulk, 1 KB writes, lo .* \+3\.1 %")
        self.compare(now, SPEED, 0)

    def test_more_time_is_slower(self):
        now = LATENCY.replace("toytcp echo~1~MB us 400",
                              "toytcp echo~1~MB us 409")
        out = self.compare(LATENCY, now, 1)
        self.assertRegex(out, r"echo 1 MB, lo .* \+2\.2 %")
        self.compare(now, LATENCY, 0)

    def test_tolerance(self):
        now = LATENCY.replace("toytcp echo~1~MB us 400",
                              "toytcp echo~1~MB us 407")
        self.compare(LATENCY, now, 0)

    def test_another_machine_is_noticed(self):
        now = LATENCY.replace("veth tcp echo~1~B us 20",
                              "veth tcp echo~1~B us 25")
        self.assertIn("TCP itself moved that much in 1 rows, by 25.0 %",
                      self.compare(LATENCY, now, 0))

    def test_nothing_in_common_is_no_success(self):
        self.assertIn("3 rows are only here, 2 only there",
                      self.compare(SPEED, LATENCY, 1))


if __name__ == "__main__":
    sys.exit(ktap.run())

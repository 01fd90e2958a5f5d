#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The command line, its errors, and the preload library."""
import contextlib
import errno
import io
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import ktap

ktap.find_modules()

import built                            # noqa: E402
import common                           # noqa: E402
import run                              # noqa: E402
import table                            # noqa: E402
from recording import Wire              # noqa: E402

TOYTCP = os.path.join(ktap.SCRIPTS, "toytcp")
# An unused number: the failure of its socket shows that it was requested.
NOBODYS = "251"


def toytcp(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([TOYTCP, *arguments], text=True,
                          capture_output=True)


def setUpModule():
    toytcp("sim", "--help")     # builds the simulator


class Arguments(unittest.TestCase):
    def refused(self, *arguments: str) -> str:
        done = toytcp(*arguments)
        self.assertEqual(done.returncode, 2, arguments)
        self.assertTrue(done.stderr.startswith("usage: toytcp"))
        return done.stderr

    def test_bad_ones_are_refused(self):
        self.refused()
        self.refused("dance")
        self.refused("run")
        self.refused("connections", "--bad")
        self.refused("abort", "1.2.3.4:5")
        self.refused("abort", "1.2.3.4:5", "nobody")
        self.refused("abort", ":5", "1.2.3.4:5")
        self.refused("abort", "1.2.3.4:5", "1.2.3.4:65536")
        self.refused("ladder", "--only", "nonsense")
        self.refused("ladder", "--netns")
        self.refused("ladder", "--follow", "file")
        self.refused("translate")
        self.refused("translate", "--protocol", "256", "a")
        self.refused("translate", "one", "two", "three")

    def test_help_everywhere(self):
        for name in ("run", "connections", "abort", "ladder", "sim",
                     "translate"):
            done = toytcp(name, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout.startswith("usage: toytcp"))
        self.assertIn("--mischief NAME", toytcp("sim", "--help").stdout)
        for name in ("vm", "demo", "check", "bench", "build", "setup"):
            done = subprocess.run([os.path.join(ktap.SCRIPTS, name), "--help"],
                                  text=True, capture_output=True)
            self.assertEqual(done.returncode, 0, name)
            self.assertTrue(done.stdout.startswith(f"usage: scripts/{name}"))

    def test_a_missing_file_is_named(self):
        done = toytcp("ladder", "/nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere", done.stderr)

    def test_what_is_no_recording_is_named(self):
        for name in ("/bin/true", TOYTCP):
            done = toytcp("ladder", name)
            self.assertEqual(done.returncode, 1)
            self.assertIn("not a copy of /proc/net/toytcp/events",
                          done.stderr)

    def test_a_missing_namespace_has_a_remedy(self):
        for command in (["connections", "--netns"], ["ladder", "--netns"],
                        ["translate"]):
            done = toytcp(*command, "no-such-namespace")
            self.assertEqual(done.returncode, 1)
            self.assertIn("'ip netns' lists", done.stderr)

    def test_nothing_of_that_endpoint(self):
        done = toytcp("sim", "--only", ":9")
        self.assertEqual(done.stdout, "(no events of :9)\n")

    def test_a_missing_program_is_named(self):
        done = toytcp("run", "/nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere", done.stderr)

    def test_saved_copies(self):
        wire = Wire()
        wire.open()
        with tempfile.TemporaryDirectory() as directory:
            names = [os.path.join(directory, side) for side in "cs"]
            for name, text in zip(names, wire.texts):
                with open(name, "w") as file:
                    file.write(text)
            done = toytcp("ladder", "--segments", *names)
        self.assertEqual(done.stdout.splitlines()[1:], [
            "1 C SYN 69 - 0", "2 S SYN,ACK 420 70 0", "3 C ACK 70 421 0"])


class Simulator(unittest.TestCase):
    def drawn(self, *options: str) -> list[str]:
        """The segments of a simulated connection, without their numbers."""
        done = toytcp("sim", "--segments", "--bytes", "3000", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [" ".join(line.split()[1:3]) for line in
                done.stdout.splitlines()[1:]]

    def test_a_calm_connection(self):
        self.assertEqual(self.drawn()[:3], ["C SYN", "S SYN,ACK", "C ACK"])
        self.assertEqual(self.drawn(), self.drawn("--rtt", "300"))

    def test_the_path_changes_what_is_sent(self):
        calm = self.drawn()
        for options in (["--mtu", "300"], ["--loss", "40", "--seed", "3"],
                        ["--loss", "0,60"], ["--window", "500"],
                        ["--rate", "4000", "--queue", "1600"],
                        ["--at", "25:mtu=576"], ["--delay", "1,3000"],
                        ["--connections", "3"]):
            self.assertNotEqual(self.drawn(*options), calm, options)

    def test_what_is_to_be_lost_is_lost(self):
        drawn = toytcp("sim", "--lose", "c5,s1", "--relative").stdout
        lost = [line for line in drawn.splitlines()
                if "--x" in line or "x--" in line]
        self.assertEqual(len(lost), 2, drawn)
        self.assertIn("SYN,ACK", lost[0])
        self.assertIn("len = 1448", lost[1])

    def test_both_ends_at_once(self):
        states = toytcp("sim", "--both", "open,close", "--bytes", "0").stdout
        self.assertEqual(states.count("SYN-SENT"), 2)
        self.assertEqual(states.count("CLOSING"), 2)

    def test_a_pause_closes_the_window(self):
        probed = self.drawn("--pause", "1000", "--window", "2000")
        self.assertGreater(len(probed), len(self.drawn("--window", "2000")))

    def test_the_congestion_window(self):
        done = toytcp("sim", "--cwnd", "--bytes", "200000", "--reply", "0",
                      "--window", "500000", "--rate", "5000000", "--lose",
                      "c45")
        rows = [line.split() for line in done.stdout.splitlines()[2:]]
        self.assertEqual([row[1] for row in rows[:3]],
                         ["10.0", "20.0", "39.0"], done.stdout)
        self.assertEqual(rows[2][4:], ["1", "again"])
        self.assertNotEqual(rows[-1][2], "-")

    def test_mischief_is_drawn(self):
        self.assertIn("S RST", self.drawn("--mischief", "rst"))
        self.assertGreater(len(self.drawn("--mischief", "division,old-ack")),
                           len(self.drawn()))

    def test_questions_and_answers(self):
        sent = [line for line in self.drawn("--rounds", "3", "--reply", "300")
                if line.startswith(("C PSH", "S PSH", "S FIN,PSH"))]
        self.assertEqual(len(sent), 6, sent)
        self.assertEqual([line[0] for line in sent], list("CSCSCS"))

    def test_how_slow_it_is(self):
        done = toytcp("sim", "--slow")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("slow: seconds: 0 of 1 runs", done.stdout)
        self.assertIn("client 1 lost", toytcp("sim", "--fates", "--lose",
                                              "c1").stdout)

    def test_many_runs(self):
        done = toytcp("sim", "--goodput", "--runs", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Reno, loss 3%, RTT 20 ms", done.stdout)
        done = toytcp("sim", "--runs", "50", "--loss", "5,0")
        self.assertEqual(done.returncode, 0)
        self.assertIn("sim: 50 runs, 0 failed", done.stdout)

    def test_bad_arguments_are_refused(self):
        for options in (["--dance"], ["--loss"], ["--loss", "5%"],
                        ["--mischief", "fun"], ["--at", "9:bytes=1"],
                        ["--lose", "x1"], ["--lose", "c0"], ["--lose", "c"],
                        ["--lose", "c1,"], ["--lose", "c-1"],
                        ["--lose", ",".join(["c1"] * 20)],
                        ["--forge", "1:fin:0"], ["--forge", "1:rst"],
                        ["--forge", "1:rst:0:"], ["--both", "dance"], ["--pause", "-1"]):
            done = toytcp("sim", *options)
            self.assertEqual(done.returncode, 2, options)
            self.assertTrue(done.stderr.startswith("usage: toytcp sim"))
            self.assertIn("not understood: " + " ".join(options), done.stderr)


class Table(unittest.TestCase):
    def test_numbers_stand_to_the_right(self):
        text = table.align([["local", "queue"], ["a", "7"], ["abcdefg", "12"]])
        self.assertEqual(text.splitlines(), [
            "local    queue", "a            7", "abcdefg     12"])

    def test_nothing(self):
        self.assertEqual(table.align([]), "")


class Preload(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.library = built.build(run.LIBRARY, run.SOURCE)

    def python(self, program: str) -> str:
        """The output of a program that runs with the library."""
        environment = dict(os.environ, LD_PRELOAD=self.library,
                           TOYTCP_PROTOCOL=NOBODYS)
        return subprocess.run(
            [sys.executable, "-c", f"from socket import *\n{program}"],
            env=environment, text=True, capture_output=True,
            check=True).stdout.strip()

    def error(self, *arguments: str) -> int:
        """The errno of socket(ARGUMENTS), 0 if it succeeds."""
        return int(self.python(
            f"try: socket({', '.join(arguments)}); print(0)\n"
            "except OSError as error: print(error.errno)"))

    def test_stream_sockets_get_our_number(self):
        for protocol in ("0", "IPPROTO_TCP"):
            for flags in ("", " | SOCK_NONBLOCK", " | SOCK_CLOEXEC"):
                self.assertEqual(
                    self.error("AF_INET", "SOCK_STREAM" + flags, protocol),
                    errno.EPROTONOSUPPORT)

    def test_ipv6_streams_do_not_exist(self):
        self.assertEqual(self.error("AF_INET6", "SOCK_STREAM"),
                         errno.EAFNOSUPPORT)

    def test_the_rest_is_left_alone(self):
        self.assertEqual(self.error("AF_INET", "SOCK_DGRAM"), 0)
        self.assertEqual(self.error("AF_UNIX", "SOCK_STREAM"), 0)

    def test_names_are_ipv4(self):
        for hints in ("type=SOCK_STREAM", "type=SOCK_STREAM, flags=AI_PASSIVE",
                      ""):
            host = "None" if "PASSIVE" in hints else "'localhost'"
            families = self.python(
                f"for i in getaddrinfo({host}, 80, {hints}): "
                "print(int(i[0]), end=' ')")
            self.assertEqual(set(families.split()), {"2"}, hints)

    def test_static_programs_are_told_apart(self):
        self.assertFalse(run.is_static(os.path.realpath("/bin/sh")))
        self.assertFalse(run.is_static(TOYTCP))

    def test_go_programs_are_told_apart(self):
        """Also those that are linked dynamically."""
        note = struct.pack("<III4s4s", 4, 4, 4, b"Go", b"abcd")
        head = struct.pack("<4sB27xQ14xHH6x", b"\x7fELF", 2, 64, 56, 2)
        table = b"".join(struct.pack("<IIQ40x", kind, 0, 176)
                         for kind in (run.PT_INTERP, run.PT_NOTE))
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "program")
            other = note.replace(b"Go", b"Gn")
            for text, is_go in (note, True), (other, False):
                with open(path, "wb") as file:
                    file.write(head.ljust(64, b"\0") + table + text)
                os.chmod(path, 0o755)
                self.assertFalse(run.is_static(path))
                self.assertEqual(run.is_go(path), is_go)
                said = io.StringIO()
                with contextlib.redirect_stderr(said):
                    run.find_program(path)
                self.assertEqual("is a Go program" in said.getvalue(), is_go)
        self.assertFalse(run.is_go(os.path.realpath("/bin/sh")))

    def test_privileged_programs_are_told_apart(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "program")
            shutil.copy("/bin/true", path)
            os.chmod(path, 0o4755)
            self.assertFalse(run.is_privileged(path), "it is ours")
            with mock.patch("os.geteuid", lambda: os.stat(path).st_uid + 1):
                self.assertRaisesRegex(common.Failure, "rights",
                                       run.find_program, path)


if __name__ == "__main__":
    sys.exit(ktap.run())

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The ladder: pairing, rows and drawing, with artificial recordings."""
import os
import sys
import unittest

import ktap

ktap.find_modules()

from drawing import Style               # noqa: E402
from events import BadRecord, conversations, parse     # noqa: E402
from ladder import Follower, load, report   # noqa: E402
from recording import CLIENT, SERVER, Recorder, Wire   # noqa: E402
from rows import weave                  # noqa: E402

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)),
                             "..", "net"))
from worked_example import EXPECTED     # noqa: E402

LADDER = """\
                  CLIENT                                               SERVER
          10.0.0.1:40000                                               10.0.0.2:7000
        ms        CLOSED |                                           | LISTEN
     0.010      SYN-SENT | ------------ SYN  Seq = 69 -------------> | SYN-RECEIVED
     0.120   ESTABLISHED | <----- SYN,ACK  Seq = 420, Ack = 70 ----- |
     0.230               | ------- ACK  Seq = 70, Ack = 421 -------> | ESTABLISHED"""


def example() -> Wire:
    wire = Wire()
    wire.open()
    wire.data()
    wire.close()
    return wire


def opened() -> Wire:
    wire = Wire()
    wire.open()
    return wire


def lines(wire: Wire, **style) -> list[str]:
    return report(wire.texts, Style(**style)).splitlines()


def listed(texts: list[str], **style) -> list[str]:
    text = report(texts, Style(**style), as_segments=True)
    return [line for line in text.splitlines() if line[0] != "#"]


def fates(texts: list[str]) -> list[str]:
    """'flags fate' of every departure, and of arrivals without a departure."""
    talk, = conversations(load(texts)[0])
    return [f"{row.segment.flags} {row.segment.fate}" for row in weave(talk)
            if row.segment and (row.departure or not row.arrival.peer)]


def lossy() -> Wire:
    """Large numbers, slow arrivals, a loss and a retransmission."""
    wire = Wire()
    wire.DELAY = 10_000
    wire.send("C", "SYN 4000000000 - 0", "SYN-SENT", "SYN-RECEIVED")
    wire.send("S", "SYN,ACK 3000000000 4000000001 0", "", "ESTABLISHED")
    wire.leave("C", "FIN,PSH,ACK 4000000001 3000000001 1448", "FIN-WAIT-1")
    wire.now += 200_000
    wire.send("C", "FIN,PSH,ACK 4000000001 3000000001 1448")
    return wire


class Parse(unittest.TestCase):
    def test_columns_may_be_added(self):
        text = ("# lost=3\nn time_us connection dir flags seq ack len window "
                "before after cause colour\n"
                "7 99 a:1>b:2 in SYN,ACK 1 2 3 4 CLOSED LISTEN x red\n")
        recording = parse(text)
        event, = recording.events
        self.assertEqual(recording.lost, 3)
        self.assertEqual((event.n, event.time, event.local, event.remote),
                         (7, 99, "a:1", "b:2"))
        self.assertEqual((event.dir, event.seq, event.ack, event.len),
                         ("in", 1, 2, 3))

    def test_dashes_are_absent(self):
        event, = parse("1 5 a:1>b:2 - - - - - - CLOSED - -\n").events
        self.assertEqual((event.dir, event.seq, event.after, event.len),
                         (None, None, None, 0))

    def test_nonsense_is_refused(self):
        for line in ("hello", "1 2 3", "1 x a:1>b:2 - - - - - - - - -"):
            with self.assertRaises(BadRecord):
                parse(line)


class WorkedExample(unittest.TestCase):
    def test_segments(self):
        self.assertEqual(listed(example().texts), EXPECTED)

    def test_the_order_of_sources_does_not_matter(self):
        texts = example().texts[::-1]
        self.assertEqual(listed(texts), EXPECTED)

    def test_one_side_alone_has_all_segments(self):
        for text in example().texts:
            self.assertEqual(listed([text]), EXPECTED)

    def test_one_line_each(self):
        drawn = lines(example())
        self.assertEqual(len([x for x in drawn if "->" in x or "<-" in x]), 15)

    def test_drawing(self):
        self.assertEqual("\n".join(lines(opened())), LADDER)

    def test_states_stand_where_they_change(self):
        left = [x[12:24].strip() for x in lines(example())[2:]]
        right = [x.rpartition("|")[2].strip() for x in lines(example())[2:]]
        self.assertEqual(list(filter(None, left)), [
            "CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
            "TIME-WAIT", "CLOSED"])
        self.assertEqual(list(filter(None, right)), [
            "LISTEN", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK",
            "CLOSED"])

    def test_everything_is_aligned(self):
        bars = {tuple(i for i, c in enumerate(x) if c == "|")
                for x in lines(example())[2:]}
        self.assertEqual(len(bars), 1)

    def test_relative_numbers(self):
        numbers = listed(example().texts, relative=True)
        self.assertEqual(numbers[0], "1 C SYN 0 - 0")
        self.assertEqual(numbers[1], "2 S SYN,ACK 0 1 0")
        self.assertEqual(numbers[13], "14 S FIN,ACK 16 37 0")

    def test_windows(self):
        self.assertIn("Seq = 69, win = 65535 -",
                      lines(example(), window=True)[3])

    def test_a_strangers_segment_is_told_apart(self):
        wire = opened()
        wire.note("S", "in RST 999 - 0")
        wire.send("C", "PSH,ACK 70 421 30")
        drawn = lines(wire, relative=True)
        self.assertIn("RST  Seq = 930 (not from the peer)", drawn[6])
        self.assertNotIn("not from", "".join(drawn[:6] + drawn[7:]))
        alone = report([wire.server.text], Style())
        self.assertNotIn("not from", alone)

    def test_relative_numbers_count_from_the_syn(self):
        wire = Wire()
        wire.call("C", "SYN-SENT")
        wire.note("C", "in RST,ACK 999 77 0")
        wire.send("C", "SYN 69 - 0", "", "SYN-RECEIVED")
        wire.send("S", "SYN,ACK 420 70 0", "", "ESTABLISHED")
        self.assertIn("S SYN,ACK 0 1 0", "\n".join(
            listed(wire.texts, relative=True)))

    def test_it_fits_the_terminal(self):
        for columns in (120, 100, 80):
            drawn = lines(lossy(), columns=columns)
            self.assertLessEqual(max(map(len, drawn)), columns)
            bars = {tuple(i for i, c in enumerate(x) if c == "|")
                    for x in drawn[2:]}
            self.assertEqual(len(bars), 1)
        self.assertIn("numbers from each side's first", drawn[0])
        self.assertEqual(lines(lossy(), columns=400), lines(lossy()))

    def test_causes(self):
        drawn = "\n".join(lines(example(), causes=True))
        self.assertIn("[3.10.4-close]", drawn)
        self.assertNotIn("3.10.4", "\n".join(lines(example())))


class Loss(unittest.TestCase):
    def lossy(self) -> Wire:
        wire = opened()
        wire.leave("C", "PSH,ACK 70 421 30")
        wire.now += 200_000
        wire.send("C", "PSH,ACK 70 421 30")
        wire.send("S", "ACK 421 100 0")
        return wire

    def test_the_second_copy_arrived(self):
        self.assertEqual(fates(self.lossy().texts)[3:], [
            "PSH,ACK lost", "PSH,ACK arrived", "ACK arrived"])

    def test_lost_and_again_are_marked(self):
        first, second = lines(self.lossy())[6:8]
        self.assertIn("--x", first)
        self.assertNotIn("again", first)
        self.assertIn("(again)", second)

    def test_lost_towards_the_client(self):
        wire = opened()
        wire.leave("S", "PSH,ACK 421 70 10")
        self.assertIn("x--", lines(wire)[-1])

    def test_equal_acks_keep_their_delay(self):
        """Of three duplicate ACKs the last is lost, not the first, as the
        typical delay shows."""
        wire = opened()
        for time in (1000, 1010, 1020):
            wire.note("S", "out ACK 421 70 0", time=time)
        for time in (1100, 1110):
            wire.note("C", "in ACK 421 70 0", time=time)
        self.assertEqual(fates(wire.texts)[3:],
                         ["ACK arrived", "ACK arrived", "ACK lost"])

    def test_delivered_twice(self):
        wire = opened()
        wire.send("C", "PSH,ACK 70 421 30")
        wire.arrive("C", "PSH,ACK 70 421 30")
        self.assertEqual(fates(wire.texts)[3:],
                         ["PSH,ACK arrived", "PSH,ACK twice"])
        self.assertIn("delivered twice", lines(wire)[-1])
        self.assertEqual(len(listed(wire.texts)), 4)

    def test_nobody_watched_the_other_side(self):
        wire = opened()
        wire.leave("C", "PSH,ACK 70 421 30")
        self.assertNotIn("--x", report([wire.client.text], Style()))

    def test_lost_records_are_told(self):
        wire = opened()
        wire.client.lines[0] = "# lost=12"
        self.assertIn("12 older records are lost", lines(wire)[0])


class Crossing(unittest.TestCase):
    def simultaneous_open(self) -> Wire:
        wire = Wire()
        wire.states["S"] = "CLOSED"
        wire.leave("C", "SYN 100 - 0", "SYN-SENT")
        wire.leave("S", "SYN 300 - 0", "SYN-SENT")
        wire.arrive("S", "SYN 300 - 0", "SYN-RECEIVED")
        wire.leave("C", "SYN,ACK 100 301 0")
        wire.arrive("C", "SYN 100 - 0", "SYN-RECEIVED")
        wire.leave("S", "SYN,ACK 300 101 0")
        wire.arrive("C", "SYN,ACK 100 301 0", "ESTABLISHED")
        wire.arrive("S", "SYN,ACK 300 101 0", "ESTABLISHED")
        return wire

    def test_simultaneous_open(self):
        wire = self.simultaneous_open()
        self.assertEqual(fates(wire.texts), [
            "SYN arrived", "SYN arrived", "SYN,ACK arrived",
            "SYN,ACK arrived"])
        drawn = lines(wire)
        self.assertIn("> ... |", drawn[3])
        self.assertIn("| ... ", drawn[5])
        self.assertTrue(drawn[-1].count("ESTABLISHED"))

    def test_reordering(self):
        wire = opened()
        for seq in (70, 170, 270):
            wire.leave("C", f"ACK {seq} 421 100")
        for seq in (70, 270, 170):
            wire.arrive("C", f"ACK {seq} 421 100")
        self.assertEqual(set(fates(wire.texts)[3:]), {"ACK arrived"})
        drawn = lines(wire)[6:]
        self.assertEqual(["Seq = 70," in x for x in drawn],
                         [True, False, False, False])
        self.assertIn("...", drawn[1])
        self.assertIn("Seq = 270", drawn[2])
        self.assertIn("... -", drawn[3])

    def test_a_burst_in_order_is_not_parted(self):
        wire = opened()
        for seq in (70, 170, 270):
            wire.leave("C", f"ACK {seq} 421 100")
        for seq in (70, 170, 270):
            wire.arrive("C", f"ACK {seq} 421 100")
        self.assertEqual(len(lines(wire)), 9)

    def test_long_ways_have_two_clocks(self):
        wire = Wire()
        wire.DELAY = 20_000
        wire.open()
        drawn = lines(wire)
        self.assertTrue(drawn[2].endswith("ms"))
        self.assertTrue(drawn[3].endswith("20.010"))


class Reset(unittest.TestCase):
    def test_refused(self):
        wire = Wire()
        wire.states["S"] = "CLOSED"
        wire.call("C", "SYN-SENT")
        wire.send("C", "SYN 69 - 0")
        wire.send("S", "RST,ACK 0 70 0", theirs="CLOSED")
        self.assertEqual(listed(wire.texts),
                         ["1 C SYN 69 - 0", "2 S RST,ACK 0 70 0"])
        self.assertIn("CLOSED", lines(wire)[-1])

    def test_in_the_middle(self):
        wire = opened()
        wire.send("C", "RST 70 - 0", "CLOSED", "CLOSED")
        self.assertEqual(listed(wire.texts)[-1], "4 C RST 70 - 0")
        self.assertEqual(lines(wire)[-1].count("CLOSED"), 2)


class Resized(unittest.TestCase):
    def test_cut(self):
        wire = opened()
        wire.leave("C", "PSH,ACK 70 421 3000")
        for seq in (70, 1070, 2070):
            wire.arrive("C", f"ACK {seq} 421 1000")
        self.assertIn("arrived in 3 pieces", lines(wire)[-1])
        self.assertEqual(len(listed(wire.texts)), 4)

    def test_cut_and_lost(self):
        wire = opened()
        wire.leave("C", "PSH,ACK 70 421 3000")
        wire.arrive("C", "ACK 70 421 1000")
        self.assertIn("a part of it was lost", lines(wire)[-1])

    def test_merged(self):
        wire = opened()
        wire.leave("C", "ACK 70 421 1000")
        wire.leave("C", "PSH,ACK 1070 421 1000")
        wire.arrive("C", "PSH,ACK 70 421 2000")
        self.assertEqual(fates(wire.texts)[3:],
                         ["ACK merged", "PSH,ACK arrived"])


class Conversations(unittest.TestCase):
    def test_one_after_the_other(self):
        wire = example()
        wire.states = {"C": "CLOSED", "S": "LISTEN"}
        wire.open()
        talks = conversations(load(wire.texts)[0])
        self.assertEqual([len(t.left + t.right) for t in talks],
                         [34, 7])

    def test_a_syn_into_a_live_connection_is_part_of_it(self):
        wire = opened()
        wire.call("C", "CLOSED")
        wire.call("C", "SYN-SENT")
        wire.send("C", "SYN 900 - 0")
        wire.send("S", "ACK 421 70 0")
        wire.send("C", "RST 70 - 0", theirs="CLOSED")
        self.assertEqual(len(conversations(load(wire.texts)[0])), 1)

    def test_both_ends_in_one_recording(self):
        one = Recorder()
        one.add(1, f"{CLIENT}>{SERVER}", "out SYN 69 - 0", "CLOSED SYN-SENT")
        one.add(1, f"{SERVER}>{CLIENT}", "in SYN 69 - 0",
                "LISTEN SYN-RECEIVED")
        other = Recorder()
        other.add(1, f"{CLIENT}>{SERVER}", "out SYN 70 - 0",
                  "CLOSED SYN-SENT")
        other.add(1, f"{SERVER}>{CLIENT}", "in SYN 70 - 0",
                  "LISTEN SYN-RECEIVED")
        talks = conversations(load([one.text, other.text])[0])
        self.assertEqual(len(talks), 2)
        self.assertEqual(fates([one.text]), ["SYN arrived"])

    def test_skewed_clocks(self):
        wire = Wire()
        wire.note("S", "in SYN 69 - 0", "SYN-RECEIVED", time=10)
        wire.note("C", "out SYN 69 - 0", "SYN-SENT", time=5000)
        self.assertEqual(fates(wire.texts), ["SYN arrived"])

    def test_to_oneself(self):
        one = Recorder()
        ends = f"{CLIENT}>{CLIENT}"
        one.add(1, ends, "out SYN 69 - 0", "CLOSED SYN-SENT")
        one.add(2, ends, "in SYN 69 - 0", "SYN-SENT SYN-RECEIVED")
        self.assertEqual(len(report([one.text], Style()).splitlines()), 5)

    def test_only(self):
        self.assertEqual(report(example().texts, Style(), ":9"), "")
        self.assertNotEqual(report(example().texts, Style(), ":7000"), "")


class Following(unittest.TestCase):
    def test_a_segment_on_its_way_is_not_lost_yet(self):
        wire = opened()
        wire.leave("C", "PSH,ACK 70 421 30")
        follower = Follower(Style(), None)
        first = follower.poll(wire.texts)
        wire.arrive("C", "PSH,ACK 70 421 30")
        wire.now += 3_000_000
        wire.send("S", "ACK 421 100 0")
        second = follower.poll(wire.texts)
        self.assertFalse([x for x in first + second if "--x" in x])
        self.assertTrue([x for x in second if "len = 30" in x])

    def test_nothing_twice(self):
        wire = opened()
        wire.now += 3_000_000
        wire.send("C", "PSH,ACK 70 421 30")
        follower = Follower(Style(), None)
        first = follower.poll(wire.texts)
        self.assertTrue([x for x in first if "SYN" in x])
        self.assertEqual(follower.poll(wire.texts), [])


if __name__ == "__main__":
    sys.exit(ktap.run())

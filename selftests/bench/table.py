#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The benchmark's figures as a table of ratios, and as JSON.

Reads lines "LINK SUBJECT TEST UNIT FIGURE" up to "done". The subjects are tcp
(without the module), toytcp, and for speed loaded (TCP with the module loaded).
Rounds count together: all work by all the time it took.
"""
import argparse
import json
import statistics
import sys
from collections import defaultdict

NAMES = {
    "bulk:131072": "bulk, 128 KB writes",
    "bulk:16384": "bulk, 16 KB writes",
    "bulk:1024": "bulk, 1 KB writes",
    "pingpong": "1-byte ping-pong",
    "connect": "connect, 1 byte, close",
    "cubic": "CUBIC",
    "reno": "Reno",
}


def read(lines: list[str]) -> dict[tuple, dict[str, list]]:
    """(link, test, unit) -> subject -> its figures."""
    figures: dict[tuple, dict[str, list]] = defaultdict(
        lambda: defaultdict(list))
    for line in lines:
        if line.strip() == "done":
            return figures
        link, subject, test, unit, figure = line.split()
        figures[link, test, unit][subject].append(float(figure))
    raise SystemExit("table: the figures are not complete")


def make_rows(figures: dict[tuple, dict[str, list]]) -> list[dict]:
    rows = []
    for (link, test, unit), by_subject in figures.items():
        one = {subject: statistics.harmonic_mean(found)
               for subject, found in by_subject.items()}
        row = {"name": f"{NAMES[test]}, {link.replace('_', ' ')}",
               "unit": unit, "tcp": one["tcp"], "toytcp": one["toytcp"],
               "ratio": round(one["toytcp"] / one["tcp"], 3)}
        if "loaded" in one:
            row["loaded"] = one["loaded"]
        rows.append(row)
    return rows


def print_table(rows: list[dict]) -> None:
    loaded = any("loaded" in row for row in rows)
    print(f"{'':34} {'unit':>5} {'TCP':>10} {'toytcp':>10} {'ratio':>6}"
          + "  TCP, module loaded" * loaded)
    for row in rows:
        digits = 1 if row["tcp"] >= 10 else 3
        line = (f"{row['name']:34} {row['unit']:>5} {row['tcp']:10.{digits}f} "
                f"{row['toytcp']:10.{digits}f} {row['ratio']:6.2f}")
        if loaded:
            line += (f"  {row['loaded']:10.{digits}f} "
                     f"{row['loaded'] / row['tcp']:7.3f}")
        print(line)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("results")
    args = parser.parse_args()
    with open(args.results) as file:
        rows = make_rows(read(file.readlines()))
    print_table(rows)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=2)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

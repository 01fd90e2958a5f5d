#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The benchmark's figures as a table of ratios, and as JSON.

Reads lines "LINK PROTOCOL TEST UNIT FIGURE" up to "done". Protocol 6 stands
first in each round. Of several rounds of the same the median counts; rounds
over bad networks differ, by their losses, and count together: all bytes by all
the time it took.
"""
import argparse
import json
import statistics
import sys
from collections import defaultdict

TCP = "6"
NAMES = {
    "bulk:131072": "bulk, 128 KB writes",
    "bulk:1024": "bulk, 1 KB writes",
    "pingpong": "1-byte ping-pong",
    "connect": "connect, 1 byte, close",
    "cubic": "CUBIC",
    "reno": "Reno",
}


def read(lines: list[str]) -> dict[tuple, tuple[list, list]]:
    """(link, test, unit) -> the figures of TCP and of toytcp. Of two
    protocols with one number (a self-check) they alternate."""
    figures: dict[tuple, tuple[list, list]] = defaultdict(lambda: ([], []))
    for line in lines:
        if line.strip() == "done":
            return figures
        link, protocol, test, unit, figure = line.split()
        tcp, toytcp = figures[link, test, unit]
        is_tcp = protocol == TCP and len(tcp) == len(toytcp)
        (tcp if is_tcp else toytcp).append(float(figure))
    raise SystemExit("table: the figures are not complete")


def make_rows(figures: dict[tuple, tuple[list, list]]) -> list[dict]:
    rows = []
    for (link, test, unit), (tcp, toytcp) in figures.items():
        one_of = (statistics.harmonic_mean if test in ("cubic", "reno")
                  else statistics.median)
        old, new = one_of(tcp), one_of(toytcp)
        rows.append({"name": f"{NAMES[test]}, {link.replace('_', ' ')}",
                     "unit": unit, "tcp": old, "toytcp": new,
                     "ratio": round(new / old, 3)})
    return rows


def print_table(rows: list[dict]) -> None:
    print(f"{'':34} {'unit':>5} {'TCP':>10} {'toytcp':>10} {'ratio':>6}")
    for row in rows:
        digits = 1 if row["tcp"] >= 10 else 3
        print(f"{row['name']:34} {row['unit']:>5} {row['tcp']:10.{digits}f} "
              f"{row['toytcp']:10.{digits}f} {row['ratio']:6.2f}")


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

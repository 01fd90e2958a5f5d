#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The benchmark's figures as a table of ratios, and as JSON.

Reads lines "LINK SUBJECT TEST UNIT FIGURE" up to "done". The subjects are tcp
(without the module), toytcp, and for speed loaded (TCP with the module loaded).
Rounds are added up: total work divided by total time. Figures in us are times,
where lower is better; all others are speeds.
"""
import argparse
import json
import statistics
import sys
from collections import defaultdict

import compare

NAMES = {
    "bulk:131072": "bulk, 128 KB writes",
    "bulk:16384": "bulk, 16 KB writes",
    "bulk:1024": "bulk, 1 KB writes",
    "pingpong": "1-byte ping-pong",
    "connect": "connect, 1 byte, close",
    "cubic": "CUBIC",
    "reno": "Reno",
}
MARK = 1.1      # times above this ratio are marked, whatever the limit


def read(lines: list[str]) -> dict[tuple, dict[str, list]]:
    """Maps (link, test, unit) -> subject -> its figures; None is a failure."""
    figures: dict[tuple, dict[str, list]] = defaultdict(
        lambda: defaultdict(list))
    for line in lines:
        if line.strip() == "done":
            return figures
        link, subject, test, unit, figure = line.split()
        figures[link, test, unit][subject].append(
            None if figure == "failed" else float(figure))
    raise SystemExit("table: the figures are not complete")


def together(unit: str, figures: list) -> float | None:
    if None in figures:
        return None
    if unit == compare.TIME:
        return statistics.fmean(figures)
    return statistics.harmonic_mean(figures)


def make_rows(figures: dict[tuple, dict[str, list]]) -> list[dict]:
    rows = []
    for (link, test, unit), by_subject in figures.items():
        one = {subject: together(unit, found)
               for subject, found in by_subject.items()}
        tcp, toytcp = one["tcp"], one["toytcp"]
        name = NAMES.get(test, test.replace("~", " "))
        row = {"name": f"{name}, {link.replace('_', ' ')}", "unit": unit,
               "tcp": tcp, "toytcp": toytcp,
               "ratio": round(toytcp / tcp, 3) if tcp and toytcp else None}
        if "loaded" in one:
            row["loaded"] = one["loaded"]
        rows.append(row)
    return rows


def print_speed(rows: list[dict]) -> None:
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


def time(us: float | None) -> str:
    if us is None:
        return "failed"
    return f"{us:.1f}" if us < 99.95 else f"{us:.0f}"


def times_and_ratio(row: dict) -> str:
    ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
    mark = "*" if compare.above(row, MARK) else " "
    return (f"{time(row['tcp']):>7}{time(row['toytcp']):>8}"
            f"{ratio:>8}{mark}")


def print_latency(rows: list[dict]) -> None:
    """Prints a line for each cell, with both links."""
    cells: dict[str, dict] = defaultdict(dict)
    for row in rows:
        name, _, link = row["name"].rpartition(", ")
        cells[name][link] = times_and_ratio(row)
    links = list(next(iter(cells.values())))
    print("Time per operation in us, and toytcp's time divided by TCP's: lower "
          f"is better,\n* marks ratios above {MARK}.\n")
    print(" " * 33 + "".join(f"{link:>23} " for link in links).rstrip())
    print(" " * 33
          + (f"{'TCP':>7}{'toytcp':>8}{'ratio':>8} " * len(links)).rstrip())
    for name, by_link in cells.items():
        print((f"{name:33}" + "".join(by_link.values())).rstrip())
    many = sum(compare.above(row, MARK) for row in rows)
    print(f"\n{many} of {len(rows)} cells are above {MARK}.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--limit", type=float, metavar="RATIO")
    parser.add_argument("--share", type=float, metavar="PERCENT")
    parser.add_argument("--compare", metavar="FILE")
    parser.add_argument("results")
    args = parser.parse_args()
    with open(args.results) as file:
        rows = make_rows(read(file.readlines()))
    is_latency = any(row["unit"] == compare.TIME for row in rows)
    (print_latency if is_latency else print_speed)(rows)
    good = [compare.all_came_to_an_end(rows)]
    if args.limit is not None:
        good.append(compare.all_within(rows, args.limit))
    if args.share is not None:
        good.append(compare.all_get(rows, args.share))
    if args.compare:
        good.append(compare.none_got_slower(rows, args.compare))
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=2)
            file.write("\n")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())

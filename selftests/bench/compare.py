# SPDX-License-Identifier: GPL-2.0
"""Compares the benchmark's rows with a limit or an earlier run."""
import json

TIME = "us"             # the unit in which less is better
TOLERANCE = 0.02        # of toytcp's own figure, from run to run


def above(row: dict, limit: float) -> bool:
    return row["ratio"] is not None and row["ratio"] > limit


def slowdown(before: float, now: float, unit: str) -> float:
    """The fraction by which the time of an operation grew."""
    return (now / before if unit == TIME else before / now) - 1


def all_came_to_an_end(rows: list[dict]) -> bool:
    failed = [f"{row['name']} ({subject})" for row in rows
              for subject in ("tcp", "toytcp") if row[subject] is None]
    for name in failed:
        print(f"failed: {name}")
    return not failed


def all_within(rows: list[dict], limit: float) -> bool:
    bad = [row for row in rows if above(row, limit)]
    print(f"{len(bad)} of {len(rows)} cells are above the limit of {limit}.")
    return not bad


def all_get(rows: list[dict], percent: float) -> bool:
    """Does each of two flows get that much of what both get?"""
    bad = [row for row in rows
           if min(row["tcp"], row["toytcp"]) * 100 <
           (row["tcp"] + row["toytcp"]) * percent]
    print(f"In {len(bad)} of {len(rows)} rows one gets less than {percent:g} %.")
    return not bad


def got_slower(was: dict, row: dict) -> bool:
    if was["toytcp"] is None or row["toytcp"] is None:
        return row["toytcp"] is None and was["toytcp"] is not None
    return slowdown(was["toytcp"], row["toytcp"], row["unit"]) > TOLERANCE


def tcp_moved(was: dict, row: dict) -> float:
    if was["tcp"] is None or row["tcp"] is None:
        return 0.0
    return abs(slowdown(was["tcp"], row["tcp"], row["unit"]))


def print_change(was: dict, row: dict) -> None:
    if row["toytcp"] is None:
        print(f"  {row['name']:48} failed")
        return
    grown = slowdown(was["toytcp"], row["toytcp"], row["unit"])
    print(f"  {row['name']:48} {was['toytcp']:11.3f} -> {row['toytcp']:11.3f} "
          f"{row['unit']:4} {100 * grown:+.1f} %")


def none_got_slower(rows: list[dict], path: str) -> bool:
    """Compares toytcp's figures with those of an earlier --json file."""
    with open(path) as file:
        before = {row["name"]: row for row in json.load(file)}
    pairs = [(before[row["name"]], row) for row in rows
             if row["name"] in before]
    slower = [pair for pair in pairs if got_slower(*pair)]
    print(f"\n{len(slower)} of {len(pairs)} rows got slower by more than "
          f"{100 * TOLERANCE:.0f} % since {path}"
          + (", in time per operation:" if slower else "."))
    for pair in slower:
        print_change(*pair)
    if len(pairs) != len(rows) or len(pairs) != len(before):
        print(f"{len(rows) - len(pairs)} rows are only here, "
              f"{len(before) - len(pairs)} only there.")
    moved = [one for pair in pairs if (one := tcp_moved(*pair)) > TOLERANCE]
    if moved:
        print(f"TCP itself moved that much in {len(moved)} rows, by "
              f"{100 * max(moved):.1f} % at most: chance, or another machine "
              "or options.")
    return bool(pairs) and not slower

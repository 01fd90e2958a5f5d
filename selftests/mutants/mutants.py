#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: mutants.py [--jobs N] [--runs N] [--check] [WORD]...

How strong are the tests? Makes each mutation of mutants.txt alone, in a copy, and
runs the core's unit tests, then the simulator: its runs, and the scenes whose
time and repetitions are bounded. A mutation that no test notices is a survivor:
its rule could be lost unseen. WORD: only mutations whose line has it. --check
only looks whether all of them can still be made.

Takes about ten seconds for each (make mutants), on one processor.
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIST = os.path.join(HERE, "mutants.txt")
CACHE = os.environ.get("TOYTCP_CACHE") or os.path.expanduser("~/.cache/toytcp")
COPIED = ("module/core", "selftests/core", "selftests/sim")
SLOWEST = 600	# seconds for a test; a mutant may loop for ever


class Mutant:
    """A mutation: the file and what is wrong then, the text before and after."""

    def __init__(self, block: str) -> None:
        lines = block.splitlines()
        self.name = lines[0]
        self.path = os.path.join("module", lines[0].split(":")[0])
        self.old = [line[2:] for line in lines if line.startswith("- ")]
        self.new = [line[2:] for line in lines if line.startswith("+ ")]

    def applied(self) -> str:
        """The file's text with the mutation. Raises ValueError."""
        with open(os.path.join(ROOT, self.path), encoding="utf-8") as file:
            text = file.read()
        pattern = r"\s*\n\s*".join(
            r"\s+".join(re.escape(word) for word in line.split())
            for line in self.old)
        found = re.findall(pattern, text)
        if len(found) != 1:
            raise ValueError(f"its text stands in {self.path} {len(found)} times")
        return text.replace(found[0], "\n\t".join(self.new))


def mutants(words: list[str]) -> list[Mutant]:
    with open(LIST, encoding="utf-8") as file:
        text = re.sub(r"^#.*\n", "", file.read(), flags=re.M)
    blocks = [block for block in text.split("\n\n") if block.strip()]
    every = [Mutant(block.strip("\n")) for block in blocks]
    return [m for m in every if all(word in m.name for word in words)]


def passes(command: list[str], where: str) -> bool:
    try:
        return subprocess.run(command, cwd=where, timeout=SLOWEST, check=False,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class Workshop:
    """A copy of what is needed, built once without the mutation."""

    def __init__(self, runs: int) -> None:
        self.dir = tempfile.mkdtemp(prefix="toytcp-mutants-")
        self.runs = runs
        for path in COPIED:
            shutil.copytree(os.path.join(ROOT, path),
                            os.path.join(self.dir, path))

    def make(self, what: str) -> bool:
        out = os.path.join(self.dir, "out", what)
        os.makedirs(out, exist_ok=True)
        return passes(["make", "-s", "-C", f"selftests/{what}", "all",
                       "SANITIZE=", f"KSFT={CACHE}/kselftest",
                       f"OUTPUT={out}"], self.dir)

    def build(self) -> None:
        if not (self.make("core") and self.make("sim")):
            sys.exit("mutants.py: the core's tests do not build;"
                     " run scripts/setup kselftest and scripts/check core")

    def noticed_by(self) -> str:
        """Which test notices; empty if none does."""
        if not self.make("core") or not self.make("sim"):
            return "the compiler"
        core = os.path.join(self.dir, "out/core")
        for name in sorted(os.listdir(core)):
            if name.startswith("test_") and not passes([f"./{name}"], core):
                return name
        sim = os.path.join(self.dir, "out/sim/sim")
        if not passes([sim, "--runs", str(self.runs)], self.dir):
            return "the simulator's runs"
        scenes = os.path.join(self.dir, "selftests/sim/scenes.sh")
        return "" if passes([scenes, sim], self.dir) else "the scenes"

    def judge(self, mutant: Mutant) -> str:
        path = os.path.join(self.dir, mutant.path)
        with open(path, encoding="utf-8") as file:
            original = file.read()
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(mutant.applied())
            return self.noticed_by()
        finally:
            with open(path, "w", encoding="utf-8") as file:
                file.write(original)

    def close(self) -> None:
        shutil.rmtree(self.dir)


def check(every: list[Mutant]) -> int:
    bad = 0
    for mutant in every:
        try:
            mutant.applied()
        except ValueError as error:
            print(f"not ok: {mutant.name}: {error}")
            bad += 1
    print(f"{len(every)} mutations, {bad} of them can no longer be made")
    return 1 if bad else 0


def share(every: list[Mutant], runs: int) -> list[str]:
    """One worker's mutants, one after the other. Returns the survivors."""
    workshop, survivors = Workshop(runs), []
    try:
        workshop.build()
        if workshop.noticed_by():
            sys.exit("mutants.py: the tests fail without any mutation")
        for mutant in every:
            start = time.monotonic()
            by = workshop.judge(mutant)
            if not by:
                survivors.append(mutant.name)
            print(f"{by or 'SURVIVES':24} {time.monotonic() - start:5.1f} s"
                  f"  {mutant.name}", flush=True)
    finally:
        workshop.close()
    return survivors


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[0][7:])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("word", nargs="*")
    args = parser.parse_args()
    every = mutants(args.word)
    bad = check(every)
    if bad or args.check:
        return bad
    survivors = []
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        shares = [every[n::args.jobs] for n in range(args.jobs)]
        for found in pool.map(share, shares, [args.runs] * args.jobs):
            survivors += found
    print(f"{len(every)} mutations, {len(survivors)} survive")
    for name in survivors:
        print(f"  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

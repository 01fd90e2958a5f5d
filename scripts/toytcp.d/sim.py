# SPDX-License-Identifier: GPL-2.0
"""toytcp sim: ladders from the simulator; no VM, no root."""
import os
import shutil
import subprocess

from common import HERE, Failure, writable_dir

ROOM = os.path.join(HERE, "..", "..", "selftests", "sim")


def build() -> str:
    """Builds the simulator in the cache: the tree stays as it is, and may be
    read-only. make decides whether there is anything to do."""
    if not os.path.exists(os.path.join(ROOM, "Makefile")):
        raise Failure("the simulator's source is not here: run toytcp from "
                      "its source tree")
    if not shutil.which("make"):
        raise Failure("building the simulator needs: apt install gcc make")
    out = writable_dir("sim")
    # A make that we may have been called by would hand its OUTPUT on.
    plain = {name: value for name, value in os.environ.items()
             if name not in ("MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL")}
    made = subprocess.run(["make", "-s", "-C", ROOM, f"OUT={out}"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=plain)
    if made.returncode:
        raise Failure(f"cannot build the simulator:\n{made.stdout.strip()}")
    return os.path.join(out, "sim")


def run_many(options: list[str]) -> int:
    """Many runs are not drawn: the simulator says what it finds."""
    return subprocess.call(["toytcp sim", *options], executable=build())


def simulate(options: list[str]) -> tuple[str, int]:
    """Runs the simulator; returns the events it saw, and its exit status."""
    done = subprocess.run(["toytcp sim", "--events", *options],
                          executable=build(), stdout=subprocess.PIPE,
                          text=True)
    return done.stdout, done.returncode

# SPDX-License-Identifier: GPL-2.0
"""toytcp sim: draws ladders from the simulator, without a VM or root.

Each checkout has its own simulator in the cache, so the tree stays clean and
may be read-only. Digests of the sources, not their times, decide whether it is
up to date: after a switch to another commit, times prove nothing."""
import fcntl
import glob
import hashlib
import json
import os
import shutil
import subprocess

from common import HERE, Failure, own_dir, say

REPO = os.path.realpath(os.path.join(HERE, "..", ".."))
ROOM = os.path.join(REPO, "selftests", "sim")
SOURCES = ("*.[ch]", "Makefile", "../../module/core/*.[ch]")
COMPILER = "the compiler"


def digests() -> dict[str, str]:
    """The simulator's sources: maps each, by its name in the Makefile, to a
    digest of its content."""
    found = {COMPILER: " ".join(os.environ.get(name, "")
                                for name in ("CC", "SANITIZE"))}
    for pattern in SOURCES:
        for path in sorted(glob.glob(os.path.join(glob.escape(ROOM), pattern))):
            with open(path, "rb") as file:
                found[os.path.relpath(path, ROOM)] = hashlib.sha256(
                    file.read()).hexdigest()
    return found


def read_made_of(out: str) -> dict[str, str]:
    """The digests of the sources from which that simulator was built."""
    try:
        with open(os.path.join(out, "sources")) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def dependencies(made: str) -> set[str]:
    """The sources of an object file, as the compiler listed them."""
    with open(made[:-2] + ".d") as file:
        return {word.rstrip(":") for word in file.read().split()}


def forget_objects(out: str, changed: set[str]) -> None:
    """Removes objects whose sources have changed since: make compares times and
    might consider them up to date."""
    if os.path.exists(os.path.join(out, "sim")):
        os.unlink(os.path.join(out, "sim"))
    for made in glob.glob(os.path.join(glob.escape(out), "obj", "**", "*.o"),
                          recursive=True):
        try:
            old = changed & (dependencies(made) | {"Makefile", COMPILER})
        except OSError:
            old = True
        if old:
            os.unlink(made)


def make(out: str) -> None:
    # Do not inherit variables such as OUTPUT from a make that called us.
    plain = {name: value for name, value in os.environ.items()
             if name not in ("MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL")}
    made = subprocess.run(["make", "-s", "-j", str(os.cpu_count() or 1),
                           "-C", ROOM, f"OUT={out}"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=plain)
    if made.returncode:
        raise Failure(f"cannot build the simulator:\n{made.stdout.strip()}")


def build() -> str:
    """The path of this tree's simulator, which is built if necessary."""
    if not os.path.exists(os.path.join(ROOM, "Makefile")):
        raise Failure("the simulator's source is not here: run toytcp from "
                      "its source tree")
    out = own_dir("sim")
    program = os.path.join(out, "sim")
    with open(os.path.join(out, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources, made_of = digests(), read_made_of(out)
        if sources == made_of and os.path.exists(program):
            return program
        if not shutil.which("make"):
            raise Failure("building the simulator needs: apt install gcc make")
        say(f"building the simulator of {REPO}" +
            ("" if made_of else " (ten seconds on the first run)"))
        forget_objects(out, {name for name in sources | made_of
                             if sources.get(name) != made_of.get(name)})
        with open(os.path.join(out, "sources"), "w") as file:
            json.dump(sources, file)
        make(out)
    return program


def version() -> str:
    """Names the protocol that is simulated; different trees print different
    digests."""
    whole = json.dumps(digests(), sort_keys=True).encode()
    return (f"toytcp sim: the protocol of {REPO}, sources "
            f"{hashlib.sha256(whole).hexdigest()[:12]}")


def run_many(options: list[str]) -> int:
    """Runs the simulator without drawing; it prints its own results."""
    return subprocess.call(["toytcp sim", *options], executable=build())


def simulate(options: list[str]) -> tuple[str, int]:
    """Runs the simulator; returns its events and its exit status."""
    done = subprocess.run(["toytcp sim", "--events", *options],
                          executable=build(), stdout=subprocess.PIPE,
                          text=True)
    return done.stdout, done.returncode

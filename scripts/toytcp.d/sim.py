# SPDX-License-Identifier: GPL-2.0
"""toytcp sim: ladders from the simulator; no VM, no root.

Each checkout has its own simulator in the cache: the tree stays as it is, and
may be read-only. Whether it is still the tree's is decided by what the sources
contain, not by their times: these may be those of an older commit."""
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
    """What the simulator is made of: each source by the name that make knows
    it by, and a digest of what it contains."""
    found = {COMPILER: " ".join(os.environ.get(name, "")
                                for name in ("CC", "SANITIZE"))}
    for pattern in SOURCES:
        for path in sorted(glob.glob(os.path.join(glob.escape(ROOM), pattern))):
            with open(path, "rb") as file:
                found[os.path.relpath(path, ROOM)] = hashlib.sha256(
                    file.read()).hexdigest()
    return found


def read_made_of(out: str) -> dict[str, str]:
    """What the simulator in that directory was made of."""
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
    """Removes what was made of sources that have changed since: make, which
    compares times, may think it new enough."""
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
    # A make that we may have been called by would hand its OUTPUT on.
    plain = {name: value for name, value in os.environ.items()
             if name not in ("MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL")}
    made = subprocess.run(["make", "-s", "-j", str(os.cpu_count() or 1),
                           "-C", ROOM, f"OUT={out}"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=plain)
    if made.returncode:
        raise Failure(f"cannot build the simulator:\n{made.stdout.strip()}")


def build() -> str:
    """The path of this tree's simulator, built if need be."""
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
            ("" if made_of else " (the first time: some ten seconds)"))
        forget_objects(out, {name for name in sources | made_of
                             if sources.get(name) != made_of.get(name)})
        with open(os.path.join(out, "sources"), "w") as file:
            json.dump(sources, file)
        make(out)
    return program


def version() -> str:
    """Whose protocol is simulated: two trees that differ say so."""
    whole = json.dumps(digests(), sort_keys=True).encode()
    return (f"toytcp sim: the protocol of {REPO}, sources "
            f"{hashlib.sha256(whole).hexdigest()[:12]}")


def run_many(options: list[str]) -> int:
    """Many runs are not drawn: the simulator says what it finds."""
    return subprocess.call(["toytcp sim", *options], executable=build())


def simulate(options: list[str]) -> tuple[str, int]:
    """Runs the simulator; returns the events it saw, and its exit status."""
    done = subprocess.run(["toytcp sim", "--events", *options],
                          executable=build(), stdout=subprocess.PIPE,
                          text=True)
    return done.stdout, done.returncode

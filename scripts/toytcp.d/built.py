# SPDX-License-Identifier: GPL-2.0
"""Finds the parts of toytcp that are written in C, or builds them."""
import os
import shutil

from common import HERE, Failure, own_dir, say


def contents(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def is_current(path: str, source: str) -> bool:
    """Was it built from the present source (if we have the source)? Times prove
    nothing, so make keeps a copy of the source next to the result."""
    if not os.path.exists(path):
        return False
    now = contents(os.path.join(HERE, source))
    return now is None or now == contents(path + ".source")


def build(name: str, source: str) -> str:
    """Builds it in this checkout's own directory, unless it is already there;
    returns its path."""
    import subprocess   # here, since it is rarely needed and slow to load
    out = own_dir("tools")
    path = os.path.join(out, name)
    if is_current(path, source):
        return path
    if not shutil.which("make"):
        raise Failure(f"{name} is not built, and make is not installed: "
                      "apt install gcc libc6-dev make")
    say(f"building {name}")
    made = subprocess.run(["make", "-s", "-B", "-C", HERE, f"OUT={out}", path],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True)
    if made.returncode:
        raise Failure(f"cannot build {name}:\n{made.stderr.strip()}\n"
                      "This needs a C compiler and make: apt install gcc "
                      "libc6-dev make")
    return path


def places() -> list[str]:
    """The directories where 'make' puts them: in the tree, or in a test VM's
    build."""
    found = [HERE]
    if "TOYTCP_BUILD" in os.environ:
        found.append(os.path.join(os.environ["TOYTCP_BUILD"], "scripts",
                                  "toytcp.d"))
    return found


def find(name: str, source: str) -> str:
    """The path of the one that 'make' built, or of one built now."""
    for place in places():
        path = os.path.realpath(os.path.join(place, name))
        if is_current(path, source):
            return path
    return build(name, source)

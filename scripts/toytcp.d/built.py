# SPDX-License-Identifier: GPL-2.0
"""The parts of toytcp that are written in C: found, or else built now."""
import os
import shutil

from common import HERE, Failure, writable_dir


def is_current(path: str, source: str) -> bool:
    """Is it there, and not older than its source (if we have the source)?"""
    try:
        built = os.stat(path).st_mtime
    except OSError:
        return False
    source = os.path.join(HERE, source)
    return not os.path.exists(source) or os.stat(source).st_mtime <= built


def build(name: str) -> str:
    """Builds it where that may be written; returns its path."""
    import subprocess   # here, since it is rarely needed and slow to load
    if not shutil.which("make"):
        raise Failure(f"{name} is not built and there is no make: "
                      "apt install gcc libc6-dev make")
    out = writable_dir("tools")
    path = os.path.join(out, name)
    made = subprocess.run(["make", "-s", "-C", HERE, f"OUT={out}", path],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True)
    if made.returncode:
        raise Failure(f"cannot build {name}:\n{made.stderr.strip()}\n"
                      "it needs a C compiler and make: apt install gcc "
                      "libc6-dev make")
    return path


def places() -> list[str]:
    """Where 'make' leaves them: in the tree, or in a test VM's build."""
    found = [HERE]
    if "TOYTCP_BUILD" in os.environ:
        found.append(os.path.join(os.environ["TOYTCP_BUILD"], "scripts",
                                  "toytcp.d"))
    return found


def find(name: str, source: str) -> str:
    """The one that 'make' built, else one built now."""
    for place in places():
        path = os.path.realpath(os.path.join(place, name))
        if is_current(path, source):
            return path
    return build(name)

# SPDX-License-Identifier: GPL-2.0
"""Shared by all toytcp subcommands: errors, directories, network namespaces."""
import contextlib
import ctypes
import os
import shutil
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
PROC = "/proc/net/toytcp"
DEFAULT_PROTOCOL = 253
CLONE_NEWNET = 0x40000000

NOT_LOADED = ("the module is not loaded; load it with 'insmod toytcp.ko', or "
              "work in a test VM: scripts/vm -- COMMAND")


class Failure(Exception):
    """An error for the user: the cause and, if there is one, the remedy. It is
    printed without a traceback; the exit status is 1."""


def say(text: str) -> None:
    """Prints a message for the user on standard error."""
    print(f"toytcp: {text}", file=sys.stderr, flush=True)


def columns() -> int | None:
    """The terminal's width. Files and pipes have none, unless COLUMNS is
    set."""
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS"):
        return None
    return shutil.get_terminal_size().columns


def cache_dir() -> str:
    """The directory for builds outside the tree."""
    return (os.environ.get("TOYTCP_CACHE")
            or os.path.expanduser("~/.cache/toytcp"))


def writable_dir(name: str) -> str:
    """A directory for builds: in the cache or, if that is read-only (as it is
    in a test VM), in /tmp."""
    for root in (cache_dir(), f"/tmp/toytcp-{os.getuid()}"):
        path = os.path.join(root, name)
        with contextlib.suppress(OSError):
            os.makedirs(path, mode=0o700, exist_ok=True)
            if os.access(path, os.W_OK) and os.stat(path).st_uid == os.getuid():
                return path
    raise Failure(f"cannot create {name}: neither {cache_dir()} nor /tmp is "
                  "writable")


def own_dir(name: str) -> str:
    """A directory for builds of this checkout alone; the same as TREE in
    scripts/lib.sh. Also removes the directories of deleted checkouts."""
    import glob         # here, since it is rarely needed and slow to load
    import hashlib
    home = os.path.realpath(os.path.join(HERE, "..", ".."))
    key = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    path = writable_dir(os.path.join("trees", key, name))
    trees = path[:-len(os.path.join(key, name))]
    written = os.path.join(trees, key, f"path.{os.getpid()}")
    with open(written, "w") as file:
        file.write(home + "\n")
    os.replace(written, os.path.join(trees, key, "path"))
    for other in glob.glob(os.path.join(glob.escape(trees), "*", "path")):
        with contextlib.suppress(OSError), open(other) as file:
            gone = file.read().rstrip("\n")
            if not os.path.isdir(gone):
                say(f"removing {os.path.dirname(other)}: its checkout, "
                    f"{gone}, is gone")
                shutil.rmtree(os.path.dirname(other))
    return path


def module_protocol() -> int:
    """The protocol number of the loaded module."""
    try:
        with open("/sys/module/toytcp/parameters/protocol") as parameter:
            return int(parameter.read())
    except (OSError, ValueError):
        return DEFAULT_PROTOCOL


def netns_path(name: str) -> str:
    """The file of a network namespace, which may be given as a name of 'ip
    netns', a process ID, or a path."""
    if "/" in name:
        return name
    if name.isdigit():
        return f"/proc/{name}/ns/net"
    return f"/run/netns/{name}"


def no_netns(name: str, error: OSError) -> Failure:
    """Says why a namespace cannot be opened, and what to do."""
    if isinstance(error, PermissionError):
        return Failure(f"entering network namespace {name} needs root")
    return Failure(f"no network namespace {name}: 'ip netns' lists the names; "
                   "you can also give a process ID or a path")


def setns(descriptor: int) -> None:
    """Moves this thread into a network namespace (os.setns is newer than
    the Python of Debian 12)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


@contextlib.contextmanager
def inside(netns: str | None):
    """Runs the body of 'with' in a network namespace (None: stay here)."""
    if netns is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(netns_path(netns), os.O_RDONLY)
    except OSError as error:
        os.close(home)
        raise no_netns(netns, error)
    try:
        setns(there)
        yield
    except PermissionError:
        raise Failure(f"entering network namespace {netns} needs root")
    finally:
        setns(home)
        os.close(there)
        os.close(home)


def read_proc(name: str, netns: str | None = None) -> str:
    """The text of /proc/net/toytcp/NAME, here or in a namespace."""
    with inside(netns):
        try:
            # /proc/net is /proc/self/net: the namespace of the main thread.
            with open(f"/proc/thread-self/net/toytcp/{name}") as file:
                return file.read()
        except FileNotFoundError:
            raise Failure(f"no {PROC}/{name}: {NOT_LOADED}")
        except PermissionError:
            raise Failure(f"reading {PROC}/{name} needs root (CAP_NET_ADMIN "
                          "in the network namespace)")

# SPDX-License-Identifier: GPL-2.0
"""toytcp run: an unmodified TCP program on toytcp, by a preloaded library."""
import errno
import os
import shutil
import socket
import struct

from common import (HERE, NOT_LOADED, Failure, module_protocol, writable_dir)

LIBRARY = "libtoytcp.so"
SOURCE = os.path.join(HERE, "preload.c")
PT_INTERP = 3


def is_current(library: str) -> bool:
    """Is it there, and not older than its source (if we have the source)?"""
    try:
        built = os.stat(library).st_mtime
    except OSError:
        return False
    return not os.path.exists(SOURCE) or os.stat(SOURCE).st_mtime <= built


def build_library() -> str:
    """Builds the library where it may be written; returns its path."""
    import subprocess   # here, since it is rarely needed and slow to load
    out = writable_dir("preload")
    made = subprocess.run(["make", "-s", "-C", HERE, f"OUT={out}"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True)
    if made.returncode:
        raise Failure(f"cannot build {LIBRARY}:\n{made.stderr.strip()}\n"
                      "it needs a C compiler and make: apt install gcc "
                      "libc6-dev make")
    return os.path.join(out, LIBRARY)


def built_libraries() -> list[str]:
    """Where 'make' leaves it: in the tree, or in a test VM's build."""
    places = [HERE]
    if "TOYTCP_BUILD" in os.environ:
        places.append(os.path.join(os.environ["TOYTCP_BUILD"], "scripts",
                                   "toytcp.d"))
    return [os.path.join(place, LIBRARY) for place in places]


def find_library() -> str:
    """The preload library: the one 'make' built, else one built now."""
    for built in map(os.path.realpath, built_libraries()):
        if is_current(built):
            return built
    if not shutil.which("make"):
        raise Failure(f"{LIBRARY} is not built and there is no make: "
                      "apt install gcc libc6-dev make")
    return build_library()


def wanted_protocol() -> int:
    """TOYTCP_PROTOCOL if it is set, else what the module says."""
    wish = os.environ.get("TOYTCP_PROTOCOL")
    if wish and not wish.isdigit():
        raise Failure(f"TOYTCP_PROTOCOL={wish} is not a protocol number")
    return int(wish) if wish else module_protocol()


def check_protocol(protocol: int) -> None:
    """Fails now, with the remedy, rather than in the program later."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol).close()
    except OSError as error:
        if error.errno == errno.EPROTONOSUPPORT:
            raise Failure(f"no stream sockets of protocol {protocol}: "
                          + NOT_LOADED)
        raise Failure(f"socket of protocol {protocol}: {error.strerror}")


def is_static(path: str) -> bool:
    """Is it an ELF program that no dynamic linker starts? None of those can
    be preloaded. (Scripts and what we cannot read count as dynamic.)"""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            if head[:5] != b"\x7fELF\x02":
                return False
            offset, = struct.unpack_from("<Q", head, 32)
            size, count = struct.unpack_from("<HH", head, 54)
            file.seek(offset)
            table = file.read(size * count)
    except (OSError, struct.error):
        return False
    return all(struct.unpack_from("<I", table, i * size)[0] != PT_INTERP
               for i in range(count))


def find_program(name: str) -> str:
    path = shutil.which(name)
    if not path:
        raise Failure(f"{name}: no such program")
    if is_static(path):
        raise Failure(f"{path} is statically linked: a preloaded library "
                      "cannot reach it")
    return path


def run(command: list[str]) -> int:
    """Replaces this process by the program; returns only by exception."""
    path = find_program(command[0])
    protocol = wanted_protocol()
    check_protocol(protocol)
    preload = [find_library(), os.environ.get("LD_PRELOAD", "")]
    os.environ["LD_PRELOAD"] = ":".join(filter(None, preload))
    os.environ["TOYTCP_PROTOCOL"] = str(protocol)
    try:
        os.execv(path, command)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}")

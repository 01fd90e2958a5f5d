# SPDX-License-Identifier: GPL-2.0
"""toytcp run: runs an unmodified TCP program over toytcp, with a preloaded
library."""
import errno
import os
import shutil
import socket
import stat
import struct

import built
from common import NOT_LOADED, Failure, module_protocol, say

LIBRARY, SOURCE = "libtoytcp.so", "preload.c"
PT_INTERP, PT_NOTE = 3, 4
GO_NOTE = b"\4\0\0\0Go\0\0"     # a note of type 4 (build ID) by "Go"


def wanted_protocol() -> int:
    """TOYTCP_PROTOCOL if set, otherwise the loaded module's number."""
    wish = os.environ.get("TOYTCP_PROTOCOL")
    if wish and not wish.isdigit():
        raise Failure(f"TOYTCP_PROTOCOL={wish} is not a protocol number")
    return int(wish) if wish else module_protocol()


def check_protocol(protocol: int) -> None:
    """Fails now, with a remedy, rather than later in the program."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol).close()
    except OSError as error:
        if error.errno == errno.EPROTONOSUPPORT:
            raise Failure(f"no stream sockets of protocol {protocol}: "
                          + NOT_LOADED)
        raise Failure(f"socket of protocol {protocol}: {error.strerror}")


def elf_segments(path: str) -> list[tuple[int, bytes]] | None:
    """The types and the first bytes of an ELF program's segments; None if it is
    none, such as a script, or unreadable."""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            if head[:5] != b"\x7fELF\x02":
                return None
            start, = struct.unpack_from("<Q", head, 32)
            size, count = struct.unpack_from("<HH", head, 54)
            segments = []
            for i in range(count):
                file.seek(start + i * size)
                kind, _, offset = struct.unpack("<IIQ", file.read(16))
                file.seek(offset)
                segments.append((kind, file.read(4096)))
            return segments
    except (OSError, struct.error):
        return None


def is_static(path: str) -> bool:
    """Is it an ELF program without a dynamic linker, so that preloading has no
    effect?"""
    segments = elf_segments(path)
    return segments is not None and \
        not any(kind == PT_INTERP for kind, _ in segments)


def is_go(path: str) -> bool:
    """Is it a Go program? Even those that need the dynamic linker, for C
    libraries, make their system calls themselves."""
    return any(kind == PT_NOTE and GO_NOTE in data
               for kind, data in elf_segments(path) or ())


def is_privileged(path: str) -> bool:
    """Does it get another user's or group's rights? Then the dynamic linker
    does not preload for it."""
    status = os.stat(path)
    return bool(status.st_mode & stat.S_ISUID
                and status.st_uid != os.geteuid()
                or status.st_mode & stat.S_ISGID
                and status.st_gid != os.getegid())


def find_program(name: str) -> str:
    """Its path. What cannot be reached fails, or says so if that is only
    probable."""
    path = shutil.which(name)
    if not path:
        raise Failure(f"{name}: no such program")
    if is_static(path):
        raise Failure(f"{path} is statically linked, so a preloaded library "
                      "has no effect on it")
    if is_privileged(path):
        raise Failure(f"{path} runs with the rights of its file's owner, so no "
                      "library is preloaded")
    if is_go(path):
        say(f"{path} is a Go program: it makes system calls itself, so what "
            "it does is probably real TCP")
    return path


def run(command: list[str]) -> int:
    """Replaces this process by the program; returns only with an exception."""
    path = find_program(command[0])
    protocol = wanted_protocol()
    check_protocol(protocol)
    preload = [built.find(LIBRARY, SOURCE), os.environ.get("LD_PRELOAD", "")]
    os.environ["LD_PRELOAD"] = ":".join(filter(None, preload))
    os.environ["TOYTCP_PROTOCOL"] = str(protocol)
    try:
        os.execv(path, command)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}")

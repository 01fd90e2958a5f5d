# SPDX-License-Identifier: GPL-2.0
"""toytcp run: runs an unmodified TCP program over toytcp, with a preloaded
library."""
import errno
import os
import shutil
import socket
import struct

import built
from common import NOT_LOADED, Failure, module_protocol

LIBRARY, SOURCE = "libtoytcp.so", "preload.c"
PT_INTERP = 3


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


def is_static(path: str) -> bool:
    """Is it an ELF program without a dynamic linker, so that preloading has no
    effect? (Scripts and unreadable files count as dynamic.)"""
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
        raise Failure(f"{path} is statically linked, so a preloaded library "
                      "has no effect on it")
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

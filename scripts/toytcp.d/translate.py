# SPDX-License-Identifier: GPL-2.0
"""toytcp translate: a cable on which toytcp becomes TCP, and TCP toytcp."""
import contextlib
import os
import stat

import built
from common import Failure, module_protocol, netns_path, no_netns

PROGRAM, SOURCE = "translate", "translate.c"
HERE = "/proc/self/ns/net"
NAME_MAX = 15
TUN, TUN_NUMBER = "/dev/net/tun", os.makedev(10, 200)


def make_tun_node() -> None:
    """Opening it loads the module; a machine without udev may lack it. Who
    may not make it will hear that from the program."""
    if not os.path.exists(TUN):
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(TUN), exist_ok=True)
            os.mknod(TUN, stat.S_IFCHR | 0o600, TUN_NUMBER)


def check_netns(name: str) -> str:
    """The file behind it, which can be opened."""
    path = netns_path(name)
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        raise no_netns(name, error)
    return path


def translate(names: list[str], device: str, protocol: int | None) -> int:
    """Becomes the program that carries the packets; returns only by
    exception. One name: between here and there."""
    if len(device) > NAME_MAX:
        raise Failure(f"device {device}: a name has at most {NAME_MAX} bytes")
    ends = [check_netns(name) for name in names]
    if len(ends) == 1:
        ends.insert(0, HERE)
    program = built.find(PROGRAM, SOURCE)
    make_tun_node()
    os.execv(program, [program, str(protocol or module_protocol()), device,
                       *ends])

# SPDX-License-Identifier: GPL-2.0
"""toytcp translate: a virtual cable between toytcp and TCP."""
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
    """Makes the device node, which a machine without udev may lack; opening it
    loads the tun module. Without permission, the program will report that."""
    if not os.path.exists(TUN):
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(TUN), exist_ok=True)
            os.mknod(TUN, stat.S_IFCHR | 0o600, TUN_NUMBER)


def check_netns(name: str) -> str:
    """The file of the namespace; fails if it cannot be opened."""
    path = netns_path(name)
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        raise no_netns(name, error)
    return path


def translate(names: list[str], device: str, protocol: int | None) -> int:
    """Becomes the program that carries the packets; returns only with an
    exception. With one name, the other end is this namespace."""
    if len(device) > NAME_MAX:
        raise Failure(f"device {device}: a name has at most {NAME_MAX} bytes")
    ends = [check_netns(name) for name in names]
    if len(ends) == 1:
        ends.insert(0, HERE)
    program = built.find(PROGRAM, SOURCE)
    make_tun_node()
    os.execv(program, [program, str(protocol or module_protocol()), device,
                       *ends])

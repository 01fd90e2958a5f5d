# SPDX-License-Identifier: GPL-2.0
"""toytcp translate: a cable on which toytcp becomes TCP, and TCP toytcp."""
import os

import built
from common import Failure, module_protocol, netns_path

PROGRAM, SOURCE = "translate", "translate.c"
HERE = "/proc/self/ns/net"
NAME_MAX = 15


def translate(names: list[str], device: str, protocol: int | None) -> int:
    """Becomes the program that carries the packets; returns only by
    exception. One name: between here and there."""
    if len(device) > NAME_MAX:
        raise Failure(f"device {device}: a name has at most {NAME_MAX} bytes")
    ends = [netns_path(name) for name in names]
    if len(ends) == 1:
        ends.insert(0, HERE)
    program = built.find(PROGRAM, SOURCE)
    os.execv(program, [program, str(protocol or module_protocol()), device,
                       *ends])

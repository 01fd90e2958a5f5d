#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The commands of Documentation/lessons.rst that need the kernel."""
import os
import subprocess
import sys

import lib
from lib import scenario

HERE = os.path.dirname(os.path.realpath(__file__))
SCRIPTS = (os.environ.get("TOYTCP_SCRIPTS")
           or os.path.join(HERE, "..", "..", "scripts"))
sys.path.append(os.path.join(HERE, "..", "tools"))

import transcript      # noqa: E402 (the path had to be set first)


@scenario()
def commands(case):
    """Each command, in its own namespace, prints what the lessons show, except
    for the numbers."""
    text = transcript.document(SCRIPTS)
    if not text or not lib.TOYTCP:
        raise lib.Skip("the documentation is not here" if lib.TOYTCP
                       else "the lessons need toytcp")
    found = [one for one in transcript.commands(text) if one.in_vm]
    assert found
    for command in found:
        with case.namespace():
            done = subprocess.run(command.text.removeprefix(transcript.VM),
                                  shell=True, text=True,
                                  cwd=os.path.join(SCRIPTS, ".."),
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT,
                                  timeout=lib.DEADLINE_S * 4)
        wanted = command.missing(done.stdout, numbers=False)
        assert done.returncode == 0 and not wanted, \
            f"{command.text}: {wanted}\n{done.stdout}"


if __name__ == "__main__":
    lib.main()

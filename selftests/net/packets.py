#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Every state times every kind of segment, by the tables of RFC 9293 3.10.7.

The cases are in packets/*.txt, in the RFC's order of steps; their language is
explained in lib_script.py. With PROTO=6 the kernel's
own TCP plays them, too, but for those that begin with "toytcp" instead of
"case": there the two differ, and the RFC is on our side or leaves it open.
"""
import glob
import os

import lib
import lib_script

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "packets")

STAGE: list[lib_script.Stage] = []      # set up by the first case


def register(script: lib_script.Script) -> None:
    def play(case: lib.Case) -> None:
        lib.comment(script.intent)
        if not STAGE:
            STAGE.append(lib_script.Stage(lib.Case()))
        STAGE[0].play(script)
    play.__name__ = script.name
    lib.scenario(script.toytcp_only)(play)


STATES = lib_script.read_states(f"{HERE}/states.txt")
for path in sorted(glob.glob(f"{HERE}/*.txt")):
    if not path.endswith("/states.txt"):
        for one in lib_script.read_scripts(path, STATES):
            register(one)

if __name__ == "__main__":
    lib.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Every kind of segment in every state, as specified in RFC 9293 3.10.7.

The cases are in packets/*.txt, in the order of the RFC's steps; lib_script.py
explains their language. With PROTO=6 they run on the kernel's own TCP, except
those that begin with "toytcp" instead of "case": there the two differ, and the
RFC agrees with toytcp or leaves the choice open.
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

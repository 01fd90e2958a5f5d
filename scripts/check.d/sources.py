# SPDX-License-Identifier: GPL-2.0
"""What the checks of the source text share."""
import os
import re

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def code(path: str) -> str:
    """The text without comments; line numbers and columns stay the same."""
    with open(path, encoding="utf-8") as file:
        return COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), file.read())

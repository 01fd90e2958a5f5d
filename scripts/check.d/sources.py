# SPDX-License-Identifier: GPL-2.0
"""What the checks of the source text share."""
import os
import re

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
# A function that other files may use, in code(): it starts in the first column, is
# not static, and ends with an opening brace.
FUNCTION = re.compile(r"^(?!static\b)[a-z_][\w \t*\n]*?\b(\w+)\([^;{}]*\)"
                      r"\s*\n\{", re.M)


def code(path: str) -> str:
    """The text without comments; line numbers and columns stay the same."""
    with open(path, encoding="utf-8") as file:
        return COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), file.read())

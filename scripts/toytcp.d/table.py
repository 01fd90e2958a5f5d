# SPDX-License-Identifier: GPL-2.0
"""toytcp connections and toytcp abort: the connection table."""
import errno
import os
import time

from common import PROC, Failure, inside, read_proc, NOT_LOADED

# The most useful columns; --all shows the rest too.
FIRST_COLUMNS = 9
CLEAR_SCREEN = "\033[H\033[2J"


def is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()


def align(lines: list[list[str]]) -> str:
    """Aligns columns; those with numbers are right-justified."""
    if not lines:
        return ""
    columns = list(zip(*lines))
    widths = [max(map(len, column)) for column in columns]
    right = [len(column) > 1 and all(map(is_number, column[1:]))
             for column in columns]
    return "\n".join(
        "  ".join(cell.rjust(width) if to_right else cell.ljust(width)
                  for cell, width, to_right in zip(line, widths, right))
        .rstrip() for line in lines)


def connections(netns: str | None, every_column: bool) -> str:
    """The table of one namespace as aligned text."""
    lines = [line.split() for line in read_proc("connections", netns)
             .splitlines() if line.strip()]
    width = min((len(line) for line in lines), default=0)
    if not every_column:
        width = min(width, FIRST_COLUMNS)
    return align([line[:width] for line in lines])


def show(netns: str | None, every_column: bool, watch: bool) -> int:
    """Prints the table once, or again every second."""
    while True:
        text = connections(netns, every_column)
        print((CLEAR_SCREEN if watch else "") + text, flush=True)
        if not watch:
            return 0
        time.sleep(1)


def explain(error: OSError, local: str, remote: str) -> str:
    if error.errno in (errno.ENOENT, errno.ESRCH, errno.ENOTCONN):
        return f"no connection {local} {remote}"
    if error.errno in (errno.EPERM, errno.EACCES):
        return "aborting a connection needs root (CAP_NET_ADMIN)"
    return f"abort {local} {remote}: {error.strerror}"


def abort(local: str, remote: str, netns: str | None) -> int:
    """Ends a connection as its owner's ABORT call would."""
    with inside(netns):
        try:
            table = os.open(f"{PROC}/connections", os.O_WRONLY)
        except FileNotFoundError:
            raise Failure(f"no {PROC}/connections: {NOT_LOADED}")
        except OSError as error:
            raise Failure(explain(error, local, remote))
    try:
        os.write(table, f"abort {local} {remote}\n".encode())
    except OSError as error:
        raise Failure(explain(error, local, remote))
    finally:
        os.close(table)
    return 0

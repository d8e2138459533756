"""What a parent process says to a child on its standard input, whose end means that the parent is gone."""

from __future__ import annotations

import os
import sys


def first_line() -> bytes:
    """The first line, which is waited for. Read byte by byte, so that nothing of the pipe is left in a buffer.

    Raises:
        SystemExit: the parent has gone before it said anything.
    """
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(0)
        line += byte
    return line

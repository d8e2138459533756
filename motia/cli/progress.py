"""A sign of life on the terminal while a command works; programs and files see nothing of it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0
"""Seconds without a word, and between two."""


@contextmanager
def progress(what: str, patience: float = PATIENCE) -> Iterator[None]:
    """Say what is being done, and for how long already, if it takes longer than a moment.

    A thread says it: the loop may be busy with importing the app.

    Args:
        patience: seconds.
    """
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(what, patience, done), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _tell(what: str, patience: float, done: threading.Event) -> None:
    began, width = time.monotonic(), 0
    while not done.wait(patience):
        line = f"{what} ... {time.monotonic() - began:.0f} s"
        width = len(line)
        sys.stderr.write(f"\r{line}")
        sys.stderr.flush()
    if width:
        sys.stderr.write("\r" + " " * width + "\r")
        sys.stderr.flush()

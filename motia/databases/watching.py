"""Learning that another process has written to a file, without asking again and again.

On Linux the kernel tells (inotify, through the C library); elsewhere, or where it refuses, the file is looked at every
few milliseconds.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from motia.concurrency import repeating

LOOK_INTERVAL = 0.01
"""Seconds between looks where the kernel does not tell."""
_IN_MODIFY, _IN_NONBLOCK, _IN_CLOEXEC = 0x2, 0o4000, 0o2000000


@contextmanager
def watch(path: str, notify: Callable[[], None]) -> Iterator[None]:
    """Call ``notify`` on the running loop after each write to a file, by whomever, for the time of a block."""
    descriptor = _inotify(path)
    if descriptor is None:
        with _looking(path, notify):
            yield
        return
    loop = asyncio.get_running_loop()

    def told() -> None:
        _discard(descriptor)
        notify()

    loop.add_reader(descriptor, told)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _inotify(path: str) -> int | None:
    """A descriptor that is readable after a write; None where there is no such thing."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    descriptor: int = library.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
    if descriptor < 0:
        return None
    if library.inotify_add_watch(descriptor, os.fsencode(path), _IN_MODIFY) < 0:
        os.close(descriptor)
        return None
    return descriptor


def _discard(descriptor: int) -> None:
    try:
        os.read(descriptor, 65_536)
    except BlockingIOError:  # read already
        return


@contextmanager
def _looking(path: str, notify: Callable[[], None]) -> Iterator[None]:
    seen = _stamp(path)

    def look() -> None:
        nonlocal seen
        if (stamp := _stamp(path)) != seen:
            seen = stamp
            notify()

    with repeating(LOOK_INTERVAL, look):
        yield


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size

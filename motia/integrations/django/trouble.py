"""What Django's database errors mean to us: whether to try again, and what to tell the caller."""

from __future__ import annotations

import random
import time

from django.db import DatabaseError, InterfaceError, OperationalError

from motia.errors import QueueUnavailable, StorageError

TRANSIENT = (OperationalError, InterfaceError)
_AGAIN = ("locked", "deadlock", "lock wait timeout", "could not serialize")
_ABSENT = ("no such table", "does not exist", "doesn't exist")
_spread = random.Random()  # noqa: S311  # only spreads the contenders


class Patience:
    """How long one call may try.

    Args:
        seconds: in all.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._broken = 0

    def more(self, error: DatabaseError | InterfaceError) -> bool:
        """Whether to try again: while others hold a lock, and once when the connection turned out to be broken."""
        text = str(error).lower()
        if not isinstance(error, TRANSIENT) or any(sign in text for sign in _ABSENT):
            return False
        if any(sign in text for sign in _AGAIN):
            time.sleep(_spread.uniform(0.0005, 0.005))
            return time.monotonic() < self._until
        self._broken += 1
        return self._broken == 1

    def told(self, error: DatabaseError | InterfaceError, alias: str) -> Exception:
        """The error for the caller; those that are a fault of ours stay as they are."""
        text = str(error)
        if "motia_" in text and any(sign in text.lower() for sign in _ABSENT):
            where = "" if alias == "default" else f" --database={alias}"
            return StorageError(f"the tables of motia are missing: run `manage.py migrate motia{where}`; got: {error}")
        if isinstance(error, TRANSIENT):
            return QueueUnavailable(
                f"the database {alias!r} did not answer within {self._seconds:g} s: {error}; nothing was written"
            )
        return error

"""The contract of a state store.

A value is JSON text under a group and a key. Every change is one atomic step of read, compute and write: the store
hands the old value to ``compute``, which may be called again when somebody else was quicker. What follows from a
change (the messages of ``state`` triggers) is published in the same transaction where the backend has one.
"""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from motia.databases.base import Connection

Compute = Callable[[str | None], str | None]
"""The new JSON text of a value from the old one; None stands for no value, before and after."""

Follow = Callable[["StoredChange", Connection], Awaitable[None]]
"""Called inside the transaction of a change, with the connection it is made on."""


class StoredChange(NamedTuple):
    """A change as the store saw it, in JSON text; None stands for no value."""

    group: str
    key: str
    old: str | None
    new: str | None


MAX_PAGE = 200
"""Values, and names of groups, that one look shows."""
MAX_SHOWN = 16 * 1024
"""Characters, or bytes, of a value that is shown on a page."""
MAX_LOOKED = 10_000
"""Keys that a backend goes through for one page, where its index is not by key."""


class Kept(NamedTuple):
    """A value as a page shows it: None where it is longer than that; its length in characters or in bytes."""

    key: str
    value: str | None
    size: int


class KeptPage(NamedTuple):
    """Some values of a group; ``next`` is the cursor of the page that follows, and None at the end."""

    items: builtins.list[Kept]
    next: str | None


class GroupPage(NamedTuple):
    """Names of some groups; ``next`` as in ``KeptPage``."""

    names: builtins.list[str]
    next: str | None


class Store(Protocol):
    """A state store. All methods raise ``QueueUnavailable`` when the backend does not answer in time."""

    async def migrate(self) -> None:
        """Create what is missing. Safe when many processes do it at once."""
        ...

    async def get(self, group: str, key: str) -> str | None:
        """The value, or None when there is none or its time has run out."""
        ...

    async def change(
        self, group: str, key: str, compute: Compute, *, ttl: float | None = None, follow: Follow | None = None
    ) -> StoredChange:
        """Replace a value by what ``compute`` makes of it.

        Args:
            ttl: seconds until the new value is gone; None keeps it for ever. Each change sets it anew.
            follow: joins the transaction of the change.
        """
        ...

    async def list(self, group: str) -> builtins.list[tuple[str, str]]:
        """Keys and values of a group, in the order in which the keys were first set."""
        ...

    async def groups(self) -> builtins.list[str]:
        """The names of all groups that have a value, sorted."""
        ...

    async def page(self, group: str, *, prefix: str = "", cursor: str | None = None, limit: int = 50) -> KeptPage:
        """Some values of a group, for people who look: cheap, however many there are.

        Pages follow each other in an order that is the backend's own. Who follows them to the end has seen every value
        that was there all the while, and none of them twice. A page may be shorter than ``limit``, and not be the last.

        Args:
            prefix: only keys that begin with it.
            cursor: ``next`` of the page before; None for the first.
            limit: at most this many, and never more than ``MAX_PAGE``.
        """
        ...

    async def page_groups(self, cursor: str | None = None, limit: int = 50) -> GroupPage:
        """The names of some groups that have a value, sorted within a page; see ``page``.

        A backend that scans a hash table may give somewhat more than ``limit``.
        """
        ...

    async def clear(self, group: str, *, follow: Follow | None = None) -> int:
        """Delete every value of a group, as one change each in one transaction; how many there were."""
        ...

    async def prune(self) -> int:
        """Free the room of values whose time has run out; how many."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...

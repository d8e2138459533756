"""The contract of a stream store.

An item is JSON text under a stream, a group and an id. Every change is one atomic step of read, compute and write, as
in ``motia.stores.base``, and puts an entry into the log of its stream in the same step. Ephemeral events go into the
log alone. What every backend keeps:

- The entries of a stream are numbered upwards in the order in which they become visible: who has seen entry 7 will
  never be shown a new entry 6. No number is left out.
- The timestamps of a stream, milliseconds since the epoch, grow strictly, whatever clocks do.
- A snapshot is exact: it holds the changes up to its number, and none after it.
- Entries are kept for a time (``STREAM_LOG_KEPT``) and then pruned, oldest first. A page of the log is either whole or
  refused.

Changes of one stream are made one after the other; a transaction that is held open after one holds up the others.
"""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol

from motia.databases.base import Connection
from motia.stores.base import Compute, GroupPage, KeptPage

Kind = Literal["create", "update", "delete", "event"]


class Entry(NamedTuple):
    """One line of a stream's log.

    Attributes:
        seq: its place in the log of the stream.
        timestamp: milliseconds since the epoch.
        id: of the item; None for an event of the whole group.
        kind: ``create``, ``update``, ``delete`` or ``event``.
        data: JSON text: the item after the change, before it for ``delete``; of an event its type and data.
    """

    stream: str
    seq: int
    timestamp: int
    group: str
    id: str | None
    kind: Kind
    data: str


def entry_of(stream: str, group: str, id: str, old: str | None, new: str | None) -> Entry | None:
    """The entry of a change, its place and time still to be filled in; None where nothing is to be deleted."""
    if old is None and new is None:
        return None
    kind: Kind = "create" if old is None else "delete" if new is None else "update"
    return Entry(stream, 0, 0, group, id, kind, new if new is not None else old or "")


class Head(NamedTuple):
    """Where the log of a stream stands.

    Attributes:
        seq, timestamp: of the newest entry; ``born`` where there has been none.
        born: when the stream was first used, in milliseconds since the epoch; tells two lives of a backend apart.
    """

    seq: int
    timestamp: int
    born: int


class Snapshot(NamedTuple):
    """The items of a group, in the order in which they were first set, and the head they belong to."""

    head: Head
    items: builtins.list[tuple[str, str]]


class Page(NamedTuple):
    """Some entries of one group, in order, and the number up to which nothing was left out."""

    entries: builtins.list[Entry]
    upto: int


class ItemChange(NamedTuple):
    """An item before and after, in JSON text; the entry is None when there was nothing to delete."""

    old: str | None
    new: str | None
    entry: Entry | None


POLL = 1.0
"""Seconds between looks where a hint usually comes first."""
BLIND_POLL = 0.1
"""Seconds between looks where other processes cannot be told of changes."""
EntryFollow = Callable[[Entry, Connection], Awaitable[None]]
"""Called inside the transaction of a change, with the connection it is made on."""


class StreamStore(Protocol):
    """A stream store. All methods raise ``QueueUnavailable`` when the backend does not answer in time."""

    @property
    def poll(self) -> float:
        """Seconds after which to look for new entries without a hint."""
        ...

    async def migrate(self) -> None:
        """Create what is missing. Safe when many processes do it at once."""
        ...

    async def get(self, stream: str, group: str, id: str) -> str | None:
        """The item, or None."""
        ...

    async def list(self, stream: str, group: str) -> builtins.list[tuple[str, str]]:
        """Ids and items of a group, in the order in which they were first set."""
        ...

    async def groups(self, stream: str) -> builtins.list[str]:
        """The names of all groups that have an item, sorted."""
        ...

    async def page(
        self, stream: str, group: str, *, prefix: str = "", cursor: str | None = None, limit: int = 50
    ) -> KeptPage:
        """Some items of a group, as ``Store.page`` shows values."""
        ...

    async def page_groups(self, stream: str, cursor: str | None = None, limit: int = 50) -> GroupPage:
        """The names of some groups that have an item, as ``Store.page_groups`` tells them."""
        ...

    async def change(
        self, stream: str, group: str, id: str, compute: Compute, *, follow: EntryFollow | None = None
    ) -> ItemChange:
        """Replace an item by what ``compute`` makes of it; None stands for no item.

        Args:
            follow: joins the transaction of the change; not called where there is no entry.
        """
        ...

    async def emit(
        self, stream: str, group: str, id: str | None, data: str, *, follow: EntryFollow | None = None
    ) -> Entry:
        """Log an event that changes nothing."""
        ...

    async def snapshot(self, stream: str, group: str, id: str | None = None) -> Snapshot:
        """The items of a group, or one of them, with the head they belong to."""
        ...

    async def heads(self, streams: Collection[str]) -> Mapping[str, int]:
        """The number of the newest entry of each stream that has been used."""
        ...

    async def read(self, stream: str, after: int, limit: int) -> builtins.list[Entry] | None:
        """The entries after a number, oldest first; None where some of them have been pruned."""
        ...

    async def resume(self, stream: str, group: str, after: int, born: int, limit: int) -> Page | None:
        """The entries of a group after a number; None where some have been pruned, or ``born`` is another life."""
        ...

    async def prune(self, kept: float) -> int:
        """Forget entries older than ``kept`` seconds; how many."""
        ...

    def listen(self, notify: Callable[[], None]) -> AbstractContextManager[None]:
        """Have ``notify`` called on the running loop when there may be something new. A hint only."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...

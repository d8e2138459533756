"""The state store on Redis: read, compute, and write if nobody was quicker."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from motia.databases import redis_scripts as lua
from motia.databases.base import Connection
from motia.messages import Message
from motia.stores.base import (
    MAX_LOOKED,
    MAX_PAGE,
    MAX_SHOWN,
    Compute,
    Follow,
    GroupPage,
    Kept,
    KeptPage,
    StoredChange,
)


class Driver(Protocol):
    """How scripts reach the server."""

    server: Any

    async def call(self, script: str, arguments: Sequence[Any] = ()) -> Any: ...

    async def command(self, *words: Any) -> Any: ...


@dataclass
class Outgoing:
    """What follows from a change: messages that its script sends."""

    messages: list[Message] = field(default_factory=list)


class RedisStore:
    """See ``motia.stores.base.Store`` for what each method promises.

    Args:
        encode: messages as the scripts take them.
    """

    def __init__(self, driver: Driver, encode: Callable[[Sequence[Message]], list[str]]) -> None:
        self._driver = driver
        self._encode = encode

    async def migrate(self) -> None:
        """There are no tables."""

    async def get(self, group: str, key: str) -> str | None:
        return _text(await self._driver.call(lua.STATE_GET, [group, key]))

    async def change(
        self, group: str, key: str, compute: Compute, *, ttl: float | None = None, follow: Follow | None = None
    ) -> StoredChange:
        old = await self.get(group, key)
        while True:
            change = StoredChange(group, key, old, compute(old))
            outgoing = await followed(follow, [change])
            expected = [int(old is not None), old or ""]
            wanted = [int(change.new is not None), change.new or "", "" if ttl is None else repr(ttl)]
            arguments = [group, key, *expected, *wanted, *self._encode(outgoing)]
            done, *current = await self._driver.call(lua.STATE_CHANGE, arguments)
            if done:
                break
            old = _text(current[0]) if current else None
        if outgoing:
            self._driver.server.announce()
        return change

    async def list(self, group: str) -> builtins.list[tuple[str, str]]:
        found = [item.decode() for item in await self._driver.call(lua.STATE_LIST, [group])]
        return builtins.list(zip(found[::2], found[1::2], strict=True))

    async def groups(self) -> builtins.list[str]:
        return sorted(item.decode() for item in await self._driver.call(lua.STATE_GROUPS))

    async def page(self, group: str, *, prefix: str = "", cursor: str | None = None, limit: int = 50) -> KeptPage:
        return kept_page(await self._driver.call(lua.STATE_PAGE, [*page_arguments(prefix, cursor, limit), group]))

    async def page_groups(self, cursor: str | None = None, limit: int = 50) -> GroupPage:
        found = await self._driver.call(lua.STATE_GROUP_PAGE, [place_of(cursor) or "0", min(limit, MAX_PAGE)])
        return scanned_groups(found)

    async def clear(self, group: str, *, follow: Follow | None = None) -> int:
        while True:
            found = await self.list(group)
            outgoing = await followed(follow, [StoredChange(group, key, old, None) for key, old in found])
            arguments = [group, json.dumps(dict(found)), len(found), *self._encode(outgoing)]
            if await self._driver.call(lua.STATE_CLEAR, arguments):
                break
        if outgoing:
            self._driver.server.announce()
        return len(found)

    async def prune(self) -> int:
        total = 0
        while count := int(await self._driver.call(lua.STATE_PRUNE)):
            total += count
        return total

    async def close(self) -> None:
        await self._driver.server.close()


def page_arguments(prefix: str, cursor: str | None, limit: int) -> list[Any]:
    """What the scripts of pages are told first."""
    return [prefix, place_of(cursor), min(limit, MAX_PAGE), MAX_SHOWN, MAX_LOOKED]


def place_of(cursor: str | None) -> str:
    """The number that a cursor is; empty for none, and for one that is not readable."""
    return cursor if cursor and _CURSOR.fullmatch(cursor) and int(cursor) < 2**64 else ""


_CURSOR = re.compile("[0-9]{1,20}")
"""What Redis takes for one."""


def kept_page(found: Sequence[Any]) -> KeptPage:
    """What such a script answers."""
    rows, following = found
    return KeptPage([Kept(key.decode(), _text(value), size) for key, value, size in rows], following.decode() or None)


def scanned_groups(found: Sequence[Any]) -> GroupPage:
    """What ``SSCAN`` answers; it may tell of one name twice."""
    cursor, names = found
    return GroupPage(sorted({name.decode() for name in names}), None if cursor == b"0" else cursor.decode())


async def followed(follow: Any, changes: Sequence[Any]) -> builtins.list[Message]:
    """The messages that follow from changes: what ``follow`` publishes for each."""
    outgoing = Outgoing()
    if follow is not None:
        for change in changes:
            await follow(change, cast("Connection", outgoing))
    return outgoing.messages


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()

"""The stream store on Redis: items in hashes, the log of a stream in a stream, both changed by one script."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from motia.databases import redis_scripts as lua
from motia.messages import Message
from motia.stores.base import MAX_PAGE, Compute, GroupPage, KeptPage
from motia.stores.redis import Driver, followed, kept_page, page_arguments, place_of, scanned_groups
from motia.streams.base import POLL, Entry, EntryFollow, Head, ItemChange, Page, Snapshot, entry_of

UNSTAMPED = -8_070_450_532_247_928_832
"""Stands for the timestamp in messages until the script knows it."""


class RedisStreams:
    """See ``motia.streams.base.StreamStore`` for what each method promises.

    Args:
        encode: messages as the scripts take them.
    """

    poll = POLL

    def __init__(self, driver: Driver, encode: Callable[[Sequence[Message]], list[str]]) -> None:
        self._driver = driver
        self._encode = encode

    async def migrate(self) -> None:
        """There are no tables."""

    async def get(self, stream: str, group: str, id: str) -> str | None:
        items = (await self.snapshot(stream, group, id)).items
        return items[0][1] if items else None

    async def list(self, stream: str, group: str) -> builtins.list[tuple[str, str]]:
        return (await self.snapshot(stream, group)).items

    async def groups(self, stream: str) -> builtins.list[str]:
        return sorted(group.decode() for group in await self._driver.call(lua.STREAM_GROUPS, [stream]))

    async def page(
        self, stream: str, group: str, *, prefix: str = "", cursor: str | None = None, limit: int = 50
    ) -> KeptPage:
        asked = [*page_arguments(prefix, cursor, limit), f"{stream}/{group}"]
        return kept_page(await self._driver.call(lua.STREAM_PAGE, asked))

    async def page_groups(self, stream: str, cursor: str | None = None, limit: int = 50) -> GroupPage:
        key = f"{self._driver.server.prefix}ig:{stream}"
        return scanned_groups(
            await self._driver.command("SSCAN", key, place_of(cursor) or "0", "COUNT", min(limit, MAX_PAGE))
        )

    async def change(
        self, stream: str, group: str, id: str, compute: Compute, *, follow: EntryFollow | None = None
    ) -> ItemChange:
        old = await self.get(stream, group, id)
        while True:
            new = compute(old)
            entry = entry_of(stream, group, id, old, new)
            outgoing = await followed(follow, [entry._replace(timestamp=UNSTAMPED)] if entry else [])
            expected = [int(old is not None), old or "", int(new is not None), new or ""]
            arguments = [stream, group, id, *expected, str(UNSTAMPED), *self._encode(outgoing)]
            done, *found = await self._driver.call(lua.STREAM_CHANGE, arguments)
            if done:
                break
            old = found[0].decode() if found and found[0] is not None else None
        if entry is None:
            return ItemChange(None, None, None)
        self._driver.server.announce()
        entry = entry._replace(seq=found[0], timestamp=found[1])
        if not outgoing:
            await followed(follow, [entry])  # it goes elsewhere, and wants to know the time
        return ItemChange(old, new, entry)

    async def emit(
        self, stream: str, group: str, id: str | None, data: str, *, follow: EntryFollow | None = None
    ) -> Entry:
        entry = Entry(stream, 0, UNSTAMPED, group, id, "event", data)
        outgoing = await followed(follow, [entry])
        arguments = [stream, group, int(id is not None), id or "", data, str(UNSTAMPED), *self._encode(outgoing)]
        seq, timestamp = await self._driver.call(lua.STREAM_EMIT, arguments)
        self._driver.server.announce()
        entry = entry._replace(seq=seq, timestamp=timestamp)
        if not outgoing:
            await followed(follow, [entry])
        return entry

    async def snapshot(self, stream: str, group: str, id: str | None = None) -> Snapshot:
        *head, found = await self._driver.call(lua.STREAM_SNAPSHOT, [stream, group, int(id is not None), id or ""])
        texts = [text.decode() for text in found]
        return Snapshot(Head(*head), list(zip(texts[::2], texts[1::2], strict=True)))

    async def heads(self, streams: Collection[str]) -> Mapping[str, int]:
        names = list(streams)
        found = await self._driver.call(lua.STREAM_HEADS, names)
        return {name: seq for name, seq in zip(names, found, strict=True) if seq >= 0}

    async def read(self, stream: str, after: int, limit: int) -> builtins.list[Entry] | None:
        found = await self._driver.call(lua.STREAM_READ, [stream, after, limit])
        return None if found is None else [_entry(stream, row) for row in found]

    async def resume(self, stream: str, group: str, after: int, born: int, limit: int) -> Page | None:
        found = await self._driver.call(lua.STREAM_RESUME, [stream, group, after, born, limit])
        return None if found is None else Page([_entry(stream, row) for row in found[1]], found[0])

    async def prune(self, kept: float) -> int:
        total = 0
        while count := int(await self._driver.call(lua.STREAM_PRUNE, [kept])):
            total += count
        return total

    def listen(self, notify: Callable[[], None]) -> AbstractContextManager[None]:
        listening: AbstractContextManager[None] = self._driver.server.listen("streams", notify)
        return listening

    async def close(self) -> None:
        await self._driver.server.close()


def _entry(stream: str, row: Any) -> Entry:
    seq, (_, stamp, _, group, _, id, _, kind, _, data) = row
    id = id.decode()
    item = id[1:] if id else None
    number = int(seq.partition(b"-")[0])
    return Entry(stream, number, int(stamp), group.decode(), item, kind.decode(), data.decode())

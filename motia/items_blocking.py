"""``ctx.streams`` for blocking code: the operations of ``motia.items`` on the caller's own thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from motia.concurrency import Bridge
from motia.inputs import Change, StreamTriggerInput
from motia.items import Items, Streams


class SyncStreams:
    """Every stream of an app: ``streams.todo`` or ``streams["todo"]``.

    Args:
        bridge: runs the operations.
        portal: runs what waits for others, on a loop of its own.
    """

    __slots__ = ("_bridge", "_portal", "_streams")

    def __init__(self, streams: Streams, bridge: Bridge, portal: Bridge) -> None:
        self._streams = streams
        self._bridge = bridge
        self._portal = portal

    def disconnect(self, context: Any = None, /, **fields: Any) -> None:
        """See ``motia.items.Streams.disconnect``."""
        self._bridge(self._streams.disconnect(context, **fields))

    def __getitem__(self, name: str) -> SyncItems:
        return SyncItems(self._streams[name], self._bridge, self._portal)

    def __getattr__(self, name: str) -> SyncItems:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def get(self, name: str, default: Any = None) -> SyncItems:
        return self[name]


class SyncItems:
    """The items of one stream; see ``motia.items.Items``."""

    __slots__ = ("_bridge", "_items", "_portal", "name")

    def __init__(self, items: Items, bridge: Bridge, portal: Bridge) -> None:
        self.name = items.name
        self._items = items
        self._bridge = bridge
        self._portal = portal

    def get(self, group: str, id: str) -> Any:
        return self._bridge(self._items.get(group, id))

    def set(self, group: str, id: str, data: Any) -> Change:
        return self._bridge(self._items.set(group, id, data))

    def update(self, group: str, id: str, ops: Any) -> Change:
        return self._bridge(self._items.update(group, id, ops))

    def delete(self, group: str, id: str) -> Any:
        return self._bridge(self._items.delete(group, id))

    def list(self, group: str) -> Sequence[Any]:
        return self._bridge(self._items.list(group))

    get_group = list
    getGroup = list  # noqa: N815  # Motia's name

    def list_groups(self) -> Sequence[str]:
        return self._bridge(self._items.list_groups())

    def send(self, group: Any, event: Mapping[str, Any], id: str | None = None) -> None:
        return self._bridge(self._items.send(group, event, id))

    def subscribe(self, group: str, id: str | None = None) -> Iterator[StreamTriggerInput]:
        """See ``motia.items.Items.subscribe``; each step waits on this thread."""
        changes = self._items.subscribe(group, id)
        try:
            while True:
                try:
                    yield self._portal(_next(changes))
                except StopAsyncIteration:
                    return
        finally:
            self._portal(_close(changes))

    def mirror(
        self,
        group: str,
        id: str,
        tokens: Iterable[str],
        *,
        field: str = "text",
        item: Mapping[str, Any] | None = None,
        done: Mapping[str, Any] | None = None,
    ) -> Iterator[str]:
        """See ``motia.items.Items.mirror``; iterate over it to the end."""
        growing = self._items.growing(group, id, field, item or {}, done or {})
        self._bridge(growing.begin())
        for token in tokens:
            self._bridge(growing.add(token))
            yield token
        self._bridge(growing.end())


async def _next(changes: Any) -> Any:
    return await anext(changes)


async def _close(changes: Any) -> None:
    await changes.aclose()

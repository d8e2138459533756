"""Streams whose changes reach subscribers and fire triggers: what ``ctx.streams`` does, over a store and a queue."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Mapping
from copy import copy
from typing import Any

from motia.codec import dumps, loads
from motia.declared import StreamSpec, check_name, spec_of
from motia.errors import ConfigError, InvalidName, UnserializablePayload
from motia.following import Following, Guard
from motia.inputs import Change, StreamTriggerInput
from motia.messages import MAX_NAME, STREAM_TOPIC, Message, is_name, new_id
from motia.queues.base import Queue
from motia.schemas import make_schema
from motia.stores.base import Compute
from motia.stores.updates import MISSING, apply_ops
from motia.streams.base import Entry, StreamStore
from motia.streams.outbox import Outbox
from motia.streams.stays import disconnect
from motia.streams.tail import Seat, Tails
from motia.streams.wire import Told, frame, sync_frame
from motia.tracing import current_trace, new_trace, recording


class Streams:
    """Every stream of an app: ``streams.todo`` or ``streams["todo"]``.

    Args:
        store: where the items are.
        queue: where the changes go that ``stream`` triggers are told.
        tails: tell subscribers.
        joined: store and queue can share a transaction.
        value_limit: longest item, and longest event, in bytes.
    """

    def __init__(self, store: StreamStore, queue: Queue, tails: Tails, *, joined: bool, value_limit: int) -> None:
        self._store = store
        self._limit = value_limit
        self._tails = tails
        self._following = Following(queue, joined=joined, message_of=_message)
        self._known: dict[str, Items] = {}

    def behind(self, guard: Guard) -> Streams:
        """These streams, for somebody who may have to be kept from changing them."""
        guarded = copy(self)
        guarded._following, guarded._known = self._following.behind(guard), {}
        return guarded

    async def disconnect(self, context: Any = None, /, **fields: Any) -> None:
        """Close the connections of clients that follow streams, in every process: after a logout, or a loss of rights.

        Args:
            context: closes those whose context, what ``authenticate`` returned, is equal to it.
            fields: close those whose context has all of them, as keys or attributes.

        Raises:
            ConfigError: nothing says whom.
        """
        await disconnect(self._store, context, fields)

    def __getitem__(self, name: str) -> Items:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = Items(check_name(name), self._store, self._tails, self._following, self._limit)
        return found

    def __getattr__(self, name: str) -> Items:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def get(self, name: str, default: Any = None) -> Items:
        """The stream of a name, as a mapping would give it."""
        return self[name]


class Items:
    """The items of one stream, under groups and ids. Every item is an object that carries its ``id``.

    A change reaches every subscriber, in any process, in the order of the changes; and ``stream`` triggers, as
    deliveries like any other.
    """

    def __init__(self, name: str, store: StreamStore, tails: Tails, following: Following[Entry], limit: int) -> None:
        self.name = name
        self._limit = limit
        self._store = store
        self._tails = tails
        self._following = following
        self._checked: tuple[StreamSpec | None, Any] = (None, None)

    async def get(self, group: str, id: str) -> Any:
        """The item; None when there is none."""
        _check_item(group, id)
        text = await self._store.get(self.name, group, id)
        return None if text is None else loads(text)

    async def set(self, group: str, id: str, data: Any) -> Change:
        """Set an item.

        Args:
            data: an object; its ``id`` becomes the item's.

        Raises:
            ValidationFailed: it does not fit the schema of the stream. Nothing was changed.
            UnserializablePayload: it is not an object of strict JSON. Nothing was changed.
            PayloadTooLarge: it is longer than the setting ``payload_limit``. Nothing was changed.
        """
        _check_item(group, id)
        text = self.as_stored(id, data)
        return await self.change(group, id, lambda old: text)

    async def update(self, group: str, id: str, ops: Any) -> Change:
        """Apply update ops in one atomic step, all or none; see ``motia.stores.updates``.

        Raises:
            UpdateError: an op does not fit the item. Nothing was changed.
            ValidationFailed: the result does not fit the schema of the stream. Nothing was changed.
            PayloadTooLarge: the result is longer than the setting ``payload_limit``. Nothing was changed.
        """
        return await self._update("update", group, id, [ops] if isinstance(ops, Mapping) else ops)

    async def _update(self, op: str | None, group: str, id: str, ops: Any) -> Change:
        def compute(old: str | None) -> str:
            return self.as_stored(id, apply_ops(MISSING if old is None else loads(old), ops))

        return await self.change(group, id, compute, op=op)

    async def delete(self, group: str, id: str) -> Any:
        """Delete an item; the old one, or None when there was none."""
        return (await self.change(group, id, lambda old: None, op="delete")).old_value

    async def list(self, group: str) -> builtins.list[Any]:
        """The items of a group, in the order in which they were first set."""
        return [loads(text) for _, text in await self._store.list(self.name, _name("group", group))]

    get_group = list
    getGroup = list  # noqa: N815  # Motia's name

    async def list_groups(self) -> builtins.list[str]:
        """The names of all groups that have an item, sorted."""
        return await self._store.groups(self.name)

    async def send(self, group: Any, event: Mapping[str, Any], id: str | None = None) -> None:
        """Tell subscribers of something that changes no item, and is not kept.

        Args:
            group: or Motia's form, ``{"groupId": ..., "id": ...}``.
            event: ``{"type": ..., "data": ...}``.
            id: tells the subscribers of this item as well.
        """
        if isinstance(group, Mapping):
            group, id = group.get("groupId", group.get("group_id")), group.get("id", id)
        check_names(group, id)
        if not isinstance(event, Mapping) or not isinstance(event.get("type"), str):
            raise ConfigError(f"send expected an event such as {{'type': 'typing', 'data': ...}}, got {event!r}")
        text = dumps({"type": event["type"], "data": event.get("data")}, limit=self._limit)
        await self._following.after(lambda follow: self._store.emit(self.name, group, id, text, follow=follow))
        if (recorded := recording()) is not None:
            recorded.event("stream", "send", _address(self.name, group, id), after=dict(event))

    async def subscribe(self, group: str, id: str | None = None) -> AsyncGenerator[StreamTriggerInput, None]:
        """What there is of a group, or of one item, as a ``sync`` event; then every change, as it happens.

        A reader that falls behind by more than its queue holds is given a new ``sync``.
        """
        check_names(group, id)
        tail = self._tails.here
        while True:
            outbox: Outbox[Told] = Outbox()
            seat = Seat(self.name, group, lambda told, put=outbox.put: put(told, told.size), outbox.close)  # type: ignore[misc]  # bound now
            async with tail.seated(seat):
                snapshot = await tail.join(seat, id)
                yield _told(sync_frame(self.name, group, id, snapshot))
                seat.release()
                while batch := await outbox.take():
                    for told in batch:
                        yield _told(told.frame)
            if outbox.closed and not tail.open:
                return

    def mirror(
        self,
        group: str,
        id: str,
        tokens: AsyncIterable[str],
        *,
        field: str = "text",
        item: Mapping[str, Any] | None = None,
        done: Mapping[str, Any] | None = None,
    ) -> Mirror:
        """Have an item grow by the tokens of an answer that is made word by word.

        Await it, or iterate over it and pass the tokens on: as the body of an http step's answer, they reach the
        caller while every subscriber sees the item grow.

        Args:
            field: of the item, to which the tokens are added.
            item: what else the item holds from the start, such as ``{"role": "assistant"}``.
            done: what is merged into the item when the tokens have ended, such as ``{"done": True}``.
        """
        return Mirror(self.growing(group, id, field, item or {}, done or {}), tokens)

    def growing(self, group: str, id: str, field: str, item: Mapping[str, Any], done: Mapping[str, Any]) -> Growing:
        """An item that grows by tokens; see ``mirror``."""
        return Growing(self, group, id, field, item, done)

    async def change(self, group: str, id: str, compute: Compute, *, op: str | None = "set") -> Change:
        """Replace an item by what ``compute`` makes of its JSON text, in one atomic step; for tools.

        Args:
            compute: None stands for no item; may be called again, and may raise, which changes nothing.
            op: how it is recorded; None for not at all.
        """
        _check_item(group, id)
        change = await self._following.after(
            lambda follow: self._store.change(self.name, group, id, compute, follow=follow)
        )
        told = Change(_value(change.old), _value(change.new))
        if op is not None and (recorded := recording()) is not None:
            target = _address(self.name, group, id)
            recorded.event("stream", op, target, before=told.old_value, after=told.new_value)
        return told

    def as_stored(self, id: str, data: Any) -> str:
        """An item as it is stored: checked, and with its id."""
        spec = spec_of(self.name)
        if spec is not self._checked[0]:
            self._checked = (spec, None if spec is None else make_schema(spec.schema))
        schema = self._checked[1]
        if schema is not None:
            if isinstance(data, Mapping) and "id" in schema.json_schema.get("properties", ()):
                data = {**data, "id": id}
            data = schema.from_python(data, f"an item of stream {self.name!r}")
        plain = loads(dumps(data))
        if not isinstance(plain, dict):
            kind = type(data).__name__
            raise UnserializablePayload("$", f"expected an object, since every item carries its id, got {kind}")
        return dumps({**plain, "id": id}, limit=self._limit)


class Growing:
    """An item that grows by tokens: ``begin``, ``add`` each, ``end``."""

    def __init__(
        self, items: Items, group: str, id: str, field: str, item: Mapping[str, Any], done: Mapping[str, Any]
    ) -> None:
        self._items = items
        self._address = (group, id)
        self._field = field
        self._item = item
        self._done = done

    async def begin(self) -> None:
        await self._items.set(*self._address, {**self._item, self._field: ""})

    async def add(self, token: str) -> None:
        ops = [{"type": "append", "path": self._field, "value": token}]
        await self._items._update(None, *self._address, ops)  # not recorded: there are as many as there are tokens

    async def end(self) -> None:
        if self._done:
            await self._items.update(*self._address, [{"type": "merge", "value": dict(self._done)}])


class Mirror(AsyncIterator[str]):
    """Tokens on their way into an item: iterated over it passes them on, awaited it takes them all."""

    def __init__(self, growing: Growing, tokens: AsyncIterable[str]) -> None:
        self._passing = _passed_on(growing, tokens)

    async def __anext__(self) -> str:
        return await anext(self._passing)

    def __await__(self) -> Generator[Any, None, None]:
        return self._drain().__await__()

    async def aclose(self) -> None:
        """Stop, and leave the item as it is."""
        await self._passing.aclose()

    async def _drain(self) -> None:
        async for _ in self._passing:
            pass


async def _passed_on(growing: Growing, tokens: AsyncIterable[str]) -> AsyncGenerator[str, None]:
    await growing.begin()
    async for token in tokens:
        await growing.add(token)
        yield token
    await growing.end()


def _message(entry: Entry) -> Message:
    """What stream triggers are told."""
    trace = current_trace() or new_trace()
    topic = f"{STREAM_TOPIC}.{entry.stream}"
    return Message(new_id(), topic, frame(entry), trace.traceparent, scope=(entry.group, entry.id))


def _told(text: str) -> StreamTriggerInput:
    return StreamTriggerInput.of_wire(loads(text))


def _address(name: str, group: str, id: str | None) -> str:
    return f"{name}/{group}" if id is None else f"{name}/{group}/{id}"


def _value(text: str | None) -> Any:
    return None if text is None else loads(text)


def check_names(group: Any, id: Any) -> None:
    """Whether these can be a group and an item; None for no item.

    Raises:
        InvalidName: they cannot.
    """
    _name("group", group)
    if id is not None:
        _name("id", id)


def _check_item(group: Any, id: Any) -> None:
    _name("group", group)
    _name("id", id)


def _name(what: str, name: Any) -> str:
    limit = MAX_NAME - 201 if what == "group" else MAX_NAME
    if not name or not is_name(name) or len(name.encode()) > limit:
        expected = f"{'a' if what == 'group' else 'an'} {what} of 1 to {limit} bytes of UTF-8 without NUL"
        raise InvalidName(f"a stream expected {expected}, got {name!r}", name)
    return str(name)

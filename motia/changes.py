"""State whose changes fire triggers: what ``ctx.state`` does, over a store and a queue."""

from __future__ import annotations

import builtins
import math
from collections.abc import Mapping
from copy import copy
from datetime import timedelta
from typing import Any, TypeAlias

from motia.codec import dumps, loads
from motia.errors import ConfigError, InvalidName
from motia.following import Following, Guard
from motia.inputs import Change
from motia.messages import MAX_NAME, STATE_TOPIC, Message, is_name, new_id
from motia.queues.base import Queue
from motia.stores.base import Compute, Store, StoredChange
from motia.stores.updates import MISSING, apply_ops
from motia.tracing import current_trace, new_trace, recording

DEFAULT_GROUP = "default"
Ttl: TypeAlias = float | timedelta


class State:
    """Values under groups and keys.

    A change fires ``state`` triggers as deliveries like any other: in the same transaction where store and queue are
    in one database, right after the change where they are not.

    ``set(key, value)``, ``get(key)``, ``update(key, ops)`` and ``delete(key)`` use the group ``default``.

    Args:
        store: where the values are.
        queue: where the changes go.
        joined: store and queue can share a transaction.
        value_limit: longest value in bytes.
    """

    def __init__(self, store: Store, queue: Queue, *, joined: bool, value_limit: int) -> None:
        self._store = store
        self._following = Following(queue, joined=joined, message_of=_message)
        self._limit = value_limit

    def behind(self, guard: Guard) -> State:
        """This state, for somebody who may have to be kept from changing it."""
        guarded = copy(self)
        guarded._following = self._following.behind(guard)
        return guarded

    async def get(self, group: str | None = None, key: str | None = None) -> Any:
        """The value; None when there is none."""
        group, key = _address(group, key)
        text = await self._store.get(group, key)
        return None if text is None else loads(text)

    async def set(
        self, group: str = MISSING, key: Any = MISSING, value: Any = MISSING, ttl: Ttl | None = None
    ) -> Change:
        """Set a value.

        Args:
            ttl: seconds, or a timedelta, until it is gone; default: never.

        Raises:
            UnserializablePayload: the value is not strict JSON. Nothing was changed.
            PayloadTooLarge: it is longer than the setting ``payload_limit``. Nothing was changed.
        """
        group, key, new = _arguments("set", "value", group, key, value)
        text = dumps(new, limit=self._limit)
        return await self.change(group, key, lambda old: text, ttl)

    async def update(
        self, group: str = MISSING, key: Any = MISSING, ops: Any = MISSING, ttl: Ttl | None = None
    ) -> Change:
        """Apply update ops in one atomic step, all or none; see ``motia.stores.updates``.

        Args:
            ops: a list such as ``[{"type": "increment", "path": "count", "by": 1}]``.
            ttl: seconds, or a timedelta, until the new value is gone; default: never.

        Raises:
            UpdateError: an op does not fit the value. Nothing was changed.
            PayloadTooLarge: the result is longer than the setting ``payload_limit``. Nothing was changed.
        """
        group, key, wanted = _arguments("update", "ops", group, key, ops)
        if isinstance(wanted, Mapping):
            wanted = [wanted]

        def compute(old: str | None) -> str:
            return dumps(apply_ops(MISSING if old is None else loads(old), wanted), limit=self._limit)

        return await self.change(group, key, compute, ttl, op="update")

    async def delete(self, group: str | None = None, key: str | None = None) -> Any:
        """Delete a value; the old one, or None when there was none."""
        group, key = _address(group, key)
        return (await self.change(group, key, lambda old: None, op="delete")).old_value

    async def list(self, group: str = DEFAULT_GROUP) -> builtins.list[Any]:
        """The values of a group, in the order in which their keys were first set."""
        return [loads(text) for _, text in await self._store.list(_name("group", group))]

    get_group = list
    getGroup = list  # noqa: N815  # Motia's name

    async def keys(self, group: str = DEFAULT_GROUP) -> builtins.list[str]:
        """The keys of a group, in the order in which they were first set."""
        return [key for key, _ in await self._store.list(_name("group", group))]

    async def list_groups(self) -> builtins.list[str]:
        """The names of all groups, sorted."""
        return await self._store.groups()

    async def clear(self, group: str = DEFAULT_GROUP) -> int:
        """Delete every value of a group; how many there were."""
        _name("group", group)
        count = await self._following.after(lambda follow: self._store.clear(group, follow=follow))
        if (recorded := recording()) is not None:
            recorded.event("state", "clear", group, fields={"count": count})
        return count

    async def change(
        self, group: str, key: str, compute: Compute, ttl: Ttl | None = None, *, op: str = "set"
    ) -> Change:
        """Replace a value by what ``compute`` makes of its JSON text, in one atomic step; for tools.

        Args:
            compute: None stands for no value; may be called again, and may raise, which changes nothing.
            op: how it is recorded.
        """
        lifetime = None if ttl is None else _seconds(ttl)
        change = await self._following.after(
            lambda follow: self._store.change(group, key, compute, ttl=lifetime, follow=follow)
        )
        told = Change(_value(change.old), _value(change.new))
        if (recorded := recording()) is not None:
            recorded.event("state", op, f"{group}/{key}", before=told.old_value, after=told.new_value)
        return told


def _message(change: StoredChange) -> Message | None:
    """What state triggers are told, or None when there was nothing to delete."""
    if change.old is None and change.new is None:
        return None
    kind = "created" if change.old is None else "deleted" if change.new is None else "updated"
    head = dumps({"type": "state", "event_type": f"state:{kind}", "group_id": change.group, "item_id": change.key})
    payload = f'{head[:-1]},"old_value":{change.old or "null"},"new_value":{change.new or "null"}}}'
    trace = current_trace() or new_trace()
    return Message(new_id(), STATE_TOPIC, payload, trace.traceparent, scope=(change.group, change.key))


def _value(text: str | None) -> Any:
    return None if text is None else loads(text)


def _seconds(ttl: Ttl) -> float:
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    if not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        raise ConfigError(f"ttl expected a number of seconds above 0, or a timedelta, got {ttl!r}")
    return seconds


def _arguments(verb: str, what: str, group: Any, key: Any, value: Any) -> tuple[str, str, Any]:
    """The group, key and value of a call, which may have left the group out."""
    given = [item for item in (group, key, value) if item is not MISSING]
    if len(given) < 2:
        raise TypeError(f"state.{verb} expected (group, key, {what}) or (key, {what}), got {len(given)} of them")
    found = (DEFAULT_GROUP, *given) if len(given) == 2 else given
    return (*_checked(found[0], found[1]), found[2])


def _address(group: str | None, key: str | None) -> tuple[str, str]:
    """The group and key of a call, which may have left the group out."""
    if key is None:
        group, key = None, group
    return _checked(DEFAULT_GROUP if group is None else group, key)


def _checked(group: Any, key: Any) -> tuple[str, str]:
    return _name("group", group), _name("key", key)


def _name(what: str, name: Any) -> str:
    if not name or not is_name(name):
        raise InvalidName(f"state expected a {what} of 1 to {MAX_NAME} bytes of UTF-8 without NUL, got {name!r}", name)
    return str(name)

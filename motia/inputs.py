"""What a handler is told about the event that started it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from typing import Any, Self

from motia.declarations import snake


class Record(Mapping[str, Any]):
    """A value with attributes that also reads as a mapping, and under camelCase names."""

    __slots__ = ()

    @classmethod
    def of(cls, data: Any) -> Self | None:
        """The value that a mapping stands for, in any of its spellings; None where it is another mapping."""
        if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
            return None
        read = {cls._aliases().get(snake(key), snake(key)): value for key, value in data.items()}
        needed = {name for name, entry in cls._own().items() if entry.default is MISSING}
        return cls(**read) if needed <= read.keys() <= cls._own().keys() else None

    def __getitem__(self, key: str) -> Any:
        name = self._name(key)
        if name is None:
            raise KeyError(key)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return (entry.name for entry in fields(self))  # type: ignore[arg-type]  # subclasses are dataclasses

    def __len__(self) -> int:
        return len(fields(self))  # type: ignore[arg-type]  # subclasses are dataclasses

    def __getattr__(self, name: str) -> Any:
        known = None if name.startswith("_") else self._name(name)
        if known is None or known == name:
            raise AttributeError(f"{type(self).__name__} has no {name!r}; it has {', '.join(self)}")
        return getattr(self, known)

    def _name(self, key: str) -> str | None:
        if not isinstance(key, str):
            return None
        name = snake(key)
        name = self._aliases().get(name, name)
        return name if name in self._own() else None

    @classmethod
    def _own(cls) -> Mapping[str, Any]:
        return cls.__dataclass_fields__  # type: ignore[attr-defined,no-any-return]  # subclasses are dataclasses

    @classmethod
    def _aliases(cls) -> Mapping[str, str]:
        return {}


@dataclass(frozen=True)
class Change(Record):
    """What ``set`` and ``update`` return: the value before and after; None stands for no value."""

    old_value: Any
    new_value: Any


@dataclass(frozen=True)
class StateTriggerInput(Record):
    """A change of state. Also readable as ``scope``, ``key`` and in camelCase.

    Attributes:
        type: always ``state``.
        group_id: the group.
        item_id: the key.
        old_value: None when the value is new.
        new_value: None when it was deleted.
        event_type: ``state:created``, ``state:updated`` or ``state:deleted``.
    """

    type: str
    group_id: str
    item_id: str
    old_value: Any
    new_value: Any
    event_type: str = "state:updated"

    @classmethod
    def _aliases(cls) -> Mapping[str, str]:
        return {"scope": "group_id", "group": "group_id", "key": "item_id"}


@dataclass(frozen=True)
class StreamEvent(Record):
    """What happened in a stream.

    Attributes:
        type: ``sync``, ``create``, ``update``, ``delete`` or ``event``.
        data: the item, before it was deleted for ``delete``; for ``sync`` the item or the list of items; for ``event``
            what was sent, ``{"type": ..., "data": ...}``, also readable as ``event``.
    """

    type: str
    data: Any = None

    @classmethod
    def _aliases(cls) -> Mapping[str, str]:
        return {"event": "data"}


@dataclass(frozen=True)
class StreamTriggerInput(Record):
    """A change of a stream, for ``stream`` triggers and ``subscribe``. Also readable in camelCase.

    Attributes:
        timestamp: milliseconds since the epoch; grows strictly within a stream.
        stream_name, group_id: where it happened.
        id: of the item; None for an event, or the sync, of the whole group.
        event: what happened.
    """

    timestamp: int
    stream_name: str
    group_id: str
    id: str | None
    event: StreamEvent

    @classmethod
    def of_wire(cls, data: Mapping[str, Any]) -> StreamTriggerInput:
        """The input from a frame of the wire protocol."""
        event = data["event"]
        told = StreamEvent(event["type"], event["event"] if event["type"] == "event" else event["data"])
        return cls(data["timestamp"], data["streamName"], data["groupId"], data["id"], told)

    @classmethod
    def of(cls, data: Any) -> Self | None:
        change = super().of(data)
        event = None if change is None else StreamEvent.of(change.event)
        return None if change is None or event is None else replace(change, event=event)

    @classmethod
    def _aliases(cls) -> Mapping[str, str]:
        return {"item_id": "id"}


@dataclass(frozen=True)
class TriggerInfo(Record):
    """Which trigger started the step, and when.

    Attributes:
        type: ``http``, ``queue``, ``cron``, ``state`` or ``stream``.
        index: its place in the step's list.
        method, path: of an http trigger; ``path`` as declared.
        topic: of a queue trigger.
        expression, scheduled_time, actual_time: of a cron trigger; times are aware, in UTC.
        missed: ticks that passed while no worker ran, which this run stands for.
        stream_name, group_id: of a stream or state trigger.
    """

    type: str
    index: int = 0
    method: str | None = None
    path: str | None = None
    topic: str | None = None
    expression: str | None = None
    scheduled_time: datetime | None = None
    actual_time: datetime | None = None
    missed: int = 0
    stream_name: str | None = None
    group_id: str | None = None

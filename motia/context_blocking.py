"""``ctx`` of ``def`` handlers: the names of ``motia.context.FlowContext``, blocking, and no logic of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import Any

from motia.changes import State, Ttl
from motia.concurrency import Bridge
from motia.context import BaseContext, InputT, matched
from motia.inputs import Change
from motia.items_blocking import SyncStreams
from motia.messages import Receipt
from motia.steps import StepName
from motia.stores.updates import MISSING


class SyncState:
    """``ctx.state`` for blocking code: the operations of ``motia.changes.State``."""

    __slots__ = ("_bridge", "_state")

    def __init__(self, state: State, bridge: Bridge) -> None:
        self._state = state
        self._bridge = bridge

    def get(self, group: str | None = None, key: str | None = None) -> Any:
        return self._bridge(self._state.get(group, key))

    def set(self, group: str = MISSING, key: Any = MISSING, value: Any = MISSING, ttl: Ttl | None = None) -> Change:
        return self._bridge(self._state.set(group, key, value, ttl))

    def update(self, group: str = MISSING, key: Any = MISSING, ops: Any = MISSING, ttl: Ttl | None = None) -> Change:
        return self._bridge(self._state.update(group, key, ops, ttl))

    def delete(self, group: str | None = None, key: str | None = None) -> Any:
        return self._bridge(self._state.delete(group, key))

    def list(self, group: str = "default") -> Sequence[Any]:
        return self._bridge(self._state.list(group))

    get_group = list
    getGroup = list  # noqa: N815  # Motia's name

    def keys(self, group: str = "default") -> Sequence[str]:
        return self._bridge(self._state.keys(group))

    def list_groups(self) -> Sequence[str]:
        return self._bridge(self._state.list_groups())

    def clear(self, group: str = "default") -> int:
        return self._bridge(self._state.clear(group))


class SyncFlowContext(BaseContext[InputT]):
    """What a ``def`` handler is given: the names of ``FlowContext``, blocking, on the handler's own thread."""

    __slots__ = ()

    @property
    def state(self) -> SyncState:
        """Values under groups and keys; changes fire ``state`` triggers."""
        services = self._run.blocking
        guarded = services.state.behind(partial(services.ensure_held, self._run))
        return SyncState(services.state if self._run.lease is None else guarded, services.bridge)

    @property
    def streams(self) -> SyncStreams:
        """Named, grouped items whose changes reach subscribers: ``ctx.streams.todo.set(group, id, data)``."""
        services = self._run.blocking
        guarded = services.streams.behind(partial(services.ensure_held, self._run))
        streams = services.streams if self._run.lease is None else guarded
        return SyncStreams(streams, services.bridge, services.portal)

    def enqueue(self, topic: str | Mapping[str, Any], data: Any = None, **options: Any) -> Receipt:
        """Send a message; takes the options of ``motia.messenger.Messenger.enqueue``."""
        services = self._run.blocking
        services.bridge(services.ensure_held(self._run))
        return services.bridge(services.messenger.enqueue(topic, data, **options))

    emit = enqueue

    def enqueue_many(self, items: Iterable[Any], **options: Any) -> list[Receipt]:
        """Send many messages in one transaction, all or none."""
        services = self._run.blocking
        services.bridge(services.ensure_held(self._run))
        return services.bridge(services.messenger.enqueue_many(items, **options))

    def invoke(self, step: StepName, input: Any = None, trigger: str | None = None) -> Any:
        """Run another step, in this trace, and return its result; a ``def`` step runs on this very thread."""
        services = self._run.blocking
        return services.bridge(services.invoke(step, input, trigger))

    def match(self, handlers: Mapping[str, Callable[..., Any]]) -> Any:
        """Call the handler for this run's kind of trigger: ``http queue cron state stream default``."""
        return matched(self._run, handlers, self)()

    def transaction(self, connection: Any = None, session: Any = None) -> AbstractContextManager[Any]:
        """See ``FlowContext.transaction``."""
        return Blocking(self._run.blocking.transaction(self._run, connection, session), self._run.blocking.bridge)


class Blocking(AbstractContextManager[Any]):
    """An async context manager over a blocking driver, for a plain ``with``."""

    def __init__(self, manager: AbstractAsyncContextManager[Any], bridge: Bridge) -> None:
        self._manager = manager
        self._bridge = bridge

    def __enter__(self) -> Any:
        return self._bridge(self._manager.__aenter__())

    def __exit__(self, *error: Any) -> bool | None:
        return self._bridge(self._manager.__aexit__(*error))

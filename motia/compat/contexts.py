"""The context under all of Motia's names. In async handlers a call that nobody awaits takes effect as well."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import anyio.lowlevel

from motia.context import BaseContext, FlowContext, TypeCheck
from motia.context_blocking import SyncFlowContext
from motia.errors import UnknownTopic
from motia.inputs import Change
from motia.steps import StepConfig

_log = logging.getLogger("motia.compat")


class _Names:
    """What Motia's contexts had and ours call otherwise, for both flavours."""

    _run: Any
    _config: StepConfig

    @property
    def flows(self) -> Sequence[str]:
        """The flows of the step."""
        return list(self._config.flows)

    @property
    def input_value(self) -> Any:
        return self._run.input

    @property
    def is_api(self) -> TypeCheck:
        return TypeCheck(self._run.trigger.type == "http")

    is_event = property(lambda self: TypeCheck(self._run.trigger.type == "queue"))

    def getData(self) -> Any:  # noqa: N802  # Motia's name
        return self.get_data()  # type: ignore[attr-defined]  # mixed into contexts

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        """``ctx.get("logger")``; contexts were read as dicts now and then."""
        return getattr(self, name, default)


class Context(_Names, FlowContext[Any]):
    """The context of an async handler.

    Attributes:
        legacy: what 0.x returned from ``set`` is returned, and a topic that the step does not declare is told.
    """

    __slots__ = ("_config", "_pending", "legacy")

    def __init__(self, ctx: BaseContext[Any], config: StepConfig, *, legacy: bool) -> None:
        super().__init__(ctx._run, ctx._loggers)
        self._config = config
        self._pending: list[Coroutine[Any, Any, Any]] = []
        self.legacy = legacy

    @property
    def state(self) -> Any:
        return Tracked(super().state, self)

    @property
    def streams(self) -> Any:
        return TrackedStreams(super().streams, self)

    def enqueue(self, topic: Any, data: Any = None, **options: Any) -> Any:
        """Send a message, in every form that Motia had."""
        if self.legacy:
            _check_declared(self, topic)
        return self.track(super().enqueue(topic, data, **options))

    emit = enqueue

    def track(self, work: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
        """Remember a call that is yet to be awaited."""
        self._pending = [item for item in self._pending if inspect.getcoroutinestate(item) == inspect.CORO_CREATED]
        self._pending.append(work)
        return work

    async def settle(self) -> None:
        """Run, in their order, the calls that the handler has not awaited."""
        if not self._pending:
            return
        await anyio.lowlevel.checkpoint()  # tasks that were made of them begin first
        pending, self._pending = self._pending, []
        for work in pending:
            if inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
                await work

    def forget(self) -> None:
        """Drop what was not awaited, without a warning."""
        for work in self._pending:
            if inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
                work.close()


class SyncContext(_Names, SyncFlowContext[Any]):
    """The context of a ``def`` handler."""

    __slots__ = ("_config",)

    def __init__(self, ctx: BaseContext[Any], config: StepConfig) -> None:
        super().__init__(ctx._run, ctx._loggers)
        self._config = config


class Tracked:
    """State or a stream, whose calls take effect also when nobody awaits them."""

    def __init__(self, target: Any, ctx: Context) -> None:
        self._target = target
        self._ctx = ctx

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._target, name)
        if not inspect.iscoroutinefunction(verb):
            return verb

        def call(*args: Any, **kwargs: Any) -> Any:
            work = verb(*args, **kwargs)
            return self._ctx.track(_as_legacy(work) if self._ctx.legacy else work)

        return call


class TrackedStreams:
    """``ctx.streams``: each stream by its name."""

    def __init__(self, target: Any, ctx: Context) -> None:
        self._target = target
        self._ctx = ctx

    def disconnect(self, context: Any = None, /, **fields: Any) -> Any:
        return self._ctx.track(self._target.disconnect(context, **fields))

    def __getattr__(self, name: str) -> Tracked:
        return Tracked(getattr(self._target, name), self._ctx)

    def __getitem__(self, name: str) -> Tracked:
        return Tracked(self._target[name], self._ctx)

    def get(self, name: str) -> Tracked:
        return self[name]


class Item(dict[str, Any]):
    """What 0.x returned from ``set``: the new value itself; the change is at hand as well.

    Attributes:
        old_value, new_value: as in a ``Change``.
    """

    old_value: Any
    new_value: Any

    def __missing__(self, key: str) -> Any:
        if key in {"old_value", "new_value"}:
            return getattr(self, key)
        raise KeyError(key)


async def _as_legacy(work: Coroutine[Any, Any, Any]) -> Any:
    result = await work
    if not isinstance(result, Change):
        return result
    if not isinstance(result.new_value, dict):
        return result.new_value
    item = Item(result.new_value)
    item.old_value, item.new_value = result.old_value, result.new_value
    return item


def _check_declared(ctx: Context, topic: Any) -> None:
    """0.x dropped what a step had not declared; the documentation says so nowhere, so it is told and sent."""
    name = (topic.get("topic") or topic.get("type")) if isinstance(topic, Mapping) else topic
    declared = [item.topic for item in ctx._config.enqueues]
    if not declared or name in declared:
        return
    sentence = f"step {ctx.step!r} emits {name!r}, which its config does not declare; add it to emits"
    if getattr(getattr(ctx._run.app, "settings", None), "strict_topics", False):
        raise UnknownTopic(sentence)
    if (ctx.step, name) not in _told:
        _told.add((ctx.step, name))
        _log.warning("%s", sentence)


_told: set[tuple[str, Any]] = set()


def context_as(config: StepConfig, *, legacy: bool) -> Callable[[Any], Any]:
    """Turns our contexts into Motia's; leaves everything else, such as a test's own, as it is."""

    def turned(ctx: Any) -> Any:
        if type(ctx) is FlowContext:
            return Context(ctx, config, legacy=legacy)
        return SyncContext(ctx, config) if type(ctx) is SyncFlowContext else ctx

    return turned

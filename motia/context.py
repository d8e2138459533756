"""What a handler is given as ``ctx``.

``FlowContext`` is for ``async def`` handlers; ``SyncFlowContext`` has the same names, blocking, for ``def`` handlers.
Both are faces of one ``Run``: no logic is written twice.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from motia.ambient import App
from motia.changes import State, Ttl
from motia.concurrency import Bridge
from motia.declarations import snake
from motia.errors import ConfigError
from motia.inputs import Change, TriggerInfo
from motia.items import Streams
from motia.items_blocking import SyncStreams
from motia.leases import Lease
from motia.logs import StepLogger
from motia.messages import Delivery, Receipt
from motia.messenger import Messenger
from motia.steps import StepName
from motia.stores.updates import MISSING
from motia.tracing import Recording, Trace, continued

InputT = TypeVar("InputT")
_MATCH_NAMES = {"api": "http", "event": "queue"}


class Services(Protocol):
    """What a context works with: one for async handlers, one over the blocking driver.

    Attributes:
        app: made current while the handler runs.
        messenger, state, streams: the verbs.
        bridge: runs one of their coroutines from blocking code.
        portal: runs one that waits for others, on a loop of its own.
    """

    app: App
    messenger: Messenger
    state: State
    streams: Streams
    bridge: Bridge
    portal: Bridge

    async def invoke(self, step: StepName, value: Any, trigger: str | None) -> Any:
        """Run a step in this process, in this trace."""
        ...

    async def ensure_held(self, run: Run) -> None:
        """Raise ``LeaseLost`` where another worker has the delivery of a run; asks the backend when in doubt."""
        ...

    def transaction(self, run: Run, connection: Any, session: Any) -> AbstractAsyncContextManager[Any]:
        """A transaction in which the handler's writes, sends and acknowledgement commit together."""
        ...


class Run:
    """One run of a step, shared by the faces that look at it.

    Attributes:
        delivery: None for http and ``invoke``.
        settled: the acknowledgement has been committed by ``ctx.transaction()``.
        committed: the same in the database of the outbox, so the queue is yet to be told.
        lease: of the delivery; None where there is none that another worker could take.
        recording: for the Workbench; None where nothing is recorded.
    """

    __slots__ = ("_fields", "_logger", "_trace", "blocking", "committed", "delivery", "input", "lease", "recording",
                 "settled", "step", "trigger", "waiting")  # fmt: skip

    def __init__(
        self,
        step: str,
        trigger: TriggerInfo,
        trace: Trace | None,
        input: Any,
        services: tuple[Services, Services],
        delivery: Delivery | None = None,
    ) -> None:
        self.step = step
        self.trigger = trigger
        self._trace = trace
        self.input = input
        self.delivery = delivery
        self.waiting, self.blocking = services
        self.settled = False
        self.committed = False
        self.lease: Lease | None = None
        self.recording: Recording | None = None
        self._logger: StepLogger | None = None
        self._fields: Mapping[str, Any] | None = None

    @property
    def trace(self) -> Trace:
        """The span it runs in. Where none was known it is made when somebody asks, which most handlers do not."""
        if self._trace is None:
            made = continued(self.delivery.traceparent if self.delivery else None)
            self._trace = self._trace or made  # another thread of the handler's may have been first
        return self._trace

    @trace.setter
    def trace(self, trace: Trace) -> None:
        self._trace = trace

    @property
    def begins_trace(self) -> bool:
        """Whether nobody has named a trace that it belongs to, or asked for its own."""
        return self._trace is None

    @property
    def app(self) -> App:
        """The app that ambient functions use inside this run."""
        return self.waiting.app

    @property
    def fields(self) -> Mapping[str, Any]:
        """What every log line of this run carries."""
        if self._fields is None:
            self._fields = {"step": self.step, "trace_id": self.trace.trace_id}
            if self.delivery is not None:
                self._fields |= {"delivery_id": self.delivery.id, "attempt": self.delivery.attempt}
        return self._fields


class BaseContext(Generic[InputT]):
    """What both kinds of context share; see ``FlowContext``."""

    __slots__ = ("_loggers", "_run")

    def __init__(self, run: Run, loggers: Callable[[Run], StepLogger]) -> None:
        self._run = run
        self._loggers = loggers

    @property
    def trace_id(self) -> str:
        """The W3C trace id, 32 hex digits, equal for everything that one request set off."""
        return self._run.trace.trace_id

    if TYPE_CHECKING:
        traceId: str  # noqa: N815  # Motia's name
        idempotency_key: str | None
    else:

        def __getattr__(self, name: str) -> Any:
            known = "delivery_id" if name == "idempotency_key" else snake(name)
            if known == name or name.startswith("_"):
                raise AttributeError(f"{type(self).__name__} has no {name!r}")
            return getattr(self, known)

    @property
    def trigger(self) -> TriggerInfo:
        """Which trigger started this run."""
        return self._run.trigger

    @property
    def input(self) -> InputT:
        """The validated input, as the handler's first parameter gets it."""
        value: InputT = self._run.input
        return value

    @property
    def step(self) -> str:
        """The name of the step."""
        return self._run.step

    @property
    def attempt(self) -> int:
        """1 for the first attempt of a delivery; 1 for http."""
        return self._run.delivery.attempt if self._run.delivery else 1

    @property
    def redelivered(self) -> bool:
        """Whether this delivery may have run before, to its end or not."""
        delivery = self._run.delivery
        return delivery is not None and delivery.token > 1  # what was handed back keeps its attempt, and not its token

    @property
    def lease_lost(self) -> bool:
        """Whether another worker has this delivery now: what this run still does is done twice."""
        lease = self._run.lease
        return lease is not None and lease.verdict == "lost"

    def check(self) -> None:
        """Ask whether to go on, between the parts of long work and before what cannot be undone. Costs nothing.

        Raises:
            LeaseLost: the delivery was cancelled, ran too long, belongs to another worker, or has not been renewed for
                four fifths of its lease, so that it may soon. What comes of the error is not counted as a failure.
        """
        if self._run.lease is not None and self._run.delivery is not None:
            self._run.lease.check(self._run.delivery.id)

    @property
    def delivery_id(self) -> str | None:
        """Stable over all attempts of a delivery, and so the idempotency key for other systems: ``ctx.idempotency_key``
        is the same. None for http."""
        return self._run.delivery.id if self._run.delivery else None

    @property
    def logger(self) -> StepLogger:
        """Logs with step, delivery, attempt and trace id bound."""
        if self._run._logger is None:
            self._run._logger = self._loggers(self._run)
        return self._run._logger

    @property
    def is_http(self) -> TypeCheck:
        return TypeCheck(self._run.trigger.type == "http")

    @property
    def is_queue(self) -> TypeCheck:
        return TypeCheck(self._run.trigger.type == "queue")

    @property
    def is_cron(self) -> TypeCheck:
        return TypeCheck(self._run.trigger.type == "cron")

    @property
    def is_state(self) -> TypeCheck:
        return TypeCheck(self._run.trigger.type == "state")

    @property
    def is_stream(self) -> TypeCheck:
        return TypeCheck(self._run.trigger.type == "stream")

    def get_data(self) -> Any:
        """The body of an http request, the payload of a message, None for cron."""
        if self._run.trigger.type == "http":
            return self._run.input.body
        return None if self._run.trigger.type == "cron" else self._run.input

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._run.step!r}, {self._run.trigger.type}>"


class FlowContext(BaseContext[InputT]):
    """What an ``async def`` handler is given."""

    __slots__ = ()

    @property
    def state(self) -> State:
        """Values under groups and keys; changes fire ``state`` triggers."""
        state = self._run.waiting.state
        return state if self._run.lease is None else state.behind(partial(self._run.waiting.ensure_held, self._run))

    @property
    def streams(self) -> Streams:
        """Named, grouped items whose changes reach subscribers: ``ctx.streams.todo.set(group, id, data)``."""
        streams = self._run.waiting.streams
        return streams if self._run.lease is None else streams.behind(partial(self._run.waiting.ensure_held, self._run))

    async def enqueue(self, topic: str | Mapping[str, Any], data: Any = None, **options: Any) -> Receipt:
        """Send a message; takes the options of ``motia.messenger.Messenger.enqueue``.

        Raises:
            LeaseLost: another worker has this delivery now, so nothing was sent.
        """
        await self._run.waiting.ensure_held(self._run)
        return await self._run.waiting.messenger.enqueue(topic, data, **options)

    emit = enqueue

    async def enqueue_many(self, items: Iterable[Any], **options: Any) -> list[Receipt]:
        """Send many messages in one transaction, all or none. Errors: see ``enqueue``."""
        await self._run.waiting.ensure_held(self._run)
        return await self._run.waiting.messenger.enqueue_many(items, **options)

    async def invoke(self, step: StepName, input: Any = None, trigger: str | None = None) -> Any:
        """Run another step in this process, in this trace, and return its result.

        Raises:
            UnknownStep: no step of that name is in this app.
        """
        return await self._run.waiting.invoke(step, input, trigger)

    async def match(self, handlers: Mapping[str, Callable[..., Any]]) -> Any:
        """Call the handler for this run's kind of trigger: ``http queue cron state stream default``."""
        result = _matched(self._run, handlers, self)()
        return await result if inspect.isawaitable(result) else result

    def transaction(self, connection: Any = None, session: Any = None) -> AbstractAsyncContextManager[Any]:
        """A transaction: the writes of the block, its sends and this delivery's acknowledgement commit together.

        Yields the backend's own connection, or what it was given. Once the block has committed, a death never runs the
        delivery again.

        Args:
            connection: one of the caller's to the queue's database, committed after the block.
            session: the same as a ``Session`` or ``AsyncSession`` of SQLAlchemy.

        Raises:
            LeaseLost: another worker has this delivery now; everything was rolled back.
        """
        return self._run.waiting.transaction(self._run, connection, session)


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
        return _matched(self._run, handlers, self)()

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


class TypeCheck(int):
    """True or false, and callable: ``ctx.is_queue`` and Motia's ``ctx.is_queue()`` say the same."""

    def __call__(self) -> bool:
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))


def _matched(run: Run, handlers: Mapping[str, Callable[..., Any]], ctx: Any) -> Callable[[], Any]:
    chosen = {_MATCH_NAMES.get(name, name): handler for name, handler in handlers.items()}
    handler = chosen.get(run.trigger.type) or chosen.get("default")
    if handler is None:
        raise ConfigError(
            f"No handler defined for trigger type: {run.trigger.type}. Available handlers: {', '.join(handlers)}"
        )
    if not callable(handler):
        raise ConfigError(f"match expected functions, got {handler!r} for {run.trigger.type}")
    names = _positional(handler)
    if not names:
        return handler
    if len(names) == 1:
        return lambda: handler(ctx if names[0] in {"ctx", "context"} else run.input)
    return lambda: handler(run.input, ctx)


def _positional(handler: Callable[..., Any]) -> list[str]:
    """The names of the parameters that a function takes by place; two where it takes any number."""
    try:
        params = inspect.signature(handler).parameters.values()
    except ValueError:  # some that are written in C do not say
        return ["input"]
    if any(param.kind is param.VAR_POSITIONAL for param in params):
        return ["input", "ctx"]
    return [param.name for param in params if param.kind in {param.POSITIONAL_ONLY, param.POSITIONAL_OR_KEYWORD}]

"""What a handler is given as ``ctx``.

``FlowContext`` is for ``async def`` handlers; ``SyncFlowContext``, in ``motia.context_blocking``, has the same names,
blocking, for ``def`` handlers. Both are faces of one ``Run``: no logic is written twice.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from motia.changes import State
from motia.declarations import snake
from motia.errors import ConfigError
from motia.inputs import TriggerInfo
from motia.items import Streams
from motia.logs import StepLogger
from motia.messages import Receipt
from motia.runs import Run
from motia.steps import StepName

InputT = TypeVar("InputT")
_MATCH_NAMES = {"api": "http", "event": "queue"}


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
        result = matched(self._run, handlers, self)()
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


class TypeCheck(int):
    """True or false, and callable: ``ctx.is_queue`` and Motia's ``ctx.is_queue()`` say the same."""

    def __call__(self) -> bool:
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))


def matched(run: Run, handlers: Mapping[str, Callable[..., Any]], ctx: Any) -> Callable[[], Any]:
    """The handler for a run's kind of trigger, with what it takes.

    Raises:
        ConfigError: there is none, or it is no function.
    """
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

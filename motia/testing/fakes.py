"""A fake ``ctx``: the real context over services that record. No app, and nothing leaves the process."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast

from motia.changes import State
from motia.clock import SystemClock
from motia.codec import loads
from motia.concurrency import Bridge, Portal, drive
from motia.context import BaseContext, FlowContext
from motia.context_blocking import SyncFlowContext
from motia.databases.sqlite import SyncSqlite
from motia.databases.sqlite_files import SqliteFile
from motia.errors import UnknownStep
from motia.inputs import TriggerInfo
from motia.items import Streams
from motia.logs import StepLogger
from motia.messages import STATE_TOPIC, STREAM_TOPIC, Message, Receipt
from motia.messenger import Messenger
from motia.queues.base import Queue
from motia.runs import Run
from motia.steps import StepName, name_of
from motia.stores.sql import SqlStore
from motia.streams.sql import SqlStreams
from motia.streams.tail import Tails
from motia.tracing import new_trace

PAYLOAD_LIMIT = 256 * 1024


class LogLine(NamedTuple):
    """One line a handler has logged."""

    level: str
    message: str
    fields: Mapping[str, Any]


class RecordingQueue:
    """Takes messages and delivers them to nobody."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def subscribers(self, topic: str) -> int:
        return 1

    async def publish(self, messages: Sequence[Message], *, via: Any = None) -> list[Receipt]:
        own = (STATE_TOPIC, STREAM_TOPIC)
        self.messages.extend(message for message in messages if not message.topic.startswith(own))
        return [Receipt(message.id) for message in messages]


class FakeServices:
    """The services of a fake context: real messenger and state, over a queue that records and a store in memory."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.app: Any = None
        self.bridge: Bridge = drive
        self.portal: Bridge = Portal()
        self.queue = RecordingQueue()
        self.invoked: list[tuple[str, Any]] = []
        self._answers = answers
        queue = cast("Queue", self.queue)
        database = SyncSqlite(SqliteFile(":memory:"))
        store, streams = SqlStore(database, SystemClock()), SqlStreams(database, SystemClock())
        drive(store.migrate())
        drive(streams.migrate())
        self.messenger: Messenger = _Recording(queue, None, (), payload_limit=PAYLOAD_LIMIT, strict_topics=False)
        self.state = State(store, queue, joined=False, value_limit=PAYLOAD_LIMIT)
        self.streams = Streams(streams, queue, Tails(streams), joined=False, value_limit=PAYLOAD_LIMIT)

    async def invoke(self, step: StepName, value: Any, trigger: str | None) -> Any:
        step = name_of(step)
        self.invoked.append((step, value))
        if step not in self._answers:
            raise UnknownStep(
                f"this fake context knows no answer of step {step!r}; give it as invoke={{{step!r}: ...}}"
            )
        answer = self._answers[step]
        result = answer(value) if callable(answer) else answer
        return await result if inspect.isawaitable(result) else result

    async def ensure_held(self, run: Run) -> None:
        """Nobody else has what a test runs."""

    @asynccontextmanager
    async def transaction(self, run: Run, connection: Any = None, session: Any = None) -> AsyncIterator[Any]:
        yield connection if session is None else session


class _Recording(Messenger):
    """Records what is sent on a connection of the caller like everything else."""

    async def _send(self, messages: list[Message], connection: Any, session: Any) -> list[Receipt]:
        return await self._queue.publish(messages)


class Recorded:
    """What a fake context has seen. Mixed into both kinds."""

    _run: Run

    @property
    def _services(self) -> FakeServices:
        return cast("FakeServices", self._run.waiting)

    @property
    def enqueued(self) -> list[tuple[str, Any]]:
        """What was sent, as ``(topic, data)``, the data as a subscriber would get it."""
        return [(message.topic, loads(message.payload)) for message in self.messages]

    @property
    def messages(self) -> list[Message]:
        """What was sent, with its options."""
        return self._services.queue.messages

    @property
    def invoked(self) -> list[tuple[str, Any]]:
        """The steps that were invoked, as ``(name, input)``."""
        return self._services.invoked

    @property
    def logs(self) -> list[LogLine]:
        """What was logged."""
        logger = cast("BaseContext[Any]", self).logger._logger
        return cast("_Lines", logger.handlers[0]).lines


class FakeContext(Recorded, FlowContext[Any]):
    """A fake ``FlowContext``; see ``fake_context``."""

    __slots__ = ()


class FakeSyncContext(Recorded, SyncFlowContext[Any]):
    """A fake ``SyncFlowContext``; see ``fake_sync_context``."""

    __slots__ = ()


def fake_context(
    input: Any = None,
    *,
    step: str = "step-under-test",
    trigger: TriggerInfo | str = "queue",
    trace_id: str | None = None,
    invoke: Mapping[str, Any] | None = None,
) -> FakeContext:
    """A ``ctx`` for unit tests of ``async def`` handlers.

    It records what is sent (``enqueued``), logged (``logs``) and invoked (``invoked``); its state is real, in memory,
    and its codec as strict as in production.

    Args:
        input: what ``ctx.input`` says.
        trigger: what ``ctx.trigger`` says, or its type.
        trace_id: 32 hex digits; default: a new one.
        invoke: the answers of ``ctx.invoke`` by step: values, or functions of the input.
    """
    return FakeContext(_run(input, step, trigger, trace_id, invoke), _logger)


def fake_sync_context(
    input: Any = None,
    *,
    step: str = "step-under-test",
    trigger: TriggerInfo | str = "queue",
    trace_id: str | None = None,
    invoke: Mapping[str, Any] | None = None,
) -> FakeSyncContext:
    """A ``ctx`` for unit tests of ``def`` handlers; see ``fake_context``."""
    return FakeSyncContext(_run(input, step, trigger, trace_id, invoke), _logger)


def _run(
    value: Any, step: str, trigger: TriggerInfo | str, trace_id: str | None, invoke: Mapping[str, Any] | None
) -> Run:
    services = FakeServices(invoke or {})
    trace = new_trace() if trace_id is None else new_trace()._replace(trace_id=trace_id)
    info = TriggerInfo(trigger) if isinstance(trigger, str) else trigger
    return Run(step, info, trace, value, (services, services))


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[LogLine] = []

    def emit(self, record: logging.LogRecord) -> None:
        fields = {key: value for key, value in getattr(record, "motia", {}).items() if key not in {"step", "trace_id"}}
        self.lines.append(LogLine(record.levelname.lower(), record.getMessage(), fields))


def _logger(run: Run) -> StepLogger:
    """A logger of its own, so that tests neither see each other's lines nor print them."""
    logger = logging.Logger(f"motia.step.{run.step}", logging.DEBUG)
    logger.addHandler(_Lines())
    return StepLogger(logger, run.fields)

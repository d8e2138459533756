"""From a request or a delivery to a run of its step, and back to an answer or a settlement."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from opentelemetry.trace import SpanKind

from motia import tracing
from motia.clock import Clock, SystemClock
from motia.codec import loads
from motia.concurrency import ThreadPool, drive, is_being_cancelled
from motia.errors import (
    Decision,
    Discard,
    LeaseLost,
    QueueUnavailable,
    Retry,
    StorageError,
    ValidationFailed,
)
from motia.execution import SKIPPED, call_here, execute
from motia.inputs import Record, StateTriggerInput, StreamTriggerInput, TriggerInfo
from motia.leases import Lease
from motia.messages import STEP_TOPIC, Delivery, Reason, Settlement
from motia.plans import Plan
from motia.policies import MAX_ERROR_TEXT, PARK_DELAY, PARK_LIMIT
from motia.queues.outbox import Outbox
from motia.recording import begin, invoked, recorded, watched
from motia.redaction import redact_text
from motia.registry import Registry
from motia.requests import ApiRequest, QueryParams
from motia.runs import Run, Services
from motia.tracing import Recorder, Trace
from motia.tracing.faults import error_text, raised

_log = logging.getLogger("motia.worker")
_spread = random.Random()  # noqa: S311  # spreads retries


class Dispatcher:
    """Resolves a trigger, makes the context, runs the step.

    Args:
        registry: the steps.
        services: for async handlers, and for blocking ones.
        threads: where ``def`` handlers of the worker and of ASGI hosts run.
        outbox: knows of deliveries that were done in a transaction of its database.
        recorder: of runs, for the Workbench; None where nothing is recorded.
        clock: what runs of schedules are told the time by.
    """

    def __init__(
        self,
        registry: Registry,
        services: tuple[Services, Services],
        threads: ThreadPool,
        outbox: Outbox | None = None,
        recorder: Recorder | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.registry = registry
        self._clock = clock or SystemClock()
        self.recorder = recorder
        self._outbox = outbox
        self._services = services
        self._threads = threads

    def run_for(self, plan: Plan, parent: Trace | None) -> Run:
        """The run of a request whose input is still to be read.

        Args:
            parent: the trace that the request names.
        """
        return Run(plan.name, plan.info, parent or tracing.current_trace(), None, self._services)

    async def on_request(self, plan: Plan, run: Run, *, parent: Trace | None, inline: bool = False) -> Any:
        """Run an http step; what its handler returned, or ``SKIPPED``.

        Args:
            parent: the trace that the request names.
            inline: run ``def`` handlers on this very thread.
        """
        threads = None if inline else self._threads
        if run.begins_trace and not tracing.is_recorded():
            return await self._executed(plan, run, threads, None)
        around = tracing.current_trace()
        if parent is not None and around is not None:
            parent = None  # the host app has a span of its own for this request

        def attributes() -> Mapping[str, Any]:
            return {"motia.step.name": plan.name, "motia.trigger.type": "http", "http.route": plan.info.path}

        with tracing.span(plan.span_name, parent, attributes, SpanKind.SERVER, fresh=run.trace) as run.trace:
            return await self._executed(plan, run, threads, parent or around)

    def note(self, plan: Plan, run: Run, parent: Trace | None) -> None:
        """Record a request that never got to its step, such as one with a bad body."""
        if self.recorder is not None and run.recording is None:
            run.trace = run.trace if parent is None else tracing.child_of(parent)
            begin(self.recorder, plan, run, parent)

    def _executed(
        self, plan: Plan, run: Run, threads: ThreadPool | None, parent: Trace | None
    ) -> Coroutine[Any, Any, Any]:
        """Run a step in the span that ``run.trace`` names, caused by ``parent``."""
        work = execute(plan, run, threads)
        return work if self.recorder is None else watched(self.recorder, plan, run, parent, work)

    def on_request_here(self, plan: Plan, run: Run, *, parent: Trace | None) -> Any:
        """``on_request`` on this thread, for a step that needs no event loop; where nobody looks, it is just called."""
        if plan.is_plain and run.begins_trace and self.recorder is None and not tracing.is_recorded():
            return call_here(plan, run)
        return drive(self.on_request(plan, run, parent=parent, inline=True))

    async def on_message(self, delivery: Delivery, lease: Lease | None = None) -> Settlement | None:
        """Run a delivery; what to tell the queue, or None when ``ctx.transaction()`` has told it already.

        Args:
            lease: under which it is held; None where nobody else can take it.
        """
        plan = self.registry.plans.get(delivery.subscription)
        if plan is None:
            return _parked(delivery, "unknown_step", f"no step for {delivery.subscription!r} in this app")
        if self._outbox is not None and delivery.token > 1 and (known := await _known(self._outbox, delivery)):
            return known
        run = Run(plan.name, plan.info, None, None, self._services, delivery)
        run.lease = lease
        work = self._consumed(plan, delivery, run)
        return await (work if self.recorder is None else recorded(self.recorder, plan, run, work))

    async def _consumed(self, plan: Plan, delivery: Delivery, run: Run) -> Settlement | None:
        try:
            run.input, run.trigger = _read(plan, delivery, self._clock)
        except Unreadable as error:
            return _settled(delivery, "dead", reason="undecodable", error=str(error))
        except ValidationFailed as error:
            return _parked(delivery, "schema", str(error))
        except Exception as error:  # a validator of the step's own raised
            return _failed(plan, delivery, run, error)

        try:
            await (self._traced(plan, run, delivery) if tracing.is_recorded() else self._execution(plan, run))
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_being_cancelled():
                raise
            # Whatever a handler raises is an outcome, not a fault of the worker.
            if not run.committed:
                return None if run.settled else _outcome(plan, delivery, run, error)
            _log.error("step %r failed after its transaction, which stays", plan.name, exc_info=error)
        return None if run.settled else Settlement(delivery.handle, delivery.token, "done")

    async def _traced(self, plan: Plan, run: Run, delivery: Delivery) -> None:
        parent = tracing.traceparent_of(delivery.traceparent) or tracing.new_trace()

        def attributes() -> Mapping[str, Any]:
            return {
                "motia.step.name": plan.name,
                "motia.trigger.type": run.trigger.type,
                "messaging.destination.name": delivery.topic,
                "messaging.message.id": delivery.message_id,
            }

        with tracing.span(plan.span_name, parent, attributes, SpanKind.CONSUMER) as run.trace:
            await self._execution(plan, run)

    def _execution(self, plan: Plan, run: Run) -> Coroutine[Any, Any, Any]:
        """The run of a delivery, within whatever the host wants around it."""
        execution, session = self._executed(plan, run, self._threads, None), self._threads.session()
        return execution if session is None else _within(session, execution)

    async def invoke(self, plan: Plan, value: Any, *, inline: bool) -> Any:
        """Run a step for ``ctx.invoke``: validated like a message, with its condition, without a delivery."""
        value = _given(plan, value)
        if plan.schema is not None and plan.info.type != "http":
            value = plan.schema.from_python(value, f"the input of step {plan.name!r}")

        around = tracing.current_trace()

        def attributes() -> Mapping[str, Any]:
            return {"motia.step.name": plan.name, "motia.trigger.type": plan.info.type}

        with tracing.span(plan.span_name, None, attributes) as here:
            run = Run(plan.name, plan.info, here, value, self._services)
            work = execute(plan, run, None if inline else self._threads)
            result = await (work if self.recorder is None else invoked(self.recorder, plan, run, around, work))
        return None if result is SKIPPED else result


async def _within(session: AbstractAsyncContextManager[None], execution: Coroutine[Any, Any, Any]) -> None:
    async with session:
        await execution


async def _known(outbox: Outbox, delivery: Delivery) -> Settlement | None:
    """What becomes of a delivery that was claimed before, if an earlier run has committed and died untold."""
    try:
        return _settled(delivery, "done") if await outbox.is_settled(delivery) else None
    except (QueueUnavailable, StorageError) as error:
        _log.warning("delivery %s is handed back: whether it was done cannot be told: %s", delivery.id, error)
        return _settled(delivery, "release")


def timed_out(plan: Plan | None, delivery: Delivery, seconds: float) -> Settlement:
    """What becomes of a delivery whose handler ran too long."""
    error = f"the handler ran longer than {seconds:g} s and was cancelled"
    if plan is None or delivery.attempt > plan.config.max_retries:
        return _settled(delivery, "dead", reason="timeout", error=error)
    return _settled(delivery, "retry", plan.backoff.delay(delivery.attempt, _spread), "timeout", error)


class Unreadable(Exception):  # never leaves this file
    """A payload that no worker will ever make sense of."""


def _read(plan: Plan, delivery: Delivery, clock: Clock) -> tuple[Any, TriggerInfo]:
    """The handler's input, and what ``ctx.trigger`` says.

    Raises:
        Unreadable: the payload is damaged.
        ValidationFailed: it does not fit the schema that this code has.
    """
    kind = plan.info.type
    if kind == "queue" and plan.schema is not None:
        try:
            what = f"a message of {delivery.topic!r} for step {plan.name!r}"
            return plan.schema.from_json(delivery.payload, what), plan.info
        except ValidationFailed as error:
            if error.malformed:
                raise Unreadable(str(error)) from error
            raise
    try:
        data = loads(delivery.payload)
    except ValueError as error:
        raise Unreadable(f"the payload is not JSON: {error}") from error
    if delivery.topic.startswith(STEP_TOPIC):
        return _given(plan, data), plan.info
    try:
        return _READERS.get(kind, _as_it_is)(plan, data, clock)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Unreadable(f"the payload is not that of a {kind} trigger: {type(error).__name__}: {error}") from error


def _given(plan: Plan, data: Any) -> Any:
    """The input of a step that was given ``data`` by ``invoke`` or ``step.enqueue``, and not by its trigger."""
    kind = plan.info.type
    if kind == "http":
        return _request(plan, data)
    if kind in _EVENTS:
        return _EVENTS[kind].of(data) or data
    return None if kind == "cron" else data


def _as_it_is(plan: Plan, data: Any, clock: Clock) -> tuple[Any, TriggerInfo]:
    return data, plan.info


def _tick(plan: Plan, data: Any, clock: Clock) -> tuple[Any, TriggerInfo]:
    return None, TriggerInfo(
        "cron",
        plan.index,
        expression=plan.info.expression,
        scheduled_time=datetime.fromtimestamp(data["scheduled_time"], UTC),
        actual_time=datetime.fromtimestamp(clock.now(), UTC),
        missed=data.get("missed", 0),
    )


def _change(plan: Plan, data: Any, clock: Clock) -> tuple[Any, TriggerInfo]:
    return StateTriggerInput(**data), TriggerInfo("state", plan.index, group_id=data["group_id"])


def _stream_change(plan: Plan, data: Any, clock: Clock) -> tuple[Any, TriggerInfo]:
    change = StreamTriggerInput.of_wire(data)
    return change, replace(plan.info, group_id=change.group_id)


_EVENTS: dict[str, type[Record]] = {"state": StateTriggerInput, "stream": StreamTriggerInput}
_READERS = {"cron": _tick, "state": _change, "stream": _stream_change}


def _request(plan: Plan, value: Any) -> ApiRequest[Any]:
    if isinstance(value, ApiRequest):
        request = copy(value)
    else:
        request = ApiRequest.read(value)
        request.method, request.path = plan.info.method or "GET", plan.info.path or "/"
    if plan.schema is not None:
        request.body = plan.schema.from_python(request.body, f"the body for step {plan.name!r}")
    if plan.query is not None:
        query = request.query_params
        values = query.shaped(plan.query.lists) if isinstance(query, QueryParams) else query
        request.query_params = plan.query.from_python(values, f"the query for step {plan.name!r}")
    return request


def _outcome(plan: Plan, delivery: Delivery, run: Run, error: BaseException) -> Settlement:
    told = run.lease is not None and run.lease.verdict is not None
    if told or isinstance(error, LeaseLost):
        _log.info("step %r ended %s early: %s", plan.name, delivery.id, error, extra={"motia": run.fields})
        return _settled(delivery, "release")
    return _failed(plan, delivery, run, error)


def _failed(plan: Plan, delivery: Delivery, run: Run, error: BaseException) -> Settlement:
    text = error_text(error, MAX_ERROR_TEXT)
    last = delivery.attempt > plan.config.max_retries
    if isinstance(error, Discard):
        _log.warning("step %r discards %s: %s", plan.name, delivery.id, error, extra={"motia": run.fields})
        return _settled(delivery, "dead", reason="discarded", error=str(error))
    if isinstance(error, Decision):
        _log.info("step %r asks to retry %s: %s", plan.name, delivery.id, error, extra={"motia": run.fields})
    else:
        verdict = "no retry is left" if last else "it will be retried"
        _log.error(
            "step %r failed, attempt %d: %s", plan.name, delivery.attempt, verdict, exc_info=raised(error),
            extra={"motia": run.fields},
        )  # fmt: skip
    if last:
        return _settled(delivery, "dead", reason="failed", error=text)
    after = error.after if isinstance(error, Retry) else None
    delay = plan.backoff.delay(delivery.attempt, _spread) if after is None else max(0.0, after)
    return _settled(delivery, "retry", delay, "failed", text)


def _parked(delivery: Delivery, reason: Reason, error: str) -> Settlement:
    """Wait for a worker with newer or older code, for a while; a deploy in progress loses nothing."""
    waited = 0.0 if delivery.parked is None else delivery.due - delivery.parked
    if waited >= PARK_LIMIT:
        _log.error("%s is a dead letter: %s", delivery.id, error)
        return _settled(delivery, "dead", reason=reason, error=error)
    _log.warning("%s waits %g s for another worker: %s", delivery.id, PARK_DELAY, error)
    return _settled(delivery, "park", PARK_DELAY, reason, error)


def _settled(
    delivery: Delivery, kind: Any, delay: float = 0.0, reason: Reason | None = None, error: str | None = None
) -> Settlement:
    return Settlement(delivery.handle, delivery.token, kind, delay, reason, error and redact_text(error))

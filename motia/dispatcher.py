"""From a request or a delivery to a run of its step, and back to an answer or a settlement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from opentelemetry.trace import SpanKind

from motia import tracing
from motia.clock import Clock, SystemClock
from motia.concurrency import ThreadPool, drive, is_being_cancelled
from motia.errors import (
    ValidationFailed,
)
from motia.execution import SKIPPED, call_here, execute
from motia.leases import Lease
from motia.messages import Delivery, Settlement
from motia.outcomes import failed, known, outcome, parked, settled
from motia.payloads import Unreadable, given, read
from motia.plans import Plan
from motia.queues.outbox import Outbox
from motia.recording import begin, invoked, recorded, watched
from motia.registry import Registry
from motia.runs import Run, Services
from motia.tracing import Recorder, Trace

_log = logging.getLogger("motia.worker")


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
            return parked(delivery, "unknown_step", f"no step for {delivery.subscription!r} in this app")
        if self._outbox is not None and delivery.token > 1 and (done := await known(self._outbox, delivery)):
            return done
        run = Run(plan.name, plan.info, None, None, self._services, delivery)
        run.lease = lease
        work = self._consumed(plan, delivery, run)
        return await (work if self.recorder is None else recorded(self.recorder, plan, run, work))

    async def _consumed(self, plan: Plan, delivery: Delivery, run: Run) -> Settlement | None:
        try:
            run.input, run.trigger = read(plan, delivery, self._clock)
        except Unreadable as error:
            return settled(delivery, "dead", reason="undecodable", error=str(error))
        except ValidationFailed as error:
            return parked(delivery, "schema", str(error))
        except Exception as error:  # a validator of the step's own raised
            return failed(plan, delivery, run, error)

        try:
            await (self._traced(plan, run, delivery) if tracing.is_recorded() else self._execution(plan, run))
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_being_cancelled():
                raise
            # Whatever a handler raises is an outcome, not a fault of the worker.
            if not run.committed:
                return None if run.settled else outcome(plan, delivery, run, error)
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
        value = given(plan, value)
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

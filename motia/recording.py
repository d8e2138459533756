"""What the recorder is told of a run: how a request, a delivery and an ``invoke`` look as a span."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from motia.execution import SKIPPED
from motia.leases import Verdict
from motia.messages import STEP_TOPIC, Delivery, Settlement
from motia.plans import Plan
from motia.requests import ApiRequest, ApiResponse
from motia.runs import Run
from motia.tracing import Recorder, Recording, Trace, traceparent_of
from motia.tracing.recorder import look
from motia.tracing.records import ErrorRecord, Kind, SpanRecord, Status
from motia.triggers import StateTrigger, StreamTrigger

_OF_SETTLEMENTS: Mapping[str, Status] = {"done": "ok", "retry": "retry", "release": "released", "park": "parked"}
_OF_VERDICTS: Mapping[Verdict, Status] = {"lost": "released", "released": "released", "cancelled": "cancelled"}


def begin(recorder: Recorder, plan: Plan, run: Run, parent: Trace | None, kind: Kind | None = None) -> Recording:
    """Record the start of a run in the span that it is in.

    Args:
        parent: the span that caused it; that of a delivery is known by its message.
        kind: default: that of its trigger.
    """
    delivery, now = run.delivery, recorder.now_us()
    if delivery is not None:
        parent = traceparent_of(delivery.traceparent)
    run.recording = recorder.begin(
        SpanRecord(
            run.trace.trace_id,
            run.trace.span_id,
            None if parent is None else parent.span_id,
            plan.name,
            kind or run.trigger.type,  # type: ignore[arg-type]  # triggers are of these kinds
            f"invoke {plan.name}" if kind else _name(plan, delivery),
            tuple(plan.step.config.flows),
            1 if delivery is None else delivery.attempt,
            1 if delivery is None else plan.config.max_retries + 1,
            now,
            None,
            None if delivery is None else max(0, now - int(delivery.due * 1e6)),
            "running",
            _input(run.input),
            message_id=None if delivery is None else delivery.message_id,
            topic=None if delivery is None else delivery.topic,
            attrs=_attributes(run, delivery),
        )
    )
    return run.recording


def _name(plan: Plan, delivery: Delivery | None) -> str:
    """What set it off, by what was declared."""
    trigger, info = plan.trigger, plan.info
    if delivery is not None and delivery.topic.startswith(STEP_TOPIC):
        return f"step {plan.name}"
    if isinstance(trigger, (StateTrigger, StreamTrigger)):
        return changes_of(trigger)
    return f"{info.method} {info.path}" if info.type == "http" else info.topic or info.expression or plan.name


def changes_of(trigger: StateTrigger | StreamTrigger) -> str:
    """The changes that a trigger listens to, in words."""
    if isinstance(trigger, StateTrigger):
        return f"state {trigger.group or '*'}/{trigger.key or '*'}"
    return f"stream {trigger.name}/{trigger.group_id or '*'}/{trigger.item_id or '*'}"


def _input(value: Any) -> str | None:
    if isinstance(value, ApiRequest):
        value = {
            "body": value.body,
            "path_params": value.path_params,
            "query_params": value.query_params,
            "headers": value.headers,
            "path": value.path,
        }
    return None if value is None else look(value)


def _attributes(run: Run, delivery: Delivery | None) -> dict[str, Any]:
    if delivery is None:
        return {}
    found: dict[str, Any] = {"delivery_id": delivery.id}
    if delivery.crashes:
        found["crashes"] = delivery.crashes
    if delivery.group is not None:
        found["group"] = delivery.group
    if run.trigger.scheduled_time is not None:
        found |= {"scheduled": run.trigger.scheduled_time.isoformat(), "missed": run.trigger.missed}
    return found


async def watched(
    recorder: Recorder, plan: Plan, run: Run, parent: Trace | None, work: Awaitable[Any], kind: Kind | None = None
) -> Any:
    """Have a step run, and note what comes of it; see ``begin``."""
    recording = begin(recorder, plan, run, parent, kind)
    try:
        result = await work
    except BaseException as error:
        recording.error = error
        raise
    recording.skipped = result is SKIPPED
    recording.output = None if recording.skipped else result
    return result


async def invoked(recorder: Recorder, plan: Plan, run: Run, parent: Trace | None, work: Awaitable[Any]) -> Any:
    """Have a step run for ``ctx.invoke``, and record how that ended."""
    status: Status = "error"
    try:
        result = await watched(recorder, plan, run, parent, work, "invoke")
        status = "skipped" if result is SKIPPED else "ok"
        return result
    finally:
        if run.recording is not None:
            run.recording.end(status)


async def recorded(recorder: Recorder, plan: Plan, run: Run, work: Awaitable[Settlement | None]) -> Settlement | None:
    """Have a delivery run, and record how it ended."""
    settlement: Settlement | None = None
    status: Status = "released"
    try:
        settlement = await work
        status = "ok" if settlement is None else _status(settlement)
    finally:
        verdict = None if run.lease is None else run.lease.verdict
        if verdict is not None and status != "ok":
            last = run.delivery is not None and run.delivery.attempt > plan.config.max_retries
            status = _OF_VERDICTS.get(verdict) or ("error" if last else "retry")
        error: ErrorRecord | None = None
        if verdict == "timeout" and status != "ok":
            error = ErrorRecord("TimeoutError", f"the handler ran longer than {plan.config.run_limit:g} s")
        elif run.recording is None and settlement is not None:
            error = ErrorRecord(settlement.reason or "", settlement.error or "")
        if run.recording is None:  # it could not be started: its payload is not what the step wants
            begin(recorder, plan, run, None)
        _end(run, status, settlement, error)
    return settlement


def _status(settlement: Settlement) -> Status:
    if settlement.kind == "dead":
        return "discarded" if settlement.reason == "discarded" else "error"
    return _OF_SETTLEMENTS[settlement.kind]


def _end(run: Run, status: Status, settlement: Settlement | None, error: ErrorRecord | None) -> None:
    assert run.recording is not None
    run.recording.error = error or run.recording.error
    run.recording.output = _output(run.recording.output)
    more: dict[str, Any] = {}
    if settlement is not None and settlement.reason is not None:
        more["reason"] = settlement.reason
    if settlement is not None and settlement.kind == "retry":
        more["retry_in"] = round(settlement.delay, 3)
    run.recording.end("skipped" if status == "ok" and run.recording.skipped else status, more)


def answered(run: Run, status: int, error: BaseException | None = None) -> None:
    """Record that a request has been answered; what the client did wrong is no error of the step's."""
    if run.recording is None:
        return
    run.recording.output = _output(run.recording.output)
    run.recording.error = error if status >= 500 else None
    ending: Status = "error" if status >= 500 else "skipped" if run.recording.skipped else "ok"
    run.recording.end(ending, {"http.status": status})


def _output(value: Any) -> Any:
    if not isinstance(value, ApiResponse):
        return value
    return {"status": value.status, "headers": value.headers, "body": value.body}

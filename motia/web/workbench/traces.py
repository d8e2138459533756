"""Traces and logs: what ran, in which order, and what it said. From the recorded runs of every process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from motia.codec import loads
from motia.errors import HttpError
from motia.redaction import HIDDEN
from motia.traces.base import LogFilter, TraceDetail, TraceFilter, TracePage, TraceStore, TraceSummary
from motia.tracing.records import ErrorRecord, EventRecord, SpanRecord
from motia.web.operations import send_to_step
from motia.web.workbench import models
from motia.web.workbench.asking import Ask, Route
from motia.web.workbench.curtain import Curtain
from motia.web.workbench.failing import fingerprint

LOOKS = 5
FAILURES = 100
"""Failed traces that are looked at for groups of failures; ten groups are shown."""


def _store(ask: Ask) -> TraceStore:
    store = ask.traces
    if store is None:
        raise HttpError(404, "the backend of this app's queue keeps no traces", code="not_recorded")
    return store


async def list_traces(ask: Ask) -> models.Page[models.TraceSummary]:
    if ask.traces is None:
        return models.Page([])
    query = ask.query
    wanted = TraceFilter(
        flow=query.get("flow"),
        step=query.get("step"),
        kind=query.get("trigger"),
        status=query.get("status"),
        min_us=ask.number("min", 0) * 1000 or None,
        q=query.get("q"),
        after_us=ask.number("since", 0) * 1000 or None,
        before_us=ask.number("before", 0) * 1000 or None,
    )
    page = await _shown(ask, wanted, query.get("hide"))
    total = None if page.total is None else models.Total(page.total)
    return models.Page([summary_of(ask.curtain, item) for item in page.items], page.next, total)


async def _shown(ask: Ask, wanted: TraceFilter, hidden: str | None) -> TracePage:
    """A page without the traces of one kind of trigger. It may be short: no more than ``LOOKS`` pages are read."""
    store = _store(ask)
    page = await store.traces(wanted, ask.limit, ask.query.get("cursor"))
    if hidden is None:
        return page
    found = [item for item in page.items if item.kind != hidden]
    for _ in range(LOOKS - 1):
        left = ask.limit - len(found)
        if page.next is None or left <= 0:
            break
        page = await store.traces(wanted, left, page.next)
        found += [item for item in page.items if item.kind != hidden]
    return TracePage(found, page.next)


async def recent_of(ask: Ask, step: str) -> list[models.TraceSummary]:
    """The newest traces of a step."""
    if ask.traces is None:
        return []
    page = await ask.traces.traces(TraceFilter(step=step), 20)
    return [summary_of(ask.curtain, item) for item in page.items]


async def failures_of(ask: Ask, after_us: int) -> list[models.FailureGroup]:
    """The newest failures, alike ones together, the newest group first."""
    if ask.traces is None:
        return []
    page = await ask.traces.traces(TraceFilter(status="error", after_us=after_us), FAILURES)
    groups: dict[str, list[TraceSummary]] = {}
    for item in page.items:
        if item.error is not None:
            groups.setdefault(fingerprint(item.error.type, item.error.message), []).append(item)
    return [_group(ask.curtain, name, items) for name, items in list(groups.items())[:10]]


def _group(curtain: Curtain, name: str, items: Sequence[TraceSummary]) -> models.FailureGroup:
    newest = items[0]
    assert newest.error is not None
    last = models.Last(newest.trace_id, newest.start_us // 1000)
    return models.FailureGroup(name, newest.error.type, curtain.text(newest.error.message)[:500], len(items), last)


def summary_of(curtain: Curtain, found: TraceSummary) -> models.TraceSummary:
    """A line of the list."""
    return models.TraceSummary(
        id=found.trace_id,
        name=found.name,
        trigger=found.kind,
        flow=list(found.flows),
        status=found.status,
        start=found.start_us // 1000,
        duration_us=found.duration_us,
        busy_us=found.busy_us,
        spans=found.spans,
        retries=found.retries,
        error=_failure(curtain, found.error),
    )


def _failure(curtain: Curtain, error: ErrorRecord | None, *, stack: bool = False) -> models.Failure | None:
    if error is None:
        return None
    text = curtain.text(error.stack) if stack and error.stack else None
    return models.Failure(error.type, curtain.text(error.message), text, fingerprint(error.type, error.message))


async def get_trace(ask: Ask) -> models.TraceDetail:
    return detail_of(ask.curtain, await kept_trace(ask))


async def kept_trace(ask: Ask) -> TraceDetail:
    """The trace that is asked for, as it was recorded.

    Raises:
        HttpError: 404; it is not kept.
    """
    found = await _store(ask).trace(ask.params["trace"])
    if found is None:
        raise HttpError(404, f"no trace {ask.params['trace']!r}; it was not recorded, or is kept no longer")
    return found


def detail_of(curtain: Curtain, found: TraceDetail) -> models.TraceDetail:
    """A whole trace, its times from its start."""
    start = found.summary.start_us
    sent = {event.fields.get("message_id"): event.span_id for event in found.events if event.type == "enqueue"}
    return models.TraceDetail(
        trace=summary_of(curtain, found.summary),
        spans=[span_of(curtain, span, start, sent.get(span.message_id)) for span in found.spans],
        events=[event_of(curtain, event, start) for event in found.events],
        truncated=found.summary.truncated,
    )


def span_of(curtain: Curtain, span: SpanRecord, start: int, sender: str | None = None) -> models.Span:
    """One run.

    Args:
        start: of the trace.
        sender: the span that sent its message.
    """
    return models.Span(
        id=span.span_id,
        parent=span.parent_id,
        links=[models.Link(sender)] if sender and sender != span.parent_id else [],
        step=span.step,
        kind=span.kind,
        name=span.name,
        attempt=span.attempt,
        max_attempts=span.max_attempts,
        offset_us=span.start_us - start,
        duration_us=span.duration_us,
        wait_us=span.wait_us,
        status=span.status,
        input=curtain.json(span.input),
        output=curtain.json(span.output),
        error=_failure(curtain, span.error, stack=True),
        message_id=span.message_id,
        topic=span.topic,
        attrs=dict(span.attrs),
    )


def event_of(curtain: Curtain, event: EventRecord, start: int) -> models.TraceEvent:
    """One thing that happened within a run."""
    return models.TraceEvent(
        span=event.span_id,
        offset_us=event.at_us - start,
        type=event.type,
        level=event.level,
        message=None if event.message is None else curtain.text(event.message),
        op=event.op,
        target=event.target,
        before=curtain.json(event.before),
        after=curtain.json(event.after),
        fields=curtain.fields(event.fields),
    )


async def list_logs(ask: Ask) -> models.Page[models.LogLine]:
    if ask.traces is None:
        return models.Page([])
    query = ask.query
    wanted = LogFilter(
        level=query.get("level"),
        step=query.get("step"),
        trace_id=query.get("trace"),
        q=query.get("q"),
        after_us=ask.number("since", 0) * 1000 or None,
        before_us=ask.number("before", 0) * 1000 or None,
    )
    page = await _store(ask).logs(wanted, ask.limit, query.get("cursor"))
    return models.Page([log_of(ask.curtain, line) for line in page.items], page.next)


def log_of(curtain: Curtain, line: EventRecord) -> models.LogLine:
    """One line of the log."""
    return models.LogLine(
        id=str(line.seq),
        at=line.at_us // 1000,
        level=line.level or "info",
        step=line.step or None,
        trace_id=line.trace_id,
        span_id=line.span_id,
        message=curtain.text(line.message or ""),
        fields=curtain.fields(line.fields),
    )


async def rerun(ask: Ask) -> models.Sent:
    """Send the input of a run to its step once more, or another one: a new trace."""
    found = await kept_trace(ask)
    wanted = ask.given("span", str)
    span = next((span for span in found.spans if wanted in {None, span.span_id}), None)
    if span is None:
        raise HttpError(404, f"no span {wanted!r} in this trace")
    data = ask.body["input"] if "input" in ask.body else _recorded(span)
    if span.kind == "http" and isinstance(data, Mapping):
        data = {name: value for name, value in data.items() if name in _PARTS} or {"body": data}
    if HIDDEN in str(data):
        raise HttpError(
            409, f"the input has values that were {HIDDEN} when it was recorded; give the input", code="hidden_value"
        )
    receipt, trace = await send_to_step(ask.motia, span.step, data)
    return models.Sent(receipt.message_id, trace.trace_id)


_PARTS = frozenset({"body", "path_params", "query_params", "headers"})


def _recorded(span: SpanRecord) -> Any:
    """The input as it was.

    Raises:
        HttpError: 409; it was too long to be recorded whole.
    """
    try:
        return None if span.input is None else loads(span.input)
    except ValueError:
        raise HttpError(409, "the input was too long to be recorded whole; give it", code="capped_input") from None


ROUTES = [
    Route("GET", "traces", list_traces),
    Route("GET", "traces/:trace", get_trace),
    Route("POST", "traces/:trace/rerun", rerun, "invoke", 202),
    Route("GET", "logs", list_logs),
]

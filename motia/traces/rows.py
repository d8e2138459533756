"""Records as they are stored: a short JSON text for lists and summaries, and a long one for what is looked at alone."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import to_json

from motia.codec import loads
from motia.traces.base import TraceSummary
from motia.tracing.records import ErrorRecord, EventRecord, SpanRecord

_ascii = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_BRIEF = ("parent_id", "kind", "name", "flows", "attempt", "max_attempts", "wait_us", "message_id", "topic")
_BODY = ("input", "output")


def brief_of(span: SpanRecord) -> str:
    """All of a span but its identity, its times and what ``body_of`` has."""
    found: dict[str, Any] = {name: value for name in _BRIEF if (value := getattr(span, name)) is not None}
    if span.error is not None:
        found["error"] = [span.error.type, span.error.message]
    return _dumps(found)


def body_of(span: SpanRecord) -> str:
    """Input, output, traceback and attributes; empty where a span has none of them."""
    found: dict[str, Any] = {name: value for name in _BODY if (value := getattr(span, name)) is not None}
    if span.error is not None and span.error.stack:
        found["stack"] = span.error.stack
    if span.attrs:
        found["attrs"] = span.attrs
    return _dumps(found) if found else ""


def span_of(
    trace_id: str, span_id: str, step: str, status: Any, start_us: int, duration_us: int | None,
    seq: int, brief: str, body: str = "",
) -> SpanRecord:  # fmt: skip
    """The span again; without ``body`` it lacks what that has."""
    found, more = loads(brief), loads(body) if body else {}
    return SpanRecord(
        trace_id,
        span_id,
        found.get("parent_id"),
        step,
        found["kind"],
        found["name"],
        tuple(found["flows"]),
        found["attempt"],
        found["max_attempts"],
        start_us,
        duration_us,
        found.get("wait_us"),
        status,
        more.get("input"),
        more.get("output"),
        ErrorRecord(found["error"][0], found["error"][1], more.get("stack", "")) if "error" in found else None,
        found.get("message_id"),
        found.get("topic"),
        more.get("attrs", {}),
        seq,
    )


_EVENT = ("level", "op", "target", "before", "after")


def event_data(event: EventRecord) -> str:
    """All of an event but its identity, its time, its type and its message."""
    found: dict[str, Any] = {name: value for name in _EVENT if (value := getattr(event, name)) is not None}
    if event.fields:
        found["fields"] = event.fields
    return _dumps(found)


def event_of(
    trace_id: str, span_id: str, step: str, at_us: int, type: Any, message: str | None, seq: int, data: str
) -> EventRecord:
    """The event again."""
    found = loads(data)
    more = {name: found.get(name) for name in _EVENT}
    return EventRecord(
        trace_id, span_id, at_us, type, step, message=message, fields=found.get("fields", {}), seq=seq, **more
    )


def summary_data(summary: TraceSummary) -> str:
    """A summary as text."""
    return _dumps({**summary._asdict(), "error": summary.error and [summary.error.type, summary.error.message]})


def summary_of(data: str) -> TraceSummary:
    """The summary again."""
    found = loads(data)
    found["error"] = found["error"] and ErrorRecord(*found["error"])
    return TraceSummary(**found | {"flows": tuple(found["flows"]), "steps": tuple(found["steps"])})


def _dumps(value: Any) -> str:
    """JSON that every database can keep, though a name may hold a lone surrogate."""
    try:
        return to_json(value).decode()
    except ValueError:
        return _ascii(value)

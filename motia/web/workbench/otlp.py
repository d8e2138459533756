"""A trace for other tools: OTLP in JSON, as their importers and ``POST /v1/traces`` of a collector take it.

Ids are hexadecimal, 64-bit numbers are texts, and names are those of the protocol; see "JSON Protobuf Encoding" in the
specification of OTLP. What a caller is not shown is not in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from motia.codec import response_json
from motia.version import __version__
from motia.web.answers import Answer
from motia.web.workbench import models
from motia.web.workbench.asking import Ask, Route, answered
from motia.web.workbench.traces import detail_of, kept_trace

_INTERNAL, _SERVER, _CONSUMER = 1, 2, 5
_OK, _ERROR = 1, 2
_NAMES = {"http.status": "http.response.status_code"}
_KINDS = {"http": _SERVER, "invoke": _INTERNAL}
_STATUSES = {"ok": _OK, "error": _ERROR, "discarded": _ERROR, "retry": _ERROR}


async def export_trace(ask: Ask) -> Answer:
    """One trace as OTLP JSON, to be saved as a file."""
    kept = await kept_trace(ask)
    found = answered(exported(detail_of(ask.curtain, kept), kept.summary.start_us, ask.site.name))
    name = f'attachment; filename="{kept.summary.trace_id}.otlp.json"'
    return found._replace(headers=[*found.headers, ("content-disposition", name)])


def exported(trace: models.TraceDetail, start: int, service: str) -> dict[str, Any]:
    """The body of an ``ExportTraceServiceRequest``.

    Args:
        start: of the trace, in microseconds since the epoch.
        service: the name of the app.
    """
    events: dict[str, list[models.TraceEvent]] = defaultdict(list)
    for event in trace.events:
        events[event.span].append(event)
    spans = [_span(trace.trace.id, span, events[span.id], start) for span in trace.spans]
    scope = {"name": "motia", "version": __version__}
    resource = {"attributes": _attributes({"service.name": service})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]}


def _span(trace_id: str, span: models.Span, events: Sequence[models.TraceEvent], start: int) -> dict[str, Any]:
    """A run. One that goes on ends where it began, for a span without an end is none."""
    began = start + span.offset_us
    told = [_event(event, start) for event in events]
    if span.error is not None:
        told.append(_exception(span.error, began + (span.duration_us or 0)))
    found: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": span.id,
        "name": span.name,
        "kind": _KINDS.get(span.kind, _CONSUMER),
        "startTimeUnixNano": _nanos(began),
        "endTimeUnixNano": _nanos(began + (span.duration_us or 0)),
        "attributes": _attributes(_facts(span)),
        "events": told,
        "links": [{"traceId": trace_id, "spanId": link.span} for link in span.links],
        "status": _status(span),
    }
    return found | {"parentSpanId": span.parent} if span.parent else found


def _facts(span: models.Span) -> dict[str, Any]:
    """The names that a tracer of the app's own is told, where there are such."""
    return {
        "motia.step.name": span.step,
        "motia.trigger.type": span.kind,
        "motia.status": span.status,
        "motia.attempt": span.attempt,
        "motia.wait_us": span.wait_us,
        "motia.input": _text(span.input),
        "motia.output": _text(span.output),
        "messaging.message.id": span.message_id,
        "messaging.destination.name": span.topic,
        **{_NAMES.get(name, f"motia.{name}"): value for name, value in span.attrs.items()},
    }


def _status(span: models.Span) -> dict[str, Any]:
    code = _STATUSES.get(span.status)
    if code is None:
        return {}
    return {"code": code} | ({"message": span.error.message} if span.error is not None and code == _ERROR else {})


def _event(event: models.TraceEvent, start: int) -> dict[str, Any]:
    facts = {
        "level": event.level,
        "message": event.message,
        "target": event.target,
        "before": _text(event.before),
        "after": _text(event.after),
        "fields": _text(event.fields),
    }
    name = event.type if event.op in {None, event.type} else f"{event.type}.{event.op}"
    return {"timeUnixNano": _nanos(start + event.offset_us), "name": name, "attributes": _attributes(facts)}


def _exception(error: models.Failure, at: int) -> dict[str, Any]:
    facts = {"exception.type": error.type, "exception.message": error.message, "exception.stacktrace": error.stack}
    return {"timeUnixNano": _nanos(at), "name": "exception", "attributes": _attributes(facts)}


def _attributes(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in facts.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value if isinstance(value, str) else _text(value)}


def _text(value: Any) -> str | None:
    return None if value is None else response_json(value).decode()


def _nanos(micros: int) -> str:
    return str(micros * 1000)


ROUTES = [Route("GET", "traces/:trace/otlp", export_trace, model=dict[str, Any])]

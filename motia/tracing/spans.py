"""Spans, and the trace context that travels with requests and messages.

The format of ``traceparent`` is W3C Trace Context, level 1. Without a tracer provider no span is made: a trace is two
random numbers in a context variable.
"""

from __future__ import annotations

import functools
import os
import random
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

from opentelemetry import trace as otel
from opentelemetry.environment_variables import OTEL_PYTHON_TRACER_PROVIDER
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context
from opentelemetry.trace.status import Status, StatusCode

from motia.current import running
from motia.redaction import redact_text

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?\Z")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_UNKNOWN = object()
_spread = random.Random()  # noqa: S311  # ids need to be distinct, not secret
os.register_at_fork(after_in_child=_spread.seed)


class Trace(NamedTuple):
    """Where in which trace we are."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @property
    def traceparent(self) -> str:
        """As the header of that name."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def new_trace() -> Trace:
    """A trace of its own."""
    digits = f"{_spread.getrandbits(192):048x}"
    return Trace(digits[:32], digits[32:])


def traceparent_of(header: str | None) -> Trace | None:
    """The trace a header names; None where there is none, or it is malformed or all zero."""
    found = _TRACEPARENT.match(header) if header else None
    if found is None or found[1] == _NO_TRACE or found[2] == _NO_SPAN or header is None or header.startswith("ff"):
        return None
    return Trace(found[1], found[2], found[3])


def current_trace() -> Trace | None:
    """Where we are: in a span that the step has opened itself, else in the running step, else in the app's own span."""
    run = _of_run()
    if not is_recorded():
        return run
    here = _of_span(otel.get_current_span())
    return here if run is None or (here is not None and here.trace_id == run.trace_id) else run


def _of_run() -> Trace | None:
    run = running.get()
    trace: Trace | None = run.trace if run is not None else None
    return trace


def span(
    name: str,
    parent: Trace | None,
    attributes: Callable[[], Mapping[str, Any]],
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    fresh: Trace | None = None,
) -> AbstractContextManager[Trace]:
    """Run a block in a span of ``parent``; without one, of the current span, or in a new trace.

    Args:
        attributes: asked for where a span is made.
        fresh: the new trace, where it has been made already.
    """
    if is_recorded():
        return _recorded(name, parent, attributes(), kind)
    known = parent or _of_run()
    return nullcontext(child_of(known) if known else fresh or new_trace())


def continued(header: str | None) -> Trace:
    """A span of the trace that a header names, or of a new trace."""
    parent = traceparent_of(header)
    return child_of(parent) if parent else new_trace()


def child_of(parent: Trace) -> Trace:
    """A new span in the trace of another."""
    return Trace(parent.trace_id, f"{_spread.getrandbits(64) or 1:016x}", parent.flags)


@contextmanager
def _recorded(name: str, parent: Trace | None, attributes: Mapping[str, Any], kind: SpanKind) -> Iterator[Trace]:
    tracer = otel.get_tracer("motia")
    context = set_span_in_context(NonRecordingSpan(_remote(parent))) if parent else None
    with tracer.start_as_current_span(
        name, context, kind, dict(attributes), record_exception=False, set_status_on_exception=False
    ) as recorded:
        try:
            yield _of_span(recorded) or new_trace()
        except Exception as error:
            trace = redact_text("".join(traceback.format_exception(error)))
            recorded.record_exception(
                error, {"exception.message": redact_text(str(error)), "exception.stacktrace": trace}
            )
            recorded.set_status(Status(StatusCode.ERROR, redact_text(f"{type(error).__name__}: {error}")))
            raise


def is_recorded() -> bool:
    """Whether there is a tracer provider: set by the app, or named in the environment for OpenTelemetry to load."""
    if getattr(otel, "_TRACER_PROVIDER", _UNKNOWN) is None and not _named():
        return False  # the same answer without a look at the environment for every message
    return not isinstance(otel.get_tracer_provider(), otel.ProxyTracerProvider)


@functools.cache
def _named() -> bool:
    return OTEL_PYTHON_TRACER_PROVIDER in os.environ


def _remote(parent: Trace) -> SpanContext:
    return SpanContext(
        int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=TraceFlags(int(parent.flags, 16))
    )


def _of_span(found: otel.Span) -> Trace | None:
    context = found.get_span_context()
    if not context.is_valid:
        return None
    return Trace(f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{context.trace_flags:02x}")

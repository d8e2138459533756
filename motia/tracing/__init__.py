"""Tracing: OpenTelemetry spans where the app has set a provider, W3C trace context in any case, and records of runs."""

from motia.tracing.recorder import Recorder, Recording, recording
from motia.tracing.spans import Trace, child_of, continued, current_trace, is_recorded, new_trace, span, traceparent_of

__all__ = [
    "Recorder",
    "Recording",
    "Trace",
    "child_of",
    "continued",
    "current_trace",
    "is_recorded",
    "new_trace",
    "recording",
    "span",
    "traceparent_of",
]

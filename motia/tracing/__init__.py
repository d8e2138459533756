"""Tracing: OpenTelemetry spans where the app has set a provider, W3C trace context in any case."""

from motia.tracing.spans import Trace, continued, current_trace, is_recorded, new_trace, span, traceparent_of

__all__ = ["Trace", "continued", "current_trace", "is_recorded", "new_trace", "span", "traceparent_of"]

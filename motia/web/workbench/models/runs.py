"""What ran: traces, logs, and the feed of what happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from motia.web.workbench.models.base import Failure


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One request, tick or message, with everything that followed from it.

    Attributes:
        busy_us: of all spans together; None where one still runs.
    """

    id: str
    name: str
    trigger: str
    flow: Sequence[str]
    status: Literal["running", "ok", "error", "recovered"]
    start: int
    duration_us: int | None
    busy_us: int | None
    spans: int
    retries: int
    error: Failure | None


@dataclass(frozen=True, slots=True)
class Link:
    span: str
    kind: Literal["enqueue"] = "enqueue"


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt of one step. ``input`` and ``output`` are capped where they were long."""

    id: str
    parent: str | None
    links: Sequence[Link]
    step: str
    kind: str
    name: str
    attempt: int
    max_attempts: int | None
    offset_us: int
    duration_us: int | None
    wait_us: int | None
    status: str
    input: Any
    output: Any
    error: Failure | None
    message_id: str | None
    topic: str | None
    attrs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TraceEvent:
    span: str
    offset_us: int
    type: str
    level: str | None = None
    message: str | None = None
    op: str | None = None
    target: str | None = None
    before: Any = None
    after: Any = None
    fields: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TraceDetail:
    trace: TraceSummary
    spans: Sequence[Span]
    events: Sequence[TraceEvent]
    truncated: bool


@dataclass(frozen=True, slots=True)
class LogLine:
    id: str
    at: int
    level: str
    step: str | None
    trace_id: str | None
    span_id: str | None
    message: str
    fields: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class FeedEvent:
    id: str
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Feed:
    """What has happened since a cursor; ``reset``: fetch everything anew, something was missed."""

    events: Sequence[FeedEvent]
    cursor: str
    reset: bool = False

"""What the Workbench's API answers. Times are milliseconds since the epoch, offsets microseconds from a trace's start.

A number that nobody counts is null, and never 0. ``openapi.json`` of the page is made of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")
Right = Literal["invoke", "publish", "redrive", "discard", "pause", "run", "edit"]


@dataclass(frozen=True, slots=True)
class Total:
    """How many there are; ``capped``: at least as many."""

    value: int
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list.

    Attributes:
        next: the ``cursor`` of the part that follows; None at the end.
        total: None where nobody counts.
    """

    items: Sequence[T]
    next: str | None = None
    total: Total | None = None


@dataclass(frozen=True, slots=True)
class File:
    """Where something is written; ``path`` as short as it can be from where the app runs."""

    path: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """What a step raised. Failures of one ``fingerprint`` are alike."""

    type: str
    message: str
    stack: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class AppFacts:
    name: str
    version: str | None
    env: str
    motia: str


@dataclass(frozen=True, slots=True)
class Token:
    """A header that the host wants on everything that changes something."""

    header: str
    token: str


@dataclass(frozen=True, slots=True)
class Live:
    """How ``events`` is best followed."""

    mode: Literal["sse", "poll"]
    poll_ms: int


@dataclass(frozen=True, slots=True)
class Session:
    """Who is asking, and what that person may do.

    Attributes:
        csrf: None where the host has no token of its own.
        stores: the kinds of backend behind ``queue``, ``state``, ``streams`` and ``trace``; never their URLs.
    """

    app: AppFacts
    user: str | None
    can: Sequence[Right]
    csrf: Token | None
    live: Live
    stores: Mapping[str, str | None]
    retention: Mapping[str, int | None]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Totals:
    """What ran within ``range``."""

    runs: int | None
    errors: int | None
    p95_ms: float | None
    range: str = "1h"


@dataclass(frozen=True, slots=True)
class Last:
    trace_id: str
    at: int


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Traces that failed alike."""

    fingerprint: str
    type: str
    message: str
    count: int
    last: Last


@dataclass(frozen=True, slots=True)
class ProblemFound:
    """What can be seen to be wrong with the app without running it."""

    code: str
    detail: str
    step: str | None = None
    topic: str | None = None
    file: File | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    totals: Totals | None
    dead: int
    ready: int
    oldest_ready_ms: int | None
    late_schedules: int
    failures: Sequence[FailureGroup]
    problems: Sequence[ProblemFound]


@dataclass(frozen=True, slots=True)
class FlowSummary:
    id: str
    steps: int
    edges: int
    runs_1h: int | None
    errors_1h: int | None


@dataclass(frozen=True, slots=True)
class TriggerOf:
    i: int
    type: str
    label: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class StepStats:
    """Runs of a step within the range; ``n`` attempts, ``err`` of them failed."""

    n: int
    err: int
    p95_ms: float | None
    running: int | None


@dataclass(frozen=True, slots=True)
class FlowNode:
    id: str
    name: str
    kind: Literal["step", "virtual"]
    triggers: Sequence[TriggerOf]
    desc: str | None
    file: File | None
    stats: StepStats | None
    problems: Sequence[ProblemFound]


@dataclass(frozen=True, slots=True)
class FlowEdge:
    id: str
    source: str
    target: str
    kind: Literal["queue", "state", "stream", "virtual", "observed"]
    label: str
    topic: str | None
    conditional: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class FlowGraph:
    id: str
    nodes: Sequence[FlowNode]
    edges: Sequence[FlowEdge]
    layout: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An http trigger; ``path`` is what the browser asks for, mount points and prefix included."""

    id: str
    method: str
    path: str
    step: str
    flows: Sequence[str]
    summary: str | None
    path_params: Sequence[str]
    query_schema: Any
    body_schema: Any
    responses: Mapping[str, Any]
    examples: Sequence[Example] = ()


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
class StepDetail:
    name: str
    config: Mapping[str, Any]
    input_schema: Any
    output_schema: Any
    emits: Sequence[str]
    policy: Mapping[str, Any] | None
    source: str | None
    recent: Sequence[TraceSummary]
    file: File | None = None


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
class Policy:
    """How deliveries are tried; ``timeout`` in seconds."""

    retries: int
    backoff: str
    timeout: float
    fifo: bool
    delay_s: float


@dataclass(frozen=True, slots=True)
class Depth:
    ready: int
    delayed: int
    running: int
    dead: int


@dataclass(frozen=True, slots=True)
class Consumer:
    """A subscription of a step; None for ``policy`` where no step of this app has it any more."""

    step: str
    subscription: str
    concurrency: int | None
    policy: Policy | None
    depth: Depth
    paused: bool


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """A topic.

    Attributes:
        kind: ``queue`` for a topic of the app's own; else what is behind a reserved one.
        policy: of the consumers, where all have the same.
        paused: every consumer is.
    """

    topic: str
    kind: Literal["queue", "cron", "state", "stream", "direct"]
    consumers: Sequence[Consumer]
    policy: Policy | None
    depth: Depth
    oldest_ready_ms: int | None
    rate: Mapping[str, float] | None
    paused: bool


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """A dead letter; ``at`` is when it died, ``size`` in bytes."""

    id: str
    state: Literal["dead"]
    step: str
    topic: str
    at: int
    run_at: int | None
    attempt: int
    max: int | None
    crashes: int
    reason: str
    error: Failure | None
    trace_id: str | None
    group: str | None
    size: int
    preview: str | None


@dataclass(frozen=True, slots=True)
class MessageDetail:
    """A dead letter as a whole; ``editable``: it may be sent again with another payload."""

    id: str
    state: Literal["dead"]
    step: str
    topic: str
    at: int
    run_at: int | None
    attempt: int
    max: int | None
    crashes: int
    reason: str
    error: Failure | None
    trace_id: str | None
    group: str | None
    size: int
    preview: str | None
    payload: Any
    editable: bool


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    fingerprint: str
    type: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Done:
    """What a bulk action did; ``left``: more may match than one action takes."""

    done: int
    left: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """Something was sent; what follows from it is in this trace."""

    message_id: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class Fired:
    at: int
    lag_ms: int | None
    trace_id: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    id: str
    step: str
    expr: str
    tz: str
    words: str
    next: Sequence[int]
    last: Fired | None
    paused: bool
    late: bool
    overlap: str | None = None
    history: Sequence[Fired] | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    scope: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Item:
    """A value of state, or an item of a stream's group; ``version`` is its ETag without the quotes."""

    key: str
    value: Any
    version: str


@dataclass(frozen=True, slots=True)
class StreamSummary:
    name: str
    groups: int
    schema: Any


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


@dataclass(frozen=True, slots=True)
class Hit:
    kind: str
    id: str
    label: str
    href: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Every error, as ``application/problem+json`` (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str

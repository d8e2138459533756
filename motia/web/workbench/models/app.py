"""What an app declares, and how it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from motia.web.workbench.models.base import File
from motia.web.workbench.models.runs import TraceSummary

Right = Literal["invoke", "publish", "redrive", "discard", "cancel", "pause", "run", "edit"]


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
    retention: Mapping[str, float]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Totals:
    """What ran within ``range``."""

    runs: int | None
    errors: int | None
    p95_ms: float | None
    range: str = "1h"


@dataclass(frozen=True, slots=True)
class Point:
    """What ran in one part of the range; None for what was not counted."""

    at: int
    runs: int | None
    errors: int | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """The range in parts of ``step_ms``, the oldest first; the last one goes on. No parts where nothing is recorded."""

    range: str
    step_ms: int
    points: Sequence[Point]


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
    """A step; or, with ``kind`` ``state`` or ``stream``, a place whose changes start one."""

    id: str
    name: str
    kind: Literal["step", "virtual", "state", "stream"]
    triggers: Sequence[TriggerOf]
    desc: str | None
    file: File | None
    stats: StepStats | None
    problems: Sequence[ProblemFound]


@dataclass(frozen=True, slots=True)
class FlowEdge:
    """An arrow.

    Attributes:
        kind: how it is declared; ``observed`` is what recorded runs did within the range, declared or not.
        via: of an observed one, how the one set off the other; else None.
        count: of an observed one, messages and calls; of a declared one, those of it that were observed, None where
            nothing is recorded.
    """

    id: str
    source: str
    target: str
    kind: Literal["queue", "state", "stream", "virtual", "observed"]
    label: str
    topic: str | None
    conditional: bool
    count: int | None = None
    via: Literal["http", "queue", "cron", "state", "stream", "invoke"] | None = None


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
class Hit:
    kind: str
    id: str
    label: str
    href: str

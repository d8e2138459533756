"""What spans say about their trace, and about their steps. The same for every backend; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from motia.traces.base import Link, Links, Point, Stats, StepStats, TraceFilter, TraceStatus, TraceSummary
from motia.tracing.records import SpanRecord

_OPEN = {"running", "retry", "parked", "released"}
_FAILED = {"error", "discarded"}


def summarised(trace_id: str, spans: Iterable[SpanRecord], *, truncated: bool = False) -> TraceSummary:
    """The summary of a trace from its spans, of which there is at least one."""
    ordered = sorted(spans, key=lambda span: (span.start_us, span.seq))
    first = ordered[0]
    newest = {_lane(span): span for span in ordered}
    status = _status(ordered, newest.values())
    start, end = first.start_us, max(span.start_us + (span.duration_us or 0) for span in ordered)
    blamed = list(newest.values()) if status == "error" else ordered
    return TraceSummary(
        trace_id,
        first.name,
        first.kind,
        first.step,
        flows=tuple(dict.fromkeys(chain.from_iterable(span.flows for span in ordered))),
        steps=tuple(dict.fromkeys(span.step for span in ordered)),
        status=status,
        start_us=start,
        duration_us=None if status == "running" else end - start,
        busy_us=_busy(ordered),
        spans=len(ordered),
        retries=len(ordered) - len(newest),
        error=next((span.error for span in reversed(blamed) if span.error is not None), None),
        truncated=truncated,
    )


def _lane(span: SpanRecord) -> tuple[str, ...]:
    """All runs of one delivery are one lane; any other run has one of its own."""
    return (span.span_id,) if span.message_id is None else (span.message_id, span.step, span.kind)


def _status(spans: Sequence[SpanRecord], newest: Iterable[SpanRecord]) -> TraceStatus:
    now = {span.status for span in newest}
    if now & _OPEN:
        return "running"
    if now & _FAILED:
        return "error"
    return "recovered" if any(span.error is not None for span in spans) else "ok"


def _busy(spans: Iterable[SpanRecord]) -> int:
    """The time in which at least one of them ran; they come by their start."""
    busy, until = 0, 0
    for span in spans:
        end = span.start_us + (span.duration_us or 0)
        busy += max(0, end - max(until, span.start_us))
        until = max(until, end)
    return busy


def words_of(summary: TraceSummary, spans: Iterable[SpanRecord]) -> str:
    """What a search looks into, in lower case: a line each for steps, flows, and everything else."""
    said = [f"step={step}" for step in summary.steps] + [f"flow={flow}" for flow in summary.flows]
    said += [summary.trace_id, summary.name]
    said += dict.fromkeys(span.message_id for span in spans if span.message_id)
    if summary.error is not None:
        said.append(f"{summary.error.type}: {summary.error.message}")
    return "\n" + "\n".join(said).lower() + "\n"


def wanted_words(wanted: TraceFilter) -> list[str]:
    """What the words of a trace must contain to match."""
    said = [f"\n{name}={value}\n" for name, value in (("step", wanted.step), ("flow", wanted.flow)) if value]
    return [word.lower() for word in (*said, wanted.q or "") if word]


def matches(wanted: TraceFilter, summary: TraceSummary, spans: Iterable[SpanRecord]) -> bool:
    """Whether a trace is one of those that are wanted; their ids are not looked at."""
    told = [
        (wanted.kind, wanted.kind == summary.kind),
        (wanted.status, wanted.status == summary.status),
        (wanted.min_us, (summary.duration_us or 0) >= (wanted.min_us or 0)),
        (wanted.after_us, summary.start_us >= (wanted.after_us or 0)),
        (wanted.before_us, summary.start_us < (wanted.before_us or 0)),
    ]
    if not all(holds for value, holds in told if value is not None):
        return False
    words = wanted_words(wanted)
    text = words_of(summary, spans) if words else ""
    return all(word in text for word in words)


class Ran(NamedTuple):
    """As much of a span as is counted."""

    step: str
    status: str
    start_us: int
    duration_us: int | None


def counted(runs: Sequence[Ran], topics: dict[str, int], *, truncated: bool = False) -> Stats:
    """The counters of runs, by step and together."""
    by_step: dict[str, list[Ran]] = {}
    for run in runs:
        by_step.setdefault(run.step, []).append(run)
    return Stats(_counted(runs), {step: _counted(found) for step, found in by_step.items()}, topics, truncated)


def _counted(runs: Sequence[Ran]) -> StepStats:
    lengths = sorted(run.duration_us for run in runs if run.duration_us is not None)
    return StepStats(
        runs=len(runs),
        errors=sum(run.status in _FAILED for run in runs),
        retries=sum(run.status == "retry" for run in runs),
        running=sum(run.status == "running" for run in runs),
        p50_us=_quantile(lengths, 0.5),
        p95_us=_quantile(lengths, 0.95),
        last_us=max((run.start_us for run in runs), default=None),
    )


def _quantile(ordered: Sequence[int], part: float) -> int | None:
    """The nearest-rank quantile."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None


def charted(runs: Sequence[Ran], after_us: int, step_us: int, parts: int, *, truncated: bool = False) -> list[Point]:
    """The counters of runs, by the part of the time in which they started; they come newest first."""
    found: list[list[Ran]] = [[] for _ in range(parts)]
    for run in runs:
        found[(run.start_us - after_us) // step_us].append(run)
    known = runs[-1].start_us if truncated else after_us
    starts = [after_us + step_us * number for number in range(parts)]
    return [
        Point(start, None, None, None) if start < known else _point(start, _counted(part))
        for start, part in zip(starts, found, strict=True)
    ]


def _point(start_us: int, stats: StepStats) -> Point:
    return Point(start_us, stats.runs, stats.errors + stats.retries, stats.p95_us)


def linked(spans: Sequence[SpanRecord], *, truncated: bool = False) -> Links:
    """Which steps set off which."""
    steps = {(span.trace_id, span.span_id): span.step for span in spans}
    caused = {
        (source, span.step, span.kind, span.name, span.topic, span.message_id or span.span_id)
        for span in spans
        if span.parent_id and (source := steps.get((span.trace_id, span.parent_id)))
    }
    counts = Counter(link[:5] for link in caused)
    items = [Link(*link, count) for link, count in counts.items()]
    return Links(sorted(items, key=lambda item: (-item.times, item.source, item.target, item.name)), truncated)

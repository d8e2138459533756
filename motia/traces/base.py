"""The contract of a trace store.

Records of many processes come in batches and are read by the Workbench. What every backend keeps:

- Every record gets a number, ``seq``. Numbers grow in the order in which records become visible, over all processes:
  who has seen 7 will never be shown a new 6. A span that is recorded again moves to the end, under a new number.
- A span recorded again takes the place of its former record. Events are kept as often as they are appended.
- A trace is what its spans say: its status, name and length follow from them; see ``motia.traces.summary``.
- All reading is bounded: pages have at most ``MAX_PAGE`` items, a trace ``MAX_SPANS`` spans and ``MAX_EVENTS`` events.
  What comes on top is not kept, and the trace says ``truncated``.

Times are microseconds since the epoch. Cursors are texts to be handed back as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from motia.tracing.records import ErrorRecord, EventRecord, Kind, Record, SpanRecord

MAX_PAGE = 500
MAX_SPANS = 2_000
MAX_EVENTS = 5_000
MAX_STATS = 20_000
"""Spans that ``stats``, ``history`` and ``links`` look at, the newest first."""
PRUNE_BATCH = 500
"""Traces that one call of ``prune`` forgets at most."""
LEVELS = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40, "critical": 50}
TraceStatus = Literal["running", "ok", "error", "recovered"]


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Which traces. All given conditions must hold; none given means all.

    Attributes:
        ids: trace ids; at most ``MAX_PAGE``.
        flow, step: one that a span of the trace belongs to.
        kind: trigger of its first span.
        status: ``running``, ``ok``, ``error`` or ``recovered``.
        min_us: its length is at least this.
        q: text that its id, name, steps, message ids or error contain; case does not matter.
        after_us, before_us: it started at or after, and before.
    """

    ids: Sequence[str] | None = None
    flow: str | None = None
    step: str | None = None
    kind: str | None = None
    status: str | None = None
    min_us: int | None = None
    q: str | None = None
    after_us: int | None = None
    before_us: int | None = None


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which log lines. All given conditions must hold.

    Attributes:
        level: this one and those above.
        q: text that the message contains; case does not matter.
        after_us, before_us: at or after, and before.
    """

    level: str | None = None
    step: str | None = None
    trace_id: str | None = None
    q: str | None = None
    after_us: int | None = None
    before_us: int | None = None


class TraceSummary(NamedTuple):
    """One line of the list.

    Attributes:
        name, kind, step: of the first span.
        flows, steps: of all spans, in the order of their first run.
        status: ``running`` while a run goes on or a retry is to come, ``error`` where one failed for good,
            ``recovered`` where all that failed went well later, else ``ok``.
        duration_us: from the first start to the last end; None while running.
        busy_us: of that, time in which anything ran.
        retries: runs that were not the first of their message.
        error: the newest one that was not made good; for ``recovered`` the newest of all.
        truncated: it had more spans or events than are kept.
    """

    trace_id: str
    name: str
    kind: str
    step: str
    flows: tuple[str, ...]
    steps: tuple[str, ...]
    status: TraceStatus
    start_us: int
    duration_us: int | None
    busy_us: int
    spans: int
    retries: int
    error: ErrorRecord | None = None
    truncated: bool = False


class TracePage(NamedTuple):
    """Summaries, newest start first, and where to go on; ``next`` is None at the end.

    Attributes:
        total: how many match in all; None where the backend would have to read them all to tell.
    """

    items: list[TraceSummary]
    next: str | None
    total: int | None = None


class TraceDetail(NamedTuple):
    """A whole trace: spans by their start, events by their time."""

    summary: TraceSummary
    spans: list[SpanRecord]
    events: list[EventRecord]


class LogPage(NamedTuple):
    """Log lines, newest first, and where to go on; ``seq`` is the id of a line."""

    items: list[EventRecord]
    next: str | None


class Changes(NamedTuple):
    """What came after a cursor, in the order of ``seq``.

    Attributes:
        cursor: for the next call; the same as before where nothing is new.
        reset: some of what came after the cursor is gone, or the store began anew: fetch everything again. There are
            no records then, and the cursor is that of now.
    """

    records: list[Record]
    cursor: str
    reset: bool = False


class StepStats(NamedTuple):
    """Counters of one step over a time.

    Attributes:
        runs: that have ended, and those that go on.
        errors: for good, discarded ones included; ``retries``: failed, to be tried again.
        p50_us, p95_us: of the runs that have ended; None where none has.
        last_us: start of the newest run.
    """

    runs: int
    errors: int
    retries: int
    running: int
    p50_us: int | None
    p95_us: int | None
    last_us: int | None


class Stats(NamedTuple):
    """Counters of a time, by step and for all steps together.

    Attributes:
        topics: messages sent, by topic.
        truncated: there were more than ``MAX_STATS`` runs, of which the newest are counted.
    """

    total: StepStats
    steps: Mapping[str, StepStats]
    topics: Mapping[str, int]
    truncated: bool = False


class Point(NamedTuple):
    """Counters of one part of a time, of the runs that started in it.

    Attributes:
        start_us: of the part.
        runs: None where this part was not looked at, or not all of it.
        errors: attempts that failed, to be tried again or not.
        p95_us: of those that have ended; None where none has.
    """

    start_us: int
    runs: int | None
    errors: int | None
    p95_us: int | None


class Link(NamedTuple):
    """What one step has set off in another.

    Attributes:
        source, target: names of steps.
        kind: the trigger of ``target``, or ``invoke``.
        name: what set it off: a topic, ``state orders/*``, ``POST /orders``.
        topic: that the message was sent to; None where there was none.
        times: messages, each once however often it was tried; calls, where there is no message.
    """

    source: str
    target: str
    kind: Kind
    name: str
    topic: str | None
    times: int


class Links(NamedTuple):
    """The links of a time, the most frequent first; ``truncated`` as in ``Stats``."""

    items: list[Link]
    truncated: bool = False


class TraceStore(Protocol):
    """A trace store. All methods raise ``QueueUnavailable`` when the backend does not answer in time."""

    async def migrate(self) -> None:
        """Create what is missing. Safe when many processes do it at once."""
        ...

    async def append(self, records: Sequence[Record]) -> None:
        """Keep records, in their order, all or none."""
        ...

    async def traces(self, wanted: TraceFilter, limit: int = 50, cursor: str | None = None) -> TracePage:
        """A page of the traces that match.

        A page may be shorter than ``limit`` though there are more: a backend without indexes looks at so many at once.
        """
        ...

    async def trace(self, trace_id: str) -> TraceDetail | None:
        """One trace; None where it is not, or no longer, kept."""
        ...

    async def logs(self, wanted: LogFilter, limit: int = 100, cursor: str | None = None) -> LogPage:
        """A page of the log lines that match; see ``traces``."""
        ...

    async def since(self, cursor: str | None, limit: int = MAX_PAGE) -> Changes:
        """What has been recorded after a cursor; without one, nothing, and the cursor of now."""
        ...

    async def stats(self, after_us: int, before_us: int | None = None) -> Stats:
        """Counters of the runs that started in a time."""
        ...

    async def history(self, after_us: int, step_us: int, parts: int) -> list[Point]:
        """Counters of ``parts`` times of ``step_us`` that follow each other, from ``after_us`` on, the oldest first.

        Of more than ``MAX_STATS`` runs the newest are counted; what is before these is not known.
        """
        ...

    async def links(self, after_us: int, before_us: int | None = None) -> Links:
        """Which steps set off which, by the runs that started in a time, cause and effect alike.

        A run is joined to another by its parent. What was sent from a span of somebody else's, within the run, is not.
        """
        ...

    async def prune(self, keep: int, before_us: int) -> int:
        """Forget traces that started before a time, and the oldest beyond so many; at most ``PRUNE_BATCH``.

        Returns:
            How many were forgotten; as long as that is ``PRUNE_BATCH`` there may be more.
        """
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...


MAX_DIGITS = 18
"""Of a number that every database can compare with its own."""


def place_of(cursor: str | None) -> tuple[int, str] | None:
    """Where the page before ended, of the cursors ``time:id``; None for none, or one that is not readable."""
    start, _, ending = (cursor or "").partition(":")
    found = number_of(start)
    return None if found is None or not ending else (found, ending)


def number_of(cursor: str | None) -> int | None:
    """The number that a cursor of the feed stands for; None for none, or one that is not readable."""
    return int(cursor) if cursor and cursor.isdecimal() and len(cursor) <= MAX_DIGITS else None

"""The trace store on Redis. Nothing is stored but the records and where they are: what is listed follows from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from motia.codec import loads
from motia.databases import redis_scripts as lua
from motia.databases.redis import WaitingRedis
from motia.traces.base import (
    LEVELS,
    MAX_EVENTS,
    MAX_PAGE,
    MAX_SPANS,
    MAX_STATS,
    PRUNE_BATCH,
    Changes,
    Links,
    LogFilter,
    LogPage,
    Point,
    Stats,
    TraceDetail,
    TraceFilter,
    TracePage,
    TraceSummary,
    number_of,
    place_of,
)
from motia.traces.rows import body_of, brief_of, event_data, event_of, span_of
from motia.traces.summary import Ran, charted, counted, linked, matches, summarised
from motia.tracing.records import EventRecord, Record, SpanRecord

CHUNK = 200
"""Traces, log lines or runs that are fetched at once."""
LOOKS = 10
"""Times that a page fetches so many, before it says where to go on."""
FOR_EVER = 2**53 - 1
_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class RedisTraces:
    """See ``motia.traces.base.TraceStore`` for what each method promises."""

    def __init__(self, driver: WaitingRedis) -> None:
        self._driver = driver

    async def migrate(self) -> None:
        """There are no tables."""

    async def append(self, records: Sequence[Record]) -> None:
        if records:
            await self._driver.call(lua.TRACES_APPEND, [part for record in records for part in _arguments(record)])

    async def traces(self, wanted: TraceFilter, limit: int = 50, cursor: str | None = None) -> TracePage:
        limit = min(limit, MAX_PAGE)
        start, last = place_of(cursor) or (FOR_EVER if wanted.before_us is None else wanted.before_us, "")
        if wanted.ids is not None:
            ids = sorted(wanted.ids[:MAX_PAGE])
            found = _summaries(wanted, await self._driver.call(lua.TRACES_CHOSEN, ids))
            found.sort(key=lambda item: (item.start_us, item.trace_id), reverse=True)
            found = [item for item in found if not last or (item.start_us, item.trace_id) < (start, last)]
            return _page(found, limit, None)
        items: list[TraceSummary] = []
        beyond: str | None = None
        for _ in range(LOOKS):
            rows = await self._driver.call(lua.TRACES_LIST, [start, last, CHUNK])
            items += _summaries(wanted, rows)
            if not rows:
                beyond = None
                break
            start, last = min(span.start_us for span in _spans(rows[-1])), rows[-1][0].decode()
            beyond = f"{start}:{last}"
            if len(items) > limit:
                break
            if wanted.after_us is not None and start < wanted.after_us:
                beyond = None
                break
        return _page(items, limit, beyond)

    async def trace(self, trace_id: str) -> TraceDetail | None:
        rows, bodies, events = await self._driver.call(lua.TRACES_ONE, [trace_id])
        if not rows:
            return None
        known = {key: body.decode() for key, body in _pairs(bodies)}
        spans = [_span(trace_id, key, row, known.get(key, "")) for key, row in _pairs(rows)]
        lines = [_event(trace_id, key, row) for key, row in _pairs(events)]
        return TraceDetail(
            _summarised(trace_id, spans, len(lines)),
            sorted(spans, key=lambda span: (span.start_us, span.seq)),
            sorted(lines, key=lambda line: (line.at_us, line.seq)),
        )

    async def logs(self, wanted: LogFilter, limit: int = 100, cursor: str | None = None) -> LogPage:
        limit = min(limit, MAX_PAGE)
        until = FOR_EVER if wanted.before_us is None else wanted.before_us
        place = place_of(cursor)
        number = number_of(place[1]) if place else None
        start, last = (until, FOR_EVER) if place is None or number is None else (place[0], number)
        found: list[EventRecord] = []
        line: EventRecord | None = None
        skipped, rows = 0, []
        for _ in range(LOOKS):
            rows = await self._driver.call(lua.TRACES_LOGS, [start, wanted.after_us or 0, skipped, CHUNK])
            for trace, number, row in rows:
                line = _event(trace.decode(), number.decode(), row)
                if (line.at_us, line.seq) < (start, last) and _is_wanted(wanted, line):
                    found.append(line)
            skipped += len(rows)
            if len(found) > limit or len(rows) < CHUNK:
                break
        ended = line is None or (len(rows) < CHUNK and len(found) <= limit)
        final = found[limit - 1] if len(found) > limit else line
        return LogPage(found[:limit], None if ended or final is None else f"{final.at_us}:{final.seq}")

    async def since(self, cursor: str | None, limit: int = MAX_PAGE) -> Changes:
        after = number_of(cursor)
        asked = [FOR_EVER if after is None else after, min(limit, MAX_PAGE)]
        head, pruned, rows = await self._driver.call(lua.TRACES_SINCE, asked)
        if after is None or after > head or after < pruned:
            return Changes([], str(head), reset=cursor is not None)
        records = [_record(*row) for row in rows]
        return Changes(records, str(records[-1].seq if records else max(after, head)))

    async def stats(self, after_us: int, before_us: int | None = None) -> Stats:
        before = FOR_EVER if before_us is None else before_us
        runs = _counters(await self._ran(after_us, before))
        sent = await self._driver.call(lua.TRACES_SENT, [after_us, before])
        topics = {topic: int(count) for topic, count in _pairs(sent)}
        return counted(runs[:MAX_STATS], topics, truncated=len(runs) > MAX_STATS)

    async def history(self, after_us: int, step_us: int, parts: int) -> list[Point]:
        runs = _counters(await self._ran(after_us, after_us + step_us * parts))
        return charted(runs[:MAX_STATS], after_us, step_us, parts, truncated=len(runs) > MAX_STATS)

    async def links(self, after_us: int, before_us: int | None = None) -> Links:
        rows = await self._ran(after_us, FOR_EVER if before_us is None else before_us)
        spans = [_span(name[:32].decode(), name[32:].decode(), row) for name, row in rows[:MAX_STATS]]
        return linked(spans, truncated=len(rows) > MAX_STATS)

    async def _ran(self, after_us: int, before_us: int) -> list[tuple[bytes, bytes]]:
        """The runs of a time, the newest first: trace and span as one name, and the row."""
        found: list[tuple[bytes, bytes]] = []
        seen = 0
        while len(found) <= MAX_STATS:
            rows = await self._driver.call(lua.TRACES_RUNS, [after_us, before_us, seen, 5 * CHUNK])
            found += [(name, row) for name, row in rows if row is not None]
            seen += len(rows)
            if len(rows) < 5 * CHUNK:
                break
        return found

    async def prune(self, keep: int, before_us: int) -> int:
        total = 0
        while total < PRUNE_BATCH:
            count, is_last = await self._driver.call(lua.TRACES_PRUNE, [before_us, keep, PRUNE_BATCH - total])
            total += int(count)
            if is_last:
                break
        return total

    async def close(self) -> None:
        await self._driver.server.close()


def _arguments(record: Record) -> tuple[Any, ...]:
    """A record as the script takes it, in six parts."""
    if isinstance(record, SpanRecord):
        row = [record.step, record.status, record.start_us, record.duration_us, brief_of(record)]
        return "span", record.trace_id, record.span_id, record.start_us, _dumps(row), body_of(record)
    row = [record.span_id, record.step, record.at_us, record.type, record.message, event_data(record)]
    return "event", record.trace_id, record.at_us, record.type, record.target or "", _dumps(row)


def _span(trace_id: str, span_id: str, row: bytes, body: str = "") -> SpanRecord:
    seq, _, text = row.partition(b" ")
    step, status, start, duration, brief = loads(text)
    return span_of(trace_id, span_id, step, status, start, duration, int(seq), brief, body)


def _event(trace_id: str, number: str, row: bytes) -> EventRecord:
    span_id, step, at, kind, message, data = loads(row)
    return event_of(trace_id, span_id, step, at, kind, message, int(number), data)


def _counters(rows: Sequence[tuple[bytes, bytes]]) -> list[Ran]:
    return [Ran(*loads(row.partition(b" ")[2])[:4]) for _, row in rows]


def _record(kind: bytes, trace: bytes, id: bytes, row: bytes, body: bytes) -> Record:
    if kind == b"s":
        return _span(trace.decode(), id.decode(), row, body.decode())
    return _event(trace.decode(), id.decode(), row)


def _pairs(flat: Sequence[Any]) -> Iterable[tuple[str, Any]]:
    return ((key.decode(), value) for key, value in zip(flat[::2], flat[1::2], strict=True))


def _spans(row: Any) -> list[SpanRecord]:
    return [_span(row[0].decode(), key, found) for key, found in _pairs(row[1])]


def _summarised(trace_id: str, spans: Sequence[SpanRecord], events: int) -> TraceSummary:
    return summarised(trace_id, spans, truncated=len(spans) >= MAX_SPANS or events >= MAX_EVENTS)


def _summaries(wanted: TraceFilter, rows: Sequence[Any]) -> list[TraceSummary]:
    """Of those that are wanted, in the order of the rows."""
    found = []
    for row in rows:
        spans = _spans(row)
        summary = _summarised(row[0].decode(), spans, row[2])
        if matches(wanted, summary, spans):
            found.append(summary)
    return found


def _page(items: list[TraceSummary], limit: int, beyond: str | None) -> TracePage:
    """The first of them; to go on after the last one shown, or where the looking has ended."""
    if len(items) > limit:
        last = items[limit - 1]
        beyond = f"{last.start_us}:{last.trace_id}"
    return TracePage(items[:limit], beyond)


def _is_wanted(wanted: LogFilter, line: EventRecord) -> bool:
    return (
        LEVELS.get(line.level or "", 0) >= LEVELS.get(wanted.level or "", 0)
        and wanted.step in {None, line.step}
        and wanted.trace_id in {None, line.trace_id}
        and (wanted.before_us is None or line.at_us < wanted.before_us)
        and (wanted.q or "").lower() in (line.message or "").lower()
    )

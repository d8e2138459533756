"""The trace store over a SQL database.

Its head is one row that every batch updates first: it numbers the records, and its lock keeps the order in which
batches commit the order of their numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from motia.codec import dumps
from motia.databases.base import Connection, Database
from motia.databases.migrations import Migrated
from motia.traces import statements as sql
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
from motia.traces.rows import body_of, brief_of, event_data, event_of, span_of, summary_data, summary_of
from motia.traces.schema import SCHEMA
from motia.traces.summary import Ran, charted, counted, linked, summarised, words_of
from motia.tracing.records import EventRecord, Record, SpanRecord

FOR_EVER = 2**62


class SqlTraces(Migrated):
    """See ``motia.traces.base.TraceStore`` for what each method promises.

    Args:
        database: where the tables are.
    """

    part, versions = "traces", SCHEMA

    def __init__(self, database: Database) -> None:
        self.database = database

    async def append(self, records: Sequence[Record]) -> None:
        if not records:
            return
        batch = _Batch(records)

        async def work(connection: Connection) -> None:
            first = await self._advance(connection, len(records))
            await batch.write(connection, first)

        await self.database.write(work)

    async def _advance(self, connection: Connection, count: int) -> int:
        """The number of the first of so many records."""
        if not await connection.run(sql.ADVANCE, {"count": count}):
            await connection.run(sql.BEGIN)
            await connection.run(sql.ADVANCE, {"count": count})
        seq: int = (await connection.rows(sql.HEAD))[0][0]
        return seq - count + 1

    async def traces(self, wanted: TraceFilter, limit: int = 50, cursor: str | None = None) -> TracePage:
        limit = min(limit, MAX_PAGE)
        params: dict[str, Any] = {"limit": limit + 1} | _place(cursor, last=str)
        page, total = sql.list_traces(wanted, params)
        if wanted.ids is not None:
            params["ids"] = dumps(list(wanted.ids[:MAX_PAGE]))

        async def work(connection: Connection) -> tuple[list[TraceSummary], int]:
            found = [summary_of(row[0]) for row in await connection.rows(page, params)]
            return found, int((await connection.rows(total, params))[0][0])

        found, count = await self.database.read(work, long=True)
        last = found[limit - 1] if len(found) > limit else None
        return TracePage(found[:limit], last and f"{last.start_us}:{last.trace_id}", count)

    async def trace(self, trace_id: str) -> TraceDetail | None:
        async def work(connection: Connection) -> TraceDetail | None:
            known = await connection.rows(sql.SUMMARY_OF, {"trace": trace_id})
            if not known:
                return None
            spans = await connection.rows(sql.SPANS_OF, {"trace": trace_id, "limit": MAX_SPANS})
            events = await connection.rows(sql.EVENTS_OF, {"trace": trace_id, "limit": MAX_EVENTS})
            return TraceDetail(
                summary_of(known[0][0]), [span_of(*row) for row in spans], [event_of(*row) for row in events]
            )

        return await self.database.read(work, long=True)

    async def logs(self, wanted: LogFilter, limit: int = 100, cursor: str | None = None) -> LogPage:
        limit = min(limit, MAX_PAGE)
        params: dict[str, Any] = {"limit": limit + 1} | _place(cursor, last=int)
        statement = sql.list_logs(wanted, params)
        rows = await self.database.read(lambda connection: connection.rows(statement, params), long=True)
        found = [event_of(*row) for row in rows]
        last = found[limit - 1] if len(found) > limit else None
        return LogPage(found[:limit], last and f"{last.at_us}:{last.seq}")

    async def since(self, cursor: str | None, limit: int = MAX_PAGE) -> Changes:
        after = number_of(cursor)

        async def work(connection: Connection) -> Changes:
            found = await connection.rows(sql.HEAD)
            head, pruned = found[0] if found else (0, 0)
            if after is None or after > head or after < pruned:
                return Changes([], str(head), reset=cursor is not None)
            params = {"after": after, "limit": min(limit, MAX_PAGE)}
            records: list[Record] = [span_of(*row) for row in await connection.rows(sql.SPANS_SINCE, params)]
            records += [event_of(*row) for row in await connection.rows(sql.EVENTS_SINCE, params)]
            # What was committed between the statements is left to the next call, which would miss what is before it.
            records = sorted((item for item in records if item.seq <= head), key=lambda item: item.seq)
            records = records[: params["limit"]]
            return Changes(records, str(records[-1].seq if records else max(after, head)))

        return await self.database.read(work, long=True)

    async def stats(self, after_us: int, before_us: int | None = None) -> Stats:
        params = _within(after_us, before_us)

        async def work(connection: Connection) -> Stats:
            runs = [Ran(*row) for row in await connection.rows(sql.RAN, params)]
            topics = {row[0]: int(row[1]) for row in await connection.rows(sql.SENT, params)}
            return counted(runs[:MAX_STATS], topics, truncated=len(runs) > MAX_STATS)

        return await self.database.read(work, long=True)

    async def history(self, after_us: int, step_us: int, parts: int) -> list[Point]:
        params = _within(after_us, after_us + step_us * parts)
        rows = await self.database.read(lambda connection: connection.rows(sql.RAN, params), long=True)
        runs = [Ran(*row) for row in rows[:MAX_STATS]]
        return charted(runs, after_us, step_us, parts, truncated=len(rows) > MAX_STATS)

    async def links(self, after_us: int, before_us: int | None = None) -> Links:
        params = _within(after_us, before_us)
        rows = await self.database.read(lambda connection: connection.rows(sql.LINKED, params), long=True)
        return linked([span_of(*row) for row in rows[:MAX_STATS]], truncated=len(rows) > MAX_STATS)

    async def prune(self, keep: int, before_us: int) -> int:
        async def work(connection: Connection) -> int:
            await connection.run(sql.ADVANCE, {"count": 0})  # no batch may write to what is being forgotten
            beyond = await connection.rows(sql.BEYOND, {"keep": keep})
            start, last = beyond[0] if beyond else (-1, "")
            asked = {"before": before_us, "start": start, "last": last, "limit": PRUNE_BATCH}
            old = await connection.rows(sql.OLD, asked)
            ids = {"ids": dumps([row[0] for row in old])}
            if not old:
                return 0
            newest = [(await connection.rows(statement, ids))[0][0] or 0 for statement in sql.NEWEST]
            for statement in sql.FORGET:
                await connection.run(statement, ids)
            await connection.run(sql.PRUNED, {"pruned": max(newest)})
            return len(old)

        return await self.database.write(work)

    async def close(self) -> None:
        await self.database.close()


class _Batch:
    """Records on their way into the tables. All that can be is made before the transaction, which others wait for."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._ids = {"ids": dumps(sorted({record.trace_id for record in records}))}
        self._spans = [_span_row(item, at) for at, item in enumerate(records) if isinstance(item, SpanRecord)]
        self._events = [_event_row(item, at) for at, item in enumerate(records) if isinstance(item, EventRecord)]
        self._counts = Counter(row["trace"] for row in self._events)
        fresh: dict[str, dict[str, SpanRecord]] = {}
        for item in records:
            if isinstance(item, SpanRecord):
                fresh.setdefault(item.trace_id, {})[item.span_id] = item
        self._fresh = {
            trace: _trace_row(trace, list(spans.values()), self._counts[trace]) for trace, spans in fresh.items()
        }

    async def write(self, connection: Connection, first: int) -> None:
        """Write them, numbered from ``first``, and what follows for their traces."""
        sizes = {trace: (spans, events) for trace, spans, events in await connection.rows(sql.SIZES, self._ids)}
        full = {trace for trace, (spans, _) in sizes.items() if spans >= MAX_SPANS}
        spans = [row | {"seq": first + row["seq"]} for row in self._spans]
        for statement, rows in (
            (sql.PUT_SPAN, [row for row in spans if row["trace"] not in full]),
            (sql.CHANGE_SPAN, [row for row in spans if row["trace"] in full]),
            (sql.PUT_EVENT, list(self._kept(sizes, first))),
            (sql.PUT_TRACE, [row for trace, row in self._fresh.items() if trace not in sizes]),
        ):
            if rows:
                await connection.run_many(statement, rows)
        if sizes:
            briefs = [span_of(*row) for row in await connection.rows(sql.BRIEFS, {"ids": dumps(list(sizes))})]
            rows = [
                _trace_row(trace, list(found), sizes[trace][1] + self._counts[trace])
                for trace, found in groupby(briefs, lambda span: span.trace_id)
            ]
            await connection.run_many(sql.PUT_TRACE, rows)

    def _kept(self, sizes: Mapping[str, tuple[int, int]], first: int) -> Iterator[dict[str, Any]]:
        """The events that their traces have room for. Where no span is known they would be kept for ever."""
        room = {trace: MAX_EVENTS - (sizes[trace][1] if trace in sizes else 0) for trace in {*sizes, *self._fresh}}
        for row in self._events:
            if room.get(row["trace"], 0) > 0:
                room[row["trace"]] -= 1
                yield row | {"seq": first + row["seq"]}


def _trace_row(trace: str, spans: list[SpanRecord], events: int) -> dict[str, Any]:
    summary = summarised(trace, spans, truncated=len(spans) >= MAX_SPANS or events > MAX_EVENTS)
    return {
        "trace": trace,
        "start": summary.start_us,
        "duration": summary.duration_us,
        "kind": summary.kind,
        "status": summary.status,
        "spans": summary.spans,
        "events": events,
        "words": words_of(summary, spans),
        "data": summary_data(summary),
    }


def _span_row(span: SpanRecord, seq: int) -> dict[str, Any]:
    return {
        "trace": span.trace_id,
        "span": span.span_id,
        "seq": seq,
        "step": span.step,
        "status": span.status,
        "start": span.start_us,
        "duration": span.duration_us,
        "brief": brief_of(span),
        "body": body_of(span),
    }


def _event_row(event: EventRecord, seq: int) -> dict[str, Any]:
    return {
        "seq": seq,
        "trace": event.trace_id,
        "span": event.span_id,
        "step": event.step,
        "at": event.at_us,
        "type": event.type,
        "severity": LEVELS.get(event.level or "", 0),
        "target": event.target if event.type == "enqueue" else None,
        "message": event.message,
        "data": event_data(event),
    }


def _within(after_us: int, before_us: int | None) -> dict[str, Any]:
    return {"after": after_us, "before": FOR_EVER if before_us is None else before_us, "limit": MAX_STATS + 1}


def _place(cursor: str | None, last: type) -> dict[str, Any]:
    """Where the page before ended, as parameters."""
    place = place_of(cursor)
    if place is None or (last is int and number_of(place[1]) is None):
        return {}
    return {"start": place[0], "last": last(place[1])}

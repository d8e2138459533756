"""Trace stores: numbering, summaries, pages, search, the feed, counters, and forgetting."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from motia.traces.base import (
    MAX_EVENTS,
    MAX_SPANS,
    PRUNE_BATCH,
    LogFilter,
    TraceFilter,
    TracePage,
    TraceStore,
)
from motia.tracing.records import ErrorRecord, EventRecord, SpanRecord

DECLINED = ErrorRecord("CardDeclined", "no money left", "Traceback: here\nCardDeclined: no money left")
ODD = "ünï😀 100% a_b 'quo\"te\\ \x01 end"
SECOND = 1_000_000


@dataclass
class TraceHarness:
    """A trace store under test, empty and migrated.

    Attributes:
        store: one handle, which the suite reads.
        other: another handle to the same store, as another process has it.
    """

    store: TraceStore
    other: TraceStore


def span(
    trace: int | str = 1, number: int = 1, start: int = SECOND, length: int | None = 100, **more: Any
) -> SpanRecord:
    """A span of a trace; what the test does not say is that of an order that was charged."""
    fields: dict[str, Any] = {
        "step": "charge", "kind": "queue", "name": "order.created", "flows": ("orders",), "attempt": 1,
        "max_attempts": 4, "wait_us": 7, "status": "running" if length is None else "ok",
    }  # fmt: skip
    fields |= more
    parent = fields.pop("parent_id", None)
    return SpanRecord(id_of(trace), f"{number:016x}", parent, start_us=start, duration_us=length, **fields)


def event(trace: int | str = 1, number: int = 1, at: int = SECOND, type: Any = "log", **more: Any) -> EventRecord:
    """A line that the span has logged."""
    return EventRecord(id_of(trace), f"{number:016x}", at, type, more.pop("step", "charge"), **more)


def id_of(trace: int | str) -> str:
    """The id of a trace by its number."""
    return trace if isinstance(trace, str) else f"{trace:032x}"


def names(page: TracePage) -> list[int]:
    """The numbers of the traces of a page."""
    return [int(item.trace_id, 16) for item in page.items]


class TraceConformance:
    """Everything that ``motia.traces.base`` promises."""

    async def test_a_span_comes_back_as_it_was(self, traces: TraceHarness) -> None:
        full = span(
            parent_id="f" * 16, status="error", input=json.dumps({"a": ODD}), output='{"b":1}', error=DECLINED,
            message_id="m-1", topic="order.created", attrs={"delivery_id": "m-1:charge", "odd": ODD}, name=ODD[:20],
        )  # fmt: skip
        await traces.other.append([full])
        found = await traces.store.trace(id_of(1))
        assert found is not None
        assert found.spans == [full._replace(seq=1)]
        bare = span(2, kind="http", wait_us=None, flows=())
        await traces.store.append([bare])
        found = await traces.store.trace(id_of(2))
        assert found is not None
        assert found.spans == [bare._replace(seq=2)]

    async def test_an_event_comes_back_as_it_was(self, traces: TraceHarness) -> None:
        log = event(level="warning", message=ODD, fields={"n": 1, "odd": ODD, "deep": {"a": [None, True]}})
        change = event(
            at=SECOND + 1, type="state", op="set", target=f"orders/{ODD}", before='{"a":1}', after=json.dumps(ODD)
        )
        await traces.other.append([span(), log, change])
        found = await traces.store.trace(id_of(1))
        assert found is not None
        assert found.events == [log._replace(seq=2), change._replace(seq=3)]

    async def test_what_is_not_there_is_none(self, traces: TraceHarness) -> None:
        assert await traces.store.trace(id_of(1)) is None
        assert (await traces.store.traces(TraceFilter())).items == []
        assert (await traces.store.logs(LogFilter())).items == []
        assert (await traces.store.stats(0)).total.runs == 0
        await traces.store.append([])

    async def test_a_span_recorded_again_takes_the_place_of_its_former_record(self, traces: TraceHarness) -> None:
        await traces.store.append([span(length=None)])
        summary = (await traces.store.traces(TraceFilter())).items[0]
        assert (summary.status, summary.duration_us, summary.spans) == ("running", None, 1)
        await traces.other.append([span(output='"done"')])
        found = await traces.store.trace(id_of(1))
        assert found is not None
        assert [(item.status, item.duration_us, item.output, item.seq) for item in found.spans] == [
            ("ok", 100, '"done"', 2)
        ]
        assert (found.summary.status, found.summary.duration_us) == ("ok", 100)

    async def test_a_summary_follows_from_spans_of_many_processes(self, traces: TraceHarness) -> None:
        await traces.store.append(
            [span(number=1, kind="http", name="POST /orders", step="create", flows=("orders", "shop"))]
        )
        failed = span(number=2, start=SECOND + 200, status="retry", error=DECLINED, message_id="m", attempt=1)
        await traces.other.append([failed])
        assert (await traces.store.traces(TraceFilter())).items[0].status == "running"
        await traces.store.append([span(number=3, start=SECOND + 1000, message_id="m", attempt=2)])
        found = (await traces.other.traces(TraceFilter())).items[0]
        assert (found.name, found.kind, found.step) == ("POST /orders", "http", "create")
        assert (found.steps, found.flows) == (("create", "charge"), ("orders", "shop"))
        assert (found.status, found.spans, found.retries) == ("recovered", 3, 1)
        assert (found.start_us, found.duration_us, found.busy_us) == (SECOND, 1100, 300)
        assert found.error is not None
        assert found.error[:2] == DECLINED[:2]

    async def test_pages_go_from_the_newest_to_the_oldest(self, traces: TraceHarness) -> None:
        starts = {1: 3, 2: 9, 3: 1, 4: 9, 5: 9, 6: 4}
        await traces.store.append([span(trace, start=SECOND * at) for trace, at in starts.items()])
        seen: list[int] = []
        cursor = None
        for _ in range(4):
            page = await traces.store.traces(TraceFilter(), 2, cursor)
            seen += names(page)
            if (cursor := page.next) is None:
                break
        assert seen == [5, 4, 2, 6, 1, 3]

    async def test_a_page_goes_on_where_it_ended_though_more_has_come(self, traces: TraceHarness) -> None:
        await traces.store.append([span(trace, start=SECOND * trace) for trace in range(1, 5)])
        first = await traces.store.traces(TraceFilter(), 2)
        await traces.store.append([span(9, start=SECOND * 9)])
        assert names(await traces.store.traces(TraceFilter(), 2, first.next)) == [2, 1]

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            (TraceFilter(), [4, 3, 2, 1]),
            (TraceFilter(step="mail_it"), [3]),
            (TraceFilter(step="mail"), []),
            (TraceFilter(flow="stock"), [2]),
            (TraceFilter(kind="http"), [1]),
            (TraceFilter(status="error"), [2]),
            (TraceFilter(status="running"), [4]),
            (TraceFilter(min_us=500), [2]),
            (TraceFilter(q="post /ORDERS"), [1]),
            (TraceFilter(q="message-3"), [3]),
            (TraceFilter(q="money"), [2]),
            (TraceFilter(q="%"), []),
            (TraceFilter(q="a_b"), []),
            (TraceFilter(after_us=2 * SECOND, before_us=4 * SECOND), [3, 2]),
            (TraceFilter(ids=[id_of(4), id_of(1), id_of(99)]), [4, 1]),
            (TraceFilter(ids=[]), []),
            (TraceFilter(step="mail_it", q="order.created", kind="queue"), [3]),
        ],
    )
    async def test_filters(self, traces: TraceHarness, wanted: TraceFilter, expected: list[int]) -> None:
        await traces.store.append(
            [
                span(1, kind="http", name="POST /orders"),
                span(2, start=2 * SECOND, length=500, status="error", error=DECLINED, flows=("stock",)),
                span(3, start=3 * SECOND, step="mail_it", message_id="Message-3", flows=()),
                span(4, start=4 * SECOND, length=None),
            ]
        )
        page = await traces.store.traces(wanted)
        assert names(page) == expected
        assert page.total in {None, len(expected)}

    async def test_logs_are_found(self, traces: TraceHarness) -> None:
        await traces.store.append(
            [
                span(1), span(2),
                event(1, at=SECOND, level="info", message="Accepted 100%"),
                event(1, at=SECOND + 2, type="enqueue", op="enqueue", target="t"),
                event(1, at=SECOND + 1, level="error", message="declined", step="charge"),
                event(2, at=SECOND + 3, level="debug", message="accepted", step="mail"),
            ]
        )  # fmt: skip

        async def found(**wanted: Any) -> list[str | None]:
            return [line.message for line in (await traces.store.logs(LogFilter(**wanted))).items]

        assert await found() == ["accepted", "declined", "Accepted 100%"]
        assert await found(level="info") == ["declined", "Accepted 100%"]
        assert await found(level="warning") == ["declined"]
        assert await found(step="mail") == ["accepted"]
        assert await found(trace_id=id_of(1), q="ACCEPTED") == ["Accepted 100%"]
        assert await found(q="0%") == ["Accepted 100%"]
        assert await found(after_us=SECOND + 1, before_us=SECOND + 3) == ["declined"]

    async def test_logs_come_in_pages(self, traces: TraceHarness) -> None:
        lines = [event(at=SECOND + index // 2, level="info", message=str(index)) for index in range(5)]
        await traces.store.append([span(), *lines])
        seen: list[str | None] = []
        cursor = None
        for _ in range(4):
            page = await traces.store.logs(LogFilter(), 2, cursor)
            seen += [line.message for line in page.items]
            if (cursor := page.next) is None:
                break
        assert seen == ["4", "3", "2", "1", "0"]

    async def test_the_feed_tells_everything_once_and_in_order(self, traces: TraceHarness) -> None:
        start = await traces.store.since(None)
        assert (start.records, start.reset) == ([], False)
        await traces.store.append([span(length=None), event(message="a", level="info")])
        await traces.other.append([span(2)])
        await traces.store.append([span()])
        seen: list[Any] = []
        cursor = start.cursor
        for _ in range(5):
            changes = await traces.store.since(cursor, 2)
            assert not changes.reset
            seen += changes.records
            if not changes.records:
                break
            cursor = changes.cursor
        assert [item.seq for item in seen] == sorted(item.seq for item in seen)
        # The running span has moved to the end, where it has ended.
        assert [(type(item).__name__, int(item.trace_id, 16)) for item in seen] == [
            ("EventRecord", 1), ("SpanRecord", 2), ("SpanRecord", 1),
        ]  # fmt: skip
        assert (await traces.store.since(cursor)).records == []

    async def test_the_feed_misses_nothing_of_many_writers(self, traces: TraceHarness) -> None:
        cursor = (await traces.store.since(None)).cursor
        seen: list[str] = []
        written = 0

        async def write(store: TraceStore, first: int) -> None:
            nonlocal written
            for number in range(first, first + 20):
                await store.append([span(number), event(number, level="info", message=str(number))])
            written += 1

        async with anyio.create_task_group() as tasks:
            for index, store in enumerate((traces.store, traces.other, traces.store)):
                tasks.start_soon(write, store, 1 + 100 * index)
            with anyio.fail_after(30):
                while True:
                    done = written == 3
                    changes = await traces.store.since(cursor, 7)
                    cursor = changes.cursor
                    seen += [item.message or "" for item in changes.records if isinstance(item, EventRecord)]
                    if done and not changes.records:
                        break
                    await anyio.lowlevel.checkpoint()
        assert sorted(seen, key=int) == [str(first + index) for first in (1, 101, 201) for index in range(20)]

    @pytest.mark.parametrize(
        "cursor", ["nonsense", ":", "1:", ":1", "1:" + "9" * 30, "9" * 30 + ":1", "9" * 5000 + ":1", "\xb2:1"]
    )
    async def test_a_cursor_that_is_none_is_no_error(self, traces: TraceHarness, cursor: str) -> None:
        await traces.store.append([span(1), event(level="info", message="said")])
        assert len((await traces.store.traces(TraceFilter(), 5, cursor)).items) <= 1
        assert len((await traces.store.logs(LogFilter(), 5, cursor)).items) <= 1
        assert (await traces.store.since(cursor)).reset

    @pytest.mark.parametrize("cursor", ["999999", "nonsense", ""])
    async def test_a_cursor_of_another_life_is_told_to_begin_anew(self, traces: TraceHarness, cursor: str) -> None:
        await traces.store.append([span()])
        changes = await traces.store.since(cursor)
        assert (changes.records, changes.reset) == ([], True)
        assert not (await traces.store.since(changes.cursor)).reset

    async def test_counters(self, traces: TraceHarness) -> None:
        runs = [span(1, number, start=SECOND + number, length=number * 10) for number in range(1, 21)]
        await traces.store.append(
            [
                *runs,
                span(2, start=2 * SECOND, step="mail", status="retry", message_id="m"),
                span(2, 2, start=3 * SECOND, step="mail", status="error", message_id="m"),
                span(2, 3, start=4 * SECOND, step="mail", length=None),
                event(2, 1, 2 * SECOND, "enqueue", op="enqueue", target="order.paid"),
                event(2, 1, 9 * SECOND, "enqueue", op="enqueue", target="order.late"),
            ]
        )
        stats = await traces.store.stats(SECOND, 5 * SECOND)
        assert stats.steps["charge"] == (20, 0, 0, 0, 110, 200, SECOND + 20)
        assert stats.steps["mail"] == (3, 1, 1, 1, 100, 100, 4 * SECOND)
        assert (stats.total.runs, stats.topics, stats.truncated) == (23, {"order.paid": 1}, False)
        assert (await traces.store.stats(2 * SECOND)).total.runs == 3

    async def test_a_history_counts_by_parts_of_a_time(self, traces: TraceHarness) -> None:
        await traces.store.append(
            [
                span(1, 1, start=SECOND - 1),
                span(1, 2, start=SECOND, length=30),
                span(1, 3, start=2 * SECOND - 1, length=10, status="retry"),
                span(1, 4, start=3 * SECOND, length=50, status="error"),
                span(1, 5, start=3 * SECOND + 5, length=None),
                span(1, 6, start=4 * SECOND),
            ]
        )
        assert await traces.other.history(SECOND, SECOND, 3) == [
            (SECOND, 2, 1, 30),
            (2 * SECOND, 0, 0, None),
            (3 * SECOND, 2, 1, 50),
        ]

    async def test_links_join_what_ran_to_what_it_set_off(self, traces: TraceHarness) -> None:
        def after(cause: int, number: int, step: str, **more: Any) -> SpanRecord:
            return span(1, number, start=SECOND * number, parent_id=f"{cause:016x}", step=step, **more)

        sent = {"topic": "order.created", "message_id": "m-1"}
        await traces.store.append(
            [
                span(1, 1, start=SECOND, step="create", kind="http", name="POST /orders"),
                after(1, 2, "charge", status="retry", **sent),
                after(1, 3, "charge", attempt=2, **sent),
                after(1, 4, "charge", topic="order.created", message_id="m-2"),
                after(3, 5, "count", kind="state", name="state orders/*", topic="$state", message_id="m-3"),
                after(3, 6, "rate", kind="invoke", name="invoke rate"),
                span(2, 7, start=7 * SECOND, step="create", parent_id=f"{1:016x}"),  # a parent of another trace
                after(99, 8, "orphan"),
                after(6, 9, "late", topic="order.late", message_id="m-4"),
            ]
        )
        found = await traces.other.links(SECOND, 9 * SECOND)
        assert found.items == [
            ("create", "charge", "queue", "order.created", "order.created", 2),
            ("charge", "count", "state", "state orders/*", "$state", 1),
            ("charge", "rate", "invoke", "invoke rate", None, 1),
        ]
        assert not found.truncated
        assert [item.target for item in (await traces.store.links(6 * SECOND)).items] == ["late"]

    async def test_old_traces_are_forgotten_with_all_they_have(self, traces: TraceHarness) -> None:
        cursor = (await traces.store.since(None)).cursor
        await traces.store.append(
            [
                item
                for trace in range(1, 6)
                for item in (span(trace, start=trace * SECOND), event(trace, level="info", message=str(trace)))
            ]
        )
        assert await traces.store.prune(100, 0) == 0
        assert await traces.store.prune(100, 3 * SECOND) == 2
        assert names(await traces.store.traces(TraceFilter())) == [5, 4, 3]
        assert await traces.store.prune(1, 0) == 2
        assert names(await traces.store.traces(TraceFilter())) == [5]
        assert [line.message for line in (await traces.store.logs(LogFilter())).items] == ["5"]
        assert await traces.store.trace(id_of(4)) is None
        assert (await traces.store.stats(0)).total.runs == 1
        changes = await traces.store.since(cursor)
        assert changes.reset
        assert not (await traces.store.since(changes.cursor)).reset

    async def test_of_traces_that_start_at_once_as_many_are_kept_as_wanted(self, traces: TraceHarness) -> None:
        await traces.store.append([span(trace) for trace in range(1, 6)])
        assert await traces.store.prune(2, 0) == 3
        assert names(await traces.store.traces(TraceFilter())) == [5, 4]

    async def test_traces_are_forgotten_in_batches(self, traces: TraceHarness) -> None:
        spans = [span(trace, start=SECOND + trace) for trace in range(1, PRUNE_BATCH + 12)]
        for start in range(0, len(spans), 100):
            await traces.store.append(spans[start : start + 100])
        assert await traces.store.prune(1, 0) == PRUNE_BATCH
        assert await traces.store.prune(1, 0) == 10
        assert await traces.store.prune(1, 0) == 0

    async def test_a_trace_without_end_is_cut_off(self, traces: TraceHarness) -> None:
        numbers = itertools.count(1)
        for _ in range(MAX_SPANS // 500 + 1):
            await traces.store.append([span(1, next(numbers), start=SECOND + index) for index in range(500)])
        await traces.store.append([span(1, 1, status="error", error=DECLINED)])
        found = await traces.store.trace(id_of(1))
        assert found is not None
        assert len(found.spans) <= MAX_SPANS
        assert found.summary.truncated
        assert found.summary.status == "error"  # what is known of is still brought to its end

    async def test_events_without_end_are_cut_off(self, traces: TraceHarness) -> None:
        await traces.store.append([span()])
        for _ in range(MAX_EVENTS // 1000 + 1):
            await traces.store.append([event(level="info", message="again")] * 1000)
        found = await traces.store.trace(id_of(1))
        assert found is not None
        assert len(found.events) <= MAX_EVENTS
        assert found.summary.truncated

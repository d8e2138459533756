"""What the spans of a trace say about it."""

from __future__ import annotations

import pytest

from motia.traces.base import TraceFilter
from motia.traces.summary import Ran, charted, counted, summarised, wanted_words, words_of
from motia.tracing.records import ErrorRecord, SpanRecord


def span(
    span_id: str = "s1", start: int = 0, length: int | None = 100, status: str = "ok", **more: object
) -> SpanRecord:
    fields = {"step": "charge", "kind": "queue", "name": "order.created", "flows": ("orders",)} | more
    return SpanRecord(
        "t1", span_id, None, attempt=1, max_attempts=4, start_us=start, duration_us=length, wait_us=None,
        status=status, **fields,  # type: ignore[arg-type]  # as the test says
    )  # fmt: skip


DECLINED = ErrorRecord("CardDeclined", "no money")


def test_the_first_span_gives_the_name() -> None:
    found = summarised("t1", [span("s2", 50), span("s1", 10, kind="http", name="POST /orders", step="create")])
    assert (found.name, found.kind, found.step, found.start_us) == ("POST /orders", "http", "create", 10)
    assert (found.steps, found.flows, found.spans) == (("create", "charge"), ("orders",), 2)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["ok"], "ok"),
        (["skipped"], "ok"),
        (["running"], "running"),
        (["retry"], "running"),
        (["retry", "ok"], "recovered"),
        (["retry", "error"], "error"),
        (["retry", "discarded"], "error"),
        (["error", "ok"], "recovered"),
        (["released", "ok"], "ok"),
    ],
)
def test_the_status_is_that_of_the_last_run_of_each_delivery(statuses: list[str], expected: str) -> None:
    failed = {"retry", "error", "discarded"}
    spans = [
        span(f"s{index}", index * 10, status=status, message_id="m1", error=DECLINED if status in failed else None)
        for index, status in enumerate(statuses)
    ]
    assert summarised("t1", reversed(spans)).status == expected


def test_another_delivery_does_not_make_good() -> None:
    lost = span("s1", 0, status="error", message_id="m1", error=DECLINED)
    found = summarised("t1", [lost, span("s2", 10, message_id="m2"), span("s3", 20, message_id="m1", step="other")])
    assert (found.status, found.error, found.retries) == ("error", DECLINED, 0)


def test_busy_time_counts_what_runs_at_once_only_once() -> None:
    found = summarised("t1", [span("s1", 0, 100), span("s2", 50, 100), span("s3", 400, 10)])
    assert (found.duration_us, found.busy_us) == (410, 160)


def test_it_has_no_length_while_it_runs() -> None:
    assert summarised("t1", [span("s1", 0, 100), span("s2", 50, None, "running")]).duration_us is None


def test_a_search_sees_what_is_shown() -> None:
    spans = [span(message_id="M-1", status="error", error=DECLINED)]
    words = words_of(summarised("T1", spans), spans)
    for wanted in (TraceFilter(step="charge", flow="orders"), TraceFilter(q="m-1"), TraceFilter(q="carddeclined: no")):
        assert all(word in words for word in wanted_words(wanted))
    assert wanted_words(TraceFilter(step="char"))[0] not in words


def test_counters() -> None:
    runs = [Ran("a", "ok", index, index) for index in range(1, 101)] + [
        Ran("b", "retry", 500, 7),
        Ran("b", "running", 600, None),
    ]
    stats = counted(runs, {"order.created": 3})
    assert stats.steps["a"] == (100, 0, 0, 0, 51, 96, 100)
    assert stats.steps["b"] == (2, 0, 1, 1, 7, 7, 600)
    assert (stats.total.runs, stats.total.last_us, stats.topics) == (102, 600, {"order.created": 3})


def test_a_history_does_not_know_what_it_has_not_looked_at() -> None:
    runs = [Ran("a", "ok", start, 5) for start in (39, 31, 25)]
    points = charted(runs, 0, 10, 4, truncated=True)
    assert points == [(0, None, None, None), (10, None, None, None), (20, None, None, None), (30, 2, 0, 5)]
    assert [point.runs for point in charted(runs, 0, 10, 4)] == [0, 0, 1, 2]

"""What runs leave behind: one request that sets off work in other processes, failures, secrets and a store away."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import BaseModel

from motia import Discard, Motia, QueueConfig, Worker, cron, queue, step
from motia.traces.base import LogFilter, TraceDetail, TraceFilter, TraceStore
from motia.tracing.records import EventRecord, SpanRecord
from motia.web.endpoint import Host, make_router, respond
from motia.web.incoming import Incoming
from tests.flows.recorded import SECRET, make_app

ROOT = Path(__file__).parents[2]
BACKENDS = ["sqlite", *(pytest.param(kind, marks=pytest.mark.service) for kind in ("postgresql", "mysql", "redis"))]


class Wanted(BaseModel):
    n: int


def traces_of(app: Motia) -> TraceStore:
    found = app.running.backend.working.traces
    assert found is not None
    return found


async def post(app: Motia, body: Any, path: str = "/orders", **headers: str) -> Any:
    """A request as an adapter hands it on; status and body of the answer."""
    parts = app.running
    found = make_router(parts.registry.http).match(path)
    assert found is not None
    endpoint = found[0]
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    incoming = Incoming("POST", path, {}, "", {"content-type": "application/json", **headers}, text, None)
    answer: Any = await respond(parts.dispatcher, endpoint.plans["POST"], incoming, Host())
    return answer.status, json.loads(answer.body)


async def found(app: Motia, wanted: Callable[[TraceDetail], bool], **filter: Any) -> TraceDetail:
    """The newest trace, once it is as wanted."""
    detail: TraceDetail | None = None
    with anyio.fail_after(30):
        while True:
            page = await traces_of(app).traces(TraceFilter(**filter))
            detail = await traces_of(app).trace(page.items[0].trace_id) if page.items else None
            if detail is not None and wanted(detail):
                return detail
            await anyio.sleep(0.02)


def by_step(detail: TraceDetail, name: str) -> list[SpanRecord]:
    return [span for span in detail.spans if span.step == name]


def said(detail: TraceDetail, kind: str) -> list[EventRecord]:
    return [event for event in detail.events if event.type == kind]


def recovered(detail: TraceDetail) -> bool:
    return detail.summary.status == "recovered" and len(detail.spans) == 6


@pytest.mark.parametrize("place", BACKENDS, indirect=True)
async def test_a_request_and_all_that_it_set_off_are_one_trace(place: str) -> None:
    async with make_app(place) as app, Worker(app):
        status, body = await post(app, {"id": "o1"}, cookie=SECRET)
        detail = await found(app, recovered)
    assert status == 201
    summary = detail.summary
    assert (summary.name, summary.kind, summary.flows, summary.retries) == ("POST /orders", "http", ("orders",), 1)
    assert set(summary.steps) == {"create", "charge", "reserve", "receipt", "tell"}
    assert summary.error is not None
    assert summary.error.type == "RuntimeError"
    (request,) = by_step(detail, "create")
    assert (request.attrs["http.status"], request.parent_id, request.status) == (201, None, "ok")
    first, second = by_step(detail, "charge")
    assert (first.status, first.attempt, second.status, second.attempt, first.max_attempts) == ("retry", 1, "ok", 2, 3)
    assert first.error is not None
    assert "in charge" in first.error.stack
    assert second.start_us >= first.start_us + (first.duration_us or 0)
    assert second.output == '{"charged":"receipt of o1"}'
    for consumer in (first, second, *by_step(detail, "reserve")):
        assert (consumer.parent_id, consumer.message_id) == (request.span_id, body["message_id"])
        assert consumer.wait_us is not None
    (invoked,) = by_step(detail, "receipt")
    assert (invoked.kind, invoked.parent_id, invoked.status) == ("invoke", second.span_id, "ok")
    (told,) = by_step(detail, "tell")
    assert (told.kind, told.name, told.parent_id) == ("state", "state orders/*", second.span_id)


@pytest.mark.parametrize("place", BACKENDS, indirect=True)
async def test_what_happens_in_a_run_is_told_with_it(place: str) -> None:
    async with make_app(place) as app, Worker(app):
        _, body = await post(app, {"id": "o1"})
        detail = await found(app, recovered)
    (request,), (_, second) = by_step(detail, "create"), by_step(detail, "charge")
    (sent,) = said(detail, "enqueue")
    assert (sent.span_id, sent.target, sent.fields) == (
        request.span_id,
        "order.created",
        {"message_id": body["message_id"]},
    )
    paid, reserved = sorted(said(detail, "state"), key=lambda event: event.target or "")
    assert (paid.span_id, paid.op, paid.target, paid.before) == (second.span_id, "set", "orders/o1", None)
    assert json.loads(paid.after or "")["status"] == "paid"
    assert (reserved.target, reserved.step) == ("reserved/o1", "reserve")
    (item,) = said(detail, "stream")
    assert (item.op, item.target, item.after) == ("set", "board/orders/o1", '{"status":"paid","id":"o1"}')
    lines = {line.message: line for line in said(detail, "log")}
    assert {message: (line.level, line.step) for message, line in lines.items()} == {
        "accepted": ("info", "create"), "printed": ("debug", "receipt"), "told": ("warning", "tell"),
    }  # fmt: skip


@pytest.mark.parametrize("place", BACKENDS, indirect=True)
async def test_no_secret_is_recorded(place: str) -> None:
    async with make_app(place) as app, Worker(app):
        await post(app, {"id": "o1", "password": SECRET}, authorization=f"Bearer {SECRET}", cookie=SECRET)
        detail = await found(app, recovered)
        lines = await traces_of(app).logs(LogFilter())
        changes = await traces_of(app).since("0")
    assert len(changes.records) >= len(detail.spans) + len(detail.events)
    assert repr(detail).count("[hidden]") > 5
    for text in (repr(detail), repr(lines), repr(changes)):
        assert SECRET not in text


@pytest.mark.parametrize("place", BACKENDS, indirect=True)
async def test_a_fan_out_over_two_processes_is_one_trace(place: str) -> None:
    environ = {**os.environ, "MOTIA_URL": place}
    async with make_app(place) as app:
        _, body = await post(app, {"id": "o1"})
        workers = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "motia", "worker", "tests.flows.recorded:make_app()", "-q", name,
                cwd=ROOT, env=environ, stderr=asyncio.subprocess.DEVNULL,
            )
            for name in ("charge", "reserve")
        ]  # fmt: skip
        try:
            detail = await found(app, lambda found: len(found.spans) == 5 and found.summary.status == "recovered")
        finally:
            for process in workers:
                process.terminate()
            assert [await process.wait() for process in workers] == [0, 0]
        charged = (await app.state.get("orders", "o1"))["pid"]
        reserved = await app.state.get("reserved", "o1")
    assert len({charged, reserved, os.getpid()}) == 3
    assert len({span.trace_id for span in detail.spans}) == 1
    (request,) = by_step(detail, "create")
    consumers = [*by_step(detail, "charge"), *by_step(detail, "reserve")]
    assert {(span.parent_id, span.message_id) for span in consumers} == {(request.span_id, body["message_id"])}
    assert [event.span_id for event in said(detail, "enqueue")] == [request.span_id]


async def test_requests_that_fail_or_never_reach_their_step_are_recorded() -> None:
    async with make_app("memory:") as app:
        parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
        assert (await post(app, b"{", traceparent=parent))[0] == 400
        assert (await post(app, {"bad": True}))[0] == 409
        assert (await post(app, {}))[0] == 500
        broken = await found(app, lambda found: found.summary.status == "error")
        refused = await found(app, bool, q="a" * 32)
        page = await traces_of(app).traces(TraceFilter())
    (span,) = broken.spans
    assert span.error is not None
    assert (span.error.type, span.attrs["http.status"]) == ("KeyError", 500)
    (span,) = refused.spans
    assert (span.parent_id, span.status, span.attrs["http.status"], span.error) == ("b" * 16, "ok", 400, None)
    assert span.span_id != "b" * 16
    assert [item.status for item in page.items] == ["error", "ok", "ok"]


async def test_how_deliveries_end() -> None:
    @step("gives-up", triggers=[queue("a", config=QueueConfig(max_retries=3))])
    async def gives_up(data: Any) -> None:
        raise Discard("not wanted")

    @step("too-slow", triggers=[queue("a", config=QueueConfig(max_retries=0, timeout=0.05))])
    async def too_slow(data: Any) -> None:
        await anyio.sleep(60)

    @step("not-met", triggers=[queue("a", condition=lambda data, ctx: False)])
    async def not_met(data: Any) -> None: ...

    @step("picky", triggers=[queue("a")])
    async def picky(data: Wanted) -> None: ...

    app = Motia("memory:", steps=[gives_up, too_slow, not_met, picky], settings=make_app().settings)
    async with app, Worker(app):
        await app.enqueue("a", {"x": 1})
        detail = await found(
            app, lambda found: len(found.spans) == 4 and "running" not in {span.status for span in found.spans}
        )
    ends = {span.step: span for span in detail.spans}
    assert {name: span.status for name, span in ends.items()} == {
        "gives-up": "discarded", "too-slow": "error", "not-met": "skipped", "picky": "parked",
    }  # fmt: skip
    assert ends["too-slow"].error is not None
    assert "longer than" in ends["too-slow"].error.message
    assert ends["picky"].error is not None
    assert ends["picky"].error.type == "schema"
    assert detail.summary.status == "running"  # what is parked is yet to come


async def test_a_tick_of_a_schedule_is_a_trace() -> None:
    @step("nightly", triggers=[cron("* * * * * *")])
    async def nightly(ctx: Any) -> str:
        return "done"

    app = Motia("memory:", steps=[nightly], settings=make_app().settings)
    async with app, Worker(app):
        detail = await found(app, lambda found: found.summary.status == "ok")
    (span,) = detail.spans
    assert (span.kind, span.name, span.output) == ("cron", "* * * * * *", '"done"')
    assert span.attrs["missed"] == 0


async def test_a_store_that_is_away_is_not_felt(tmp_path: Path) -> None:
    file = tmp_path / "locked.db"
    async with make_app(f"sqlite:///{file}").with_settings(busy_timeout=0.2) as app:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            statuses = {(await post(app, {"bad": True}))[0] for _ in range(50)}
            assert other.execute("SELECT COUNT(*) FROM motia_span").fetchone() == (0,)
            other.execute("COMMIT")
        assert statuses == {409}
        await found(app, lambda detail: True)
        with anyio.fail_after(20):
            while (await traces_of(app).traces(TraceFilter())).total != 50:
                await anyio.sleep(0.05)
        assert app.running.recorder is not None
        assert app.running.recorder.dropped == 0


async def test_nothing_is_recorded_unless_somebody_says_so() -> None:
    async with Motia("memory:", steps=make_app().steps) as app, Worker(app):
        await post(app, {"id": "o1"})
        assert app.running.recorder is None
        assert (await traces_of(app).traces(TraceFilter())).items == []

"""Contexts in real runs: what handlers can do, in both flavours."""

from __future__ import annotations

import functools
import logging
import time
from typing import Any

import pytest
from pydantic import BaseModel

from motia import (
    ApiRequest,
    ConfigError,
    Discard,
    FlowContext,
    LeaseLost,
    Motia,
    QueueConfig,
    Retry,
    StateTriggerInput,
    StreamTriggerInput,
    SyncFlowContext,
    UnknownStep,
    ValidationFailed,
    cron,
    http,
    queue,
    state,
    step,
    stream,
)
from motia.concurrency import drive
from motia.execution import context_for
from motia.leases import Lease
from motia.queues.base import Demand
from motia.testing import MotiaTester, fake_context

FAST = QueueConfig(max_retries=2, backoff_type="fixed", backoff_delay_ms=1000)


async def test_the_idempotency_key_is_the_same_for_every_attempt() -> None:
    seen: list[Any] = []

    @step(triggers=[queue("t", config=FAST)])
    async def t(data: Any, ctx: FlowContext[Any]) -> None:
        seen.append((ctx.attempt, ctx.idempotency_key, ctx.delivery_id))
        if ctx.attempt == 1:
            raise ValueError

    async with MotiaTester(Motia("memory:", steps=[t])) as tester:
        sent = await tester.enqueue("t")
        await tester.advance(seconds=5)
    key = f"{sent.message_id}:t#t"
    assert seen == [(1, key, key), (2, key, key)]
    assert fake_context(trigger="http").idempotency_key is None


async def test_the_trace_goes_through_every_hop() -> None:
    seen: list[str] = []

    @step(triggers=[http("POST", "/start")])
    async def start(req: Any, ctx: FlowContext[Any]) -> Any:
        seen.append(ctx.trace_id)
        await ctx.enqueue("one", {})
        return {"trace": ctx.traceId}

    @step(triggers=[queue("one")])
    def one(data: Any, ctx: SyncFlowContext[Any]) -> None:
        seen.append(ctx.trace_id)
        ctx.state.set("g", "k", 1)

    @step(triggers=[state(group="g")])
    async def changed(change: Any, ctx: FlowContext[Any]) -> None:
        seen.append(ctx.trace_id)

    async with MotiaTester(Motia("memory:", steps=[start, one, changed])) as t:
        given = "ab" * 16
        response = await t.post("/start", json={}, headers={"traceparent": f"00-{given}-{'cd' * 8}-01"})
        await t.wait_idle()
    assert response.json == {"trace": given}
    assert seen == [given] * 3


async def test_invoke_runs_another_step_in_both_flavours() -> None:
    @step
    async def waiting(data: Any, ctx: FlowContext[Any]) -> str:
        return f"waiting {data} {ctx.trace_id}"

    @step
    def blocking(data: Any, ctx: SyncFlowContext[Any]) -> str:
        return f"blocking {data} {ctx.trace_id}"

    @step
    async def from_waiting(data: Any, ctx: FlowContext[Any]) -> list[str]:
        return [ctx.trace_id, await ctx.invoke("waiting", 1), await ctx.invoke("blocking", 2)]

    @step
    def from_blocking(data: Any, ctx: SyncFlowContext[Any]) -> list[str]:
        return [ctx.trace_id, ctx.invoke(waiting, 1), ctx.invoke(blocking, 2)]

    steps = [waiting, blocking, from_waiting, from_blocking]
    async with MotiaTester(Motia("memory:", steps=steps)) as t:
        for name in ("from_waiting", "from_blocking"):
            trace, first, second = await t.invoke(name, None)
            assert (first, second) == (f"waiting 1 {trace}", f"blocking 2 {trace}")
        with pytest.raises(UnknownStep, match="expected a step or the name of one, got 5"):
            await t.invoke(5)  # type: ignore[arg-type]  # that is the test
        with pytest.raises(UnknownStep, match="no step 'waitin' in this app; did you mean 'waiting'"):
            await t.invoke("waitin")


class Page(BaseModel):
    number: int = 1
    tags: list[str] = []


async def test_invoke_gives_each_kind_of_step_the_input_its_trigger_gives() -> None:
    @step(triggers=[http("POST", "/pages/:id", body_schema=Page, query_params=Page)])
    async def page(req: ApiRequest[Page], ctx: FlowContext[Any]) -> list[Any]:
        query = req.query_params
        return [req.body.number, req.path_params.get("id"), query.number, query.tags, req.headers.get("x"), req.method]

    @step(triggers=[state(group="g")])
    def changed(change: Any) -> list[Any]:
        return [type(change).__name__, change.item_id, change.newValue]

    @step(triggers=[stream("todo")])
    def told(change: Any) -> list[Any]:
        return [type(change).__name__, change.stream_name, change.event.data]

    @step(triggers=[cron("0 0 1 1 *")])
    def ticked(value: Any) -> list[Any]:
        return [value]

    parts = {"body": {"number": 2}, "pathParams": {"id": "7"}, "queryParams": {"number": "3", "tags": ["a", "b"]}}
    async with MotiaTester(Motia("memory:", steps=[page, changed, told, ticked])) as t:
        assert await t.invoke("page", parts | {"headers": {"x": "y"}}) == [2, "7", 3, ["a", "b"], "y", "POST"]
        assert await t.invoke("page", {"number": 4}) == [4, None, 1, [], None, "POST"]
        own: ApiRequest[Any] = ApiRequest(body={"number": 5}, query_params={"tags": ["a", "b"]}, method="PUT")
        assert await t.invoke("page", own) == [5, None, 1, ["a", "b"], None, "PUT"]
        assert (own.body, own.query_params.getlist("tags")) == ({"number": 5}, ["a", "b"])
        with pytest.raises(ValidationFailed, match="the query for step 'page' does not fit its schema: number"):
            await t.invoke("page", {"query_params": {"number": "x"}, "body": {}})
        change = {"type": "state", "groupId": "g", "itemId": "k", "oldValue": None, "newValue": 1}
        assert await t.invoke("changed", change) == ["StateTriggerInput", "k", 1]
        event = {"type": "create", "data": {"id": "i"}}
        wire = {"timestamp": 1, "streamName": "todo", "groupId": "g", "id": "i", "event": event}
        assert await t.invoke("told", wire) == ["StreamTriggerInput", "todo", {"id": "i"}]
        assert await t.invoke("told", StreamTriggerInput.of_wire(wire)) == ["StreamTriggerInput", "todo", {"id": "i"}]
        assert await t.invoke("ticked", "now") == [None]
        assert (await t.invoke("changed", StateTriggerInput("state", "g", "k", 1, 2)))[1:] == ["k", 2]


async def test_nested_blocking_invokes_do_not_run_out_of_threads() -> None:
    @step
    def deep(data: int, ctx: SyncFlowContext[Any]) -> int:
        return ctx.invoke("deep", data - 1) if data else 0  # type: ignore[no-any-return]  # it returns what deep does

    @step(triggers=[queue("go")])
    def go(data: int, ctx: SyncFlowContext[Any]) -> None:
        ctx.state.set("done", str(data), ctx.invoke("deep", 5))

    async with MotiaTester(Motia("memory:", steps=[deep, go])) as t:
        for number in range(60):
            await t.enqueue("go", number)
        await t.wait_idle()
        assert len(await t.state.keys("done")) == 60


async def test_match_knows_every_kind_and_motias_names() -> None:
    results: list[Any] = []

    @step(triggers=[queue("t"), cron("0 0 1 1 *"), http("GET", "/x")])
    async def matched(input: Any, ctx: FlowContext[Any]) -> Any:
        kinds = {"event": lambda data: ("queue", data), "cron": lambda: "cron", "api": lambda req, c: {"c": c is ctx}}
        result = await ctx.match(kinds)
        results.append((result, bool(ctx.is_queue), ctx.is_cron(), ctx.get_data()))
        return result

    async with MotiaTester(Motia("memory:", steps=[matched])) as t:
        await t.enqueue("t", 5)
        assert (await t.get("/x")).json == {"c": True}
        await t.advance(days=366)
        with pytest.raises(ConfigError, match="No handler defined for trigger type: queue"):
            await FlowContext.match(_ctx_of("queue"), {"cron": lambda: 1})
    assert results == [({"c": True}, False, False, None), (("queue", 5), True, False, 5), ("cron", False, True, None)]


async def test_match_calls_with_what_a_handler_takes() -> None:
    ctx = fake_context(5)

    class Shop:
        def take(self, data: Any, ctx: Any) -> Any:
            return data, ctx

    for handler, expected in (
        (lambda: "nothing", "nothing"),
        (lambda data: data, 5),
        (lambda context: context, ctx),
        (lambda data, other=None: (data, other), (5, ctx)),
        (lambda *all: all, (5, ctx)),
        (lambda data, *, key="own": (data, key), (5, "own")),
        (Shop().take, (5, ctx)),
        (functools.partial(lambda first, data: (first, data), 1), (1, 5)),
        (str, "5"),
    ):
        assert await ctx.match({"queue": handler}) == expected
    with pytest.raises(ConfigError, match="match expected functions, got 'x' for queue"):
        await ctx.match({"queue": "x"})  # type: ignore[dict-item]  # that is the test


def _ctx_of(kind: str) -> Any:
    return fake_context(trigger=kind)


async def test_a_transaction_commits_everything_together_and_never_runs_again() -> None:
    runs: list[int] = []

    @step(triggers=[queue("t", config=FAST)])
    async def transfer(data: Any, ctx: FlowContext[Any]) -> None:
        runs.append(ctx.attempt)
        async with ctx.transaction() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS ledger (n INTEGER)")
            connection.execute("INSERT INTO ledger VALUES (1)")
            await ctx.state.set("g", "k", "committed")
            await ctx.enqueue("after", {"n": 1})
        raise RuntimeError("too late to matter")

    @step(triggers=[queue("after")])
    async def after(data: Any, ctx: FlowContext[Any]) -> None: ...

    async with MotiaTester(Motia("memory:", steps=[transfer, after])) as t:
        await t.enqueue("t", {})
        await t.advance(minutes=5)
        assert runs == [1]
        assert t.watch("after").events == [{"n": 1}]
        assert await t.state.get("g", "k") == "committed"
        assert t.dead_letters == []


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_failing_block_rolls_everything_back(blocking: bool) -> None:
    @step("t", triggers=[queue("t", config={"maxRetries": 0})])
    async def waiting(data: Any, ctx: FlowContext[Any]) -> None:
        async with ctx.transaction():
            await ctx.state.set("g", "k", "never")
            await ctx.enqueue("t2", {})
            raise RuntimeError("rolled back")

    @step("t", triggers=[queue("t", config={"maxRetries": 0})])
    def sync(data: Any, ctx: SyncFlowContext[Any]) -> None:
        with ctx.transaction():
            ctx.state.set("g", "k", "never")
            ctx.enqueue("t2", {})
            raise RuntimeError("rolled back")

    @step(triggers=[queue("t2")])
    async def t2(data: Any) -> None:
        raise AssertionError("this message never existed")

    async with MotiaTester(Motia("memory:", steps=[sync if blocking else waiting, t2])) as t:
        await t.enqueue("t", {})
        await t.wait_idle()
        assert await t.state.get("g", "k") is None
        assert [letter.step for letter in t.dead_letters] == ["t"]


async def test_a_zombies_transaction_fails() -> None:
    lost: list[bool] = []

    @step(triggers=[queue("t")])
    async def transfer(data: Any, ctx: FlowContext[Any]) -> None:
        blocking = t.app.running.backend.blocking
        assert blocking is not None
        if ctx.attempt == 1:  # meanwhile, the worker is taken for dead
            drive(blocking.queue.abandon("tester"))
        try:
            async with ctx.transaction():
                await ctx.state.update("g", "n", [{"type": "increment"}])
        except LeaseLost:
            lost.append(True)
            raise

    async with MotiaTester(Motia("memory:", steps=[transfer])) as t:
        await t.enqueue("t", {})
        await t.wait_idle()
        assert lost == [True]
        assert await t.state.get("g", "n") == 1


async def test_retry_and_discard_decide() -> None:
    attempts: list[int] = []

    @step(triggers=[queue("later", config=FAST)])
    async def later(data: Any, ctx: FlowContext[Any]) -> None:
        attempts.append(ctx.attempt)
        if ctx.attempt == 1:
            raise Retry("not yet", after=3600)

    @step(triggers=[queue("never", config=FAST)])
    async def never(data: Any) -> None:
        raise Discard("this will not get better")

    async with MotiaTester(Motia("memory:", steps=[later, never])) as t:
        await t.enqueue("later", {})
        await t.enqueue("never", {})
        await t.advance(minutes=59)
        assert attempts == [1]
        await t.advance(minutes=2)
        assert attempts == [1, 2]
        (letter,) = t.dead_letters
    assert (letter.step, letter.reason, letter.attempts, letter.error) == (
        "never", "discarded", 1, "this will not get better"
    )  # fmt: skip


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_retries_are_counted_after_the_first_attempt(retries: int) -> None:
    @step(triggers=[queue("t", config=QueueConfig(max_retries=retries, backoff_type="fixed"))])
    async def fails(data: Any) -> None:
        raise ValueError("no")

    async with MotiaTester(Motia("memory:", steps=[fails])) as t:
        await t.enqueue("t", {})
        await t.advance(seconds=max(0, retries - 1))
        assert len(t.dead_letters) == (1 if retries == 0 else 0)
        await t.advance(seconds=2)
        assert [letter.attempts for letter in t.dead_letters] == [retries + 1]
        assert await t.redrive() == 1
        await t.advance(seconds=10)
        assert [letter.attempts for letter in t.dead_letters] == [retries + 1]


async def test_an_unmet_condition_is_done_and_a_raising_one_is_retried() -> None:
    ran: list[Any] = []

    def picky(data: Any, ctx: SyncFlowContext[Any]) -> bool:
        return bool(data["take"])

    @step(triggers=[queue("t", condition=picky, config=QueueConfig(max_retries=0))])
    async def taken(data: Any) -> None:
        ran.append(data)

    async with MotiaTester(Motia("memory:", steps=[taken])) as t:
        await t.enqueue("t", {"take": True})
        await t.enqueue("t", {"take": False})
        await t.wait_idle()
        assert (ran, t.dead_letters) == ([{"take": True}], [])
        await t.enqueue("t", {})
        await t.wait_idle()
        assert "KeyError: 'take'" in (t.dead_letters[0].error or "")


async def test_log_lines_carry_the_run(caplog: pytest.LogCaptureFixture) -> None:
    @step("talks", triggers=[queue("t")])
    async def talks(data: Any, ctx: FlowContext[Any]) -> None:
        ctx.logger.info("with a dict", {"amount": 5})  # noqa: PLE1205  # Motia's form
        ctx.logger.warn("with keywords", amount=6)
        ctx.logger.info("%s of %s", 1, 2)  # as the standard library has it

    with caplog.at_level(logging.INFO, "motia"):
        async with MotiaTester(Motia("memory:", steps=[talks])) as t:
            receipt = await t.enqueue("t", {})
            await t.wait_idle()
    lines = [record for record in caplog.records if record.name == "motia.step.talks"]
    assert [record.getMessage() for record in lines] == ["with a dict", "with keywords", "1 of 2"]
    fields: Any = [record.__dict__["motia"] for record in lines]
    assert [item.get("amount") for item in fields] == [5, 6, None]
    assert {item["step"] for item in fields} == {"talks"}
    assert {item["delivery_id"] for item in fields} == {f"{receipt.message_id}:talks#t"}
    assert all(len(item["trace_id"]) == 32 and item["attempt"] == 1 for item in fields)


class Held:
    """A run of a delivery under a lease, as the consumer makes it."""

    def __init__(self, motia: Motia, delivery: Any, *, since: float) -> None:
        self.lease = Lease("me", 30.0, since)
        self.run = motia.running.dispatcher.run_for(motia.registry.plans[delivery.subscription], None)
        self.run.delivery, self.run.lease = delivery, self.lease


@step("held", triggers=[queue("held")])
async def held(data: Any) -> None: ...


async def test_a_run_knows_whether_it_still_holds_its_delivery() -> None:
    async with Motia("memory:", steps=[held]) as motia:
        queue_ = motia.running.backend.waiting.queue
        await motia.enqueue("held", 1)
        (delivery,) = (await queue_.exchange([], Demand("me", 1, {"held#held"}))).deliveries
        fresh = Held(motia, delivery, since=time.monotonic())
        ctx, blocking = context_for(fresh.run, True), context_for(fresh.run, False)
        ctx.check()
        blocking.check()
        assert (ctx.lease_lost, ctx.redelivered) == (False, False)

        stale = Held(motia, delivery, since=time.monotonic() - 25)
        ctx = context_for(stale.run, True)
        with pytest.raises(LeaseLost, match="no renewal of its lease for 24 s"):
            ctx.check()
        await ctx.enqueue("held", 2)  # asks, and it is still ours
        ctx.check()

        await queue_.abandon("me")
        stale.lease.renewed(time.monotonic() - 25)
        for attempt in (lambda: ctx.enqueue("held", 3), lambda: ctx.enqueue_many([("held", 3)])):
            with pytest.raises(LeaseLost, match="belongs to another worker"):
                await attempt()
        with pytest.raises(LeaseLost):
            await ctx.state.set("g", "k", 1)
        with pytest.raises(LeaseLost):
            await ctx.state.clear("g")
        assert ctx.lease_lost
        assert await motia.state.get("g", "k") is None
        with pytest.raises(LeaseLost, match="was cancelled"):
            fresh.lease.verdict = "cancelled"
            blocking.check()

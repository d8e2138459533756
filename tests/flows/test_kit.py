"""The kit itself: fakes record, the tester runs, and neither hides a fault."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from motia import (
    ApiRequest,
    ApiResponse,
    ConfigError,
    FlowContext,
    HttpError,
    Motia,
    MotiaSettings,
    SyncFlowContext,
    UnknownStep,
    UnserializablePayload,
    cron,
    http,
    multi_trigger_step,
    queue,
    step,
)
from motia.testing import FakeContext, FakeSyncContext, MotiaTester, SyncMotiaTester, VirtualClock, fake_context


class Order(BaseModel):
    """What the handlers of one step share."""

    number: int


@step("create", triggers=[http("POST", "/orders")], enqueues=["created"])
async def create(req: ApiRequest[Any], ctx: FlowContext[Any]) -> ApiResponse[Any]:
    await ctx.enqueue("created", {"id": req.body["id"]}, delay=60)
    await ctx.state.update("orders", "count", [{"type": "increment"}])
    ctx.logger.info("created", id=req.body["id"])
    return ApiResponse(201, {"id": req.body["id"]})


@step("handle", triggers=[queue("created")])
def handle(data: Any, ctx: SyncFlowContext[Any]) -> None:
    ctx.state.set("handled", str(data["id"]), True)


async def test_a_fake_context_records(motia_ctx: FakeContext) -> None:
    response = await create(ApiRequest(body={"id": 7}), motia_ctx)
    assert response == ApiResponse(201, {"id": 7})
    assert motia_ctx.enqueued == [("created", {"id": 7})]
    assert motia_ctx.messages[0].delay == 60
    assert await motia_ctx.state.get("orders", "count") == 1
    assert motia_ctx.logs == [("info", "created", {"id": 7})]
    assert isinstance(motia_ctx, FlowContext)


def test_a_fake_context_for_blocking_handlers(motia_sync_ctx: FakeSyncContext) -> None:
    handle({"id": 1}, motia_sync_ctx)
    assert motia_sync_ctx.state.get("handled", "1") is True


async def test_a_fake_context_is_as_strict_as_production() -> None:
    with pytest.raises(UnserializablePayload):
        await fake_context().enqueue("t", {"tags": {1, 2}})
    ctx = fake_context(invoke={"price": lambda data: data * 2, "fixed": 5})
    assert (await ctx.invoke("price", 4), await ctx.invoke("fixed")) == (8, 5)
    assert ctx.invoked == [("price", 4), ("fixed", None)]
    with pytest.raises(UnknownStep, match="give it as invoke="):
        await ctx.invoke("unknown")


async def test_the_tester_runs_a_flow_in_virtual_time(motia_tester: type[MotiaTester], tmp_path: Path) -> None:
    app = Motia(f"sqlite:///{tmp_path / 'real.db'}", steps=[create, handle])
    async with motia_tester(app) as t:
        watched = t.watch("created")
        response = await t.post("/orders", json={"id": 1})
        assert (response.status, response.status_code, response.json) == (201, 201, {"id": 1})
        assert watched.last == {"id": 1}
        await t.wait_idle()
        assert await t.state.get("handled", "1") is None
        await t.advance(seconds=61)
        assert await t.state.get("handled", "1") is True
        assert (await t.get("/nowhere")).status == 404
        assert (await t.delete("/orders")).headers["allow"] == "OPTIONS, POST"
    assert not (tmp_path / "real.db").exists(), "the app's own backend is not touched"


async def test_wait_for_topic_says_what_was_sent_instead(motia_tester: type[MotiaTester]) -> None:
    async with motia_tester(Motia("memory:", steps=[create, handle])) as t:
        await t.enqueue("created", {"id": 5})
        assert await t.wait_for_topic("created", {"id": 5}, timeout=1) == {"id": 5}
        with pytest.raises(
            AssertionError, match=r"no message of 'created' with \{'id': 6\}(.|\n)*created \{\"id\":5\}"
        ):
            await t.wait_for_topic("created", {"id": 6}, timeout=1)


async def test_fail_next_fails_one_run(motia_tester: type[MotiaTester]) -> None:
    async with motia_tester(Motia("memory:", steps=[create, handle])) as t:
        t.fail_next("handle", RuntimeError("once"))
        await t.enqueue("created", {"id": 5})
        await t.wait_idle()
        assert await t.state.get("handled", "5") is None
        await t.advance(seconds=5)
        assert await t.state.get("handled", "5") is True
        assert t.dead_letters == []
        t.fail_next(handle, RuntimeError)
        with pytest.raises(RuntimeError):
            await t.invoke(handle, {"id": 6})
        with pytest.raises(
            ConfigError, match="fail_next expected a step of this app, got 'handel'; did you mean 'handle'"
        ):
            t.fail_next("handel", RuntimeError)


async def test_a_step_is_named_by_itself_as_well() -> None:
    ctx = fake_context(invoke={"handle": 5})
    assert await ctx.invoke(handle, 1) == 5
    assert ctx.invoked == [("handle", 1)]


async def test_a_flow_that_never_ends_is_found(
    motia_tester: type[MotiaTester], monkeypatch: pytest.MonkeyPatch
) -> None:
    @step("loop", triggers=[queue("loop")])
    async def loop(data: Any, ctx: FlowContext[Any]) -> None:
        await ctx.enqueue("loop", data)

    monkeypatch.setattr("motia.testing.tester.MAX_DELIVERIES", 50)
    async with motia_tester(Motia("memory:", steps=[loop])) as t:
        await t.enqueue("loop", 1)
        with pytest.raises(AssertionError, match="does a step send to itself for ever"):
            await t.wait_idle()


def test_the_blocking_tester_does_the_same(motia_sync_tester: type[SyncMotiaTester]) -> None:
    with motia_sync_tester(Motia("memory:", steps=[create, handle])) as t:
        assert t.post("/orders", json={"id": 1}).json == {"id": 1}
        assert t.wait_for_topic("created", {"id": 1}) == {"id": 1}
        t.advance(minutes=2)
        assert t.state.get("handled", "1") is True
        assert t.dead_letters == []


async def test_the_tester_answers_as_a_server_does(motia_tester: type[MotiaTester]) -> None:
    @step(triggers=[http("GET", "/files/:name")])
    def files(req: ApiRequest[Any]) -> Any:
        return ApiResponse(200, req.path, {"Set-Cookie": ["a=1", "b=2"]})

    @step(triggers=[http("POST", "/files")])
    def take(req: ApiRequest[Any]) -> None: ...

    app = Motia("memory:", steps=[files, take], settings=MotiaSettings(body_limit=10))
    async with motia_tester(app) as t:
        answer = await t.get("/files/a%20b")
        assert (answer.text, answer.headers.getlist("set-cookie")) == ("/files/a b", ["a=1", "b=2"])
        head = await t.head("/files/a%20b")
        assert (head.status, head.body, head.headers) == (200, b"", answer.headers)
        assert (await t.request("get", "/files/x")).status == 200
        options = await t.options("/files/x")
        assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
        refused = [await t.get("/nowhere"), await t.post("/files/x"), await t.post("/files", content=b"x" * 11)]
        told = [(answer.status, answer.json["error"]["code"]) for answer in refused]
        assert told == [(404, "not_found"), (405, "method_not_allowed"), (413, "body_too_large")]


@pytest.mark.parametrize("path", ["/waiting", "/blocking"])
async def test_what_was_rolled_back_was_never_sent(motia_tester: type[MotiaTester], path: str) -> None:
    @step(triggers=[http("POST", "/waiting")])
    async def waiting(req: ApiRequest[Any], ctx: FlowContext[Any]) -> None:
        async with ctx.transaction():
            await ctx.enqueue("sent", req.body)
            if req.body == "bad":
                raise HttpError(409)

    @step(triggers=[http("POST", "/blocking")])
    def blocking(req: ApiRequest[Any], ctx: SyncFlowContext[Any]) -> None:
        with ctx.transaction():
            ctx.enqueue("sent", req.body)
            if req.body == "bad":
                raise HttpError(409)

    async with motia_tester(Motia("memory:", steps=[waiting, blocking])) as t:
        assert [(await t.post(path, json=body)).status for body in ("one", "bad", "two")] == [204, 409, 204]
        watch = t.watch("sent")
        assert watch.events == ["one", "two"]
    assert (watch.events, watch.last, [message.topic for message in t.sent]) == (
        ["one", "two"],
        "two",
        ["sent", "sent"],
    )


async def test_a_generator_that_fails_at_once_is_an_answer_and_later_an_error(motia_tester: type[MotiaTester]) -> None:
    @step(triggers=[http("GET", "/parts/:count")])
    async def parts(req: ApiRequest[Any]) -> Any:
        for number in range(int(req.path_params["count"])):
            yield number
        raise HttpError(404, "no more")

    async with motia_tester(Motia("memory:", steps=[parts])) as t:
        answer = await t.get("/parts/0")
        assert (answer.status, answer.json["error"]["message"]) == (404, "no more")
        with pytest.raises(HttpError, match="no more"):
            await t.get("/parts/1")


async def test_a_schedule_is_told_the_time_of_the_tests_clock(motia_tester: type[MotiaTester]) -> None:
    told: list[Any] = []

    @step(triggers=[cron("0 9 * * *")])
    async def morning(ctx: FlowContext[Any]) -> None:
        told.append((ctx.trigger.scheduled_time, ctx.trigger.actual_time))

    async with motia_tester(Motia("memory:", steps=[morning])) as t:
        await t.advance(days=1)
    moment = datetime(2030, 1, 1, 9, tzinfo=UTC)
    assert told == [(moment, moment)]


def test_a_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="0 seconds or more"):
        VirtualClock().advance(-1)


def test_the_plugin_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text("import sys\ndef test_x(): assert 'motia.app' not in sys.modules\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_x.py"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode()


async def test_each_handler_of_a_multi_trigger_step_is_bound_like_one_of_its_own() -> None:
    async def on_http(req: ApiRequest[Order], ctx: FlowContext[Any]) -> Any:
        await ctx.enqueue("orders", {"number": req.body.number})
        return {"number": req.body.number}

    def on_queue(state: Any, data: Any) -> None:  # by name, blocking
        state.set("orders", "last", data)

    config = {"name": "both", "triggers": [http("POST", "/orders"), queue("orders")]}
    both = multi_trigger_step(config).on_http(on_http).on_queue(on_queue).handlers()
    async with MotiaTester(Motia("memory:", steps=[both])) as t:
        assert (await t.post("/orders", json={"number": "x"})).status == 400
        assert (await t.post("/orders", json={"number": 7})).json == {"number": 7}
        t.fail_next("both", RuntimeError("once"))
        await t.advance(seconds=5)
        assert await t.state.get("orders", "last") == {"number": 7}


ASYNC_TESTS = """
import pytest
from motia import Motia, queue, step

@step("double", triggers=[queue("number")])
async def double(data, ctx):
    await ctx.enqueue("doubled", 2 * data)

async def test_unit(motia_ctx, tmp_path):
    await double(2, motia_ctx)
    assert motia_ctx.enqueued == [("doubled", 4)]

class TestFlow:
    async def test_flow(self, motia_tester):
        async with motia_tester(Motia("memory:", steps=[double])) as t:
            await t.enqueue("number", 3)
            assert await t.wait_for_topic("doubled") == 6

async def test_red(motia_ctx):
    assert motia_ctx.enqueued == ["something"]

@pytest.mark.anyio
async def test_of_another_plugin(motia_ctx, anyio_backend_name):
    assert anyio_backend_name == "asyncio"

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


def test_async_tests_with_these_fixtures_need_no_other_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(ASYNC_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--rootdir", str(tmp_path), "test_it.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    verdicts = sorted(line.split(" - ")[0] for line in ran.stdout.splitlines() if line.startswith(("PASSED", "FAILED")))
    assert verdicts == [
        "FAILED test_it.py::test_red",
        "PASSED test_it.py::TestFlow::test_flow",
        "PASSED test_it.py::test_of_another_plugin",
        "PASSED test_it.py::test_unit",
    ], ran.stdout

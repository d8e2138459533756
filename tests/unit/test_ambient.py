from __future__ import annotations

import inspect
from typing import Any

import anyio
import pytest

import motia
from motia import FlowContext, Motia, NoCurrentApp, SyncFlowContext, ambient, queue, step
from motia.testing import MotiaTester


def test_without_an_open_app_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ambient, "_hosts", {})  # of frameworks, whose apps live as long as the process
    with pytest.raises(NoCurrentApp, match="open one with `async with motia:`"):
        motia.enqueue("t", {})


async def test_in_a_loop_an_awaitable_on_a_thread_the_result() -> None:
    @step("t", triggers=[queue("t")])
    async def handler(data: Any) -> None: ...

    async with Motia("memory:", steps=[handler]):
        waiting = motia.enqueue("t", {})
        assert inspect.isawaitable(waiting)
        assert (await waiting).duplicate is False
        receipt = await anyio.to_thread.run_sync(lambda: motia.enqueue("t", {"from": "thread"}))
        assert receipt.duplicate is False
        await motia.state_manager.set("g", "k", 1)
        assert await anyio.to_thread.run_sync(lambda: motia.stateManager.get("g", "k")) == 1
        assert (await handler.enqueue({"direct": True})).message_id
        assert await motia.cancel(receipt.message_id) is True
        assert await motia.cancel("unknown") is False


async def test_inside_a_handler_the_app_is_its_own() -> None:
    """Two apps in one process: each handler's ambient functions reach the app that runs it."""

    @step("first", triggers=[queue("go")])
    async def first(data: Any, ctx: FlowContext[Any]) -> None:
        await motia.state_manager.set("who", "first")
        await motia.enqueue("next", {})

    @step("second", triggers=[queue("next")])
    def second(data: Any, ctx: SyncFlowContext[Any]) -> None:
        motia.state_manager.set("who", "second")
        motia.logger.info("said by second")

    async with MotiaTester(Motia("memory:", steps=[first, second])) as one, Motia("memory:", steps=[first]) as two:
        await one.enqueue("go", {})
        await one.wait_idle()
        assert await one.state.get("who") == "second"
        assert await two.state.get("who") is None

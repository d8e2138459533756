"""An app whose runs are looked at: a request, a fan-out, a step that fails first, state, a stream, and secrets."""

from __future__ import annotations

import os
from typing import Any

from motia import (
    ApiRequest,
    ApiResponse,
    FlowContext,
    HttpError,
    Motia,
    MotiaSettings,
    QueueConfig,
    Stream,
    SyncFlowContext,
    http,
    queue,
    state,
    step,
)

SECRET = "hunter2-do-not-tell"
ONCE = QueueConfig(max_retries=0)
SOON = QueueConfig(max_retries=2, backoff_type="fixed", backoff_delay_ms=20)
Stream("board")


@step("create", triggers=[http("POST", "/orders")], enqueues=["order.created"], flows=["orders"])
async def create(req: ApiRequest[Any], ctx: FlowContext[Any]) -> ApiResponse[Any]:
    if req.body.get("bad"):
        raise HttpError(409, "no such thing")
    ctx.logger.info("accepted", id=req.body["id"], api_key=SECRET)
    receipt = await ctx.enqueue("order.created", {**req.body, "token": SECRET})
    return ApiResponse(status=201, body={"message_id": receipt.message_id, "password": SECRET})


@step("charge", triggers=[queue("order.created", config=SOON)], flows=["orders"])
def charge(order: dict[str, Any], ctx: SyncFlowContext[Any]) -> dict[str, Any]:
    if ctx.attempt == 1:
        raise RuntimeError(f"the bank is away: password={SECRET}")
    ctx.state.set("orders", order["id"], {"status": "paid", "pid": os.getpid()})
    ctx.streams.board.set("orders", order["id"], {"status": "paid"})
    return {"charged": ctx.invoke("receipt", {"id": order["id"]})}


@step("reserve", triggers=[queue("order.created", config=ONCE)], flows=["orders"])
async def reserve(order: dict[str, Any], ctx: FlowContext[Any]) -> None:
    await ctx.state.set("reserved", order["id"], os.getpid())


@step("receipt")
async def receipt(data: dict[str, Any], ctx: FlowContext[Any]) -> str:
    ctx.logger.debug("printed")
    return f"receipt of {data['id']}"


@step("tell", triggers=[state(group="orders")], flows=["orders"])
async def tell(change: Any, ctx: FlowContext[Any]) -> None:
    ctx.logger.warning("told", status=change.new_value["status"])


def make_app(url: str | None = None) -> Motia:
    """The app, its runs recorded."""
    return Motia(url, steps=[create, charge, reserve, receipt, tell], settings=MotiaSettings.from_env(traces=True))

"""What the Workbench is driven on: an app with a real worker, once at the root and once below a path."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from fastapi import FastAPI
from pydantic import BaseModel

from motia import (
    ApiRequest,
    ApiResponse,
    FlowContext,
    Motia,
    MotiaSettings,
    Stream,
    cron,
    http,
    queue,
    state,
    step,
    stream,
)
from motia.integrations.fastapi import mount
from motia.web.workbench import Workbench

board = Stream("board")


class RoadClosed(Exception):
    """What fails until somebody opens the road."""


class Parcel(BaseModel):
    id: str = "p-1"
    weight: int = 2


@step(
    "send-parcel", triggers=[http("POST", "/parcels", body_schema=Parcel)], enqueues=["parcel.sent"], flows=["parcels"]
)
async def send_parcel(req: ApiRequest[Parcel], ctx: FlowContext) -> ApiResponse[Any]:
    """Send a parcel on its way."""
    ctx.logger.info("parcel accepted", parcel=req.body.id)
    await ctx.enqueue("parcel.sent", {"id": req.body.id})
    return ApiResponse(202, {"id": req.body.id})


@step("show-parcel", triggers=[http("GET", "/parcels/:id")], flows=["parcels"])
async def show_parcel(req: ApiRequest[Any], ctx: FlowContext) -> Any:
    """Where a parcel is."""
    return await ctx.state.get("parcels", req.path_params["id"]) or {"error": "unknown", "status": 404}


@step(
    "deliver",
    triggers=[queue("parcel.sent", config={"max_retries": 1, "backoff_delay_ms": 10})],
    enqueues=["parcel.delivered"],
    flows=["parcels"],
)
async def deliver(data: dict[str, Any], ctx: FlowContext) -> None:
    """Bring it, if the road is open."""
    if await ctx.state.get("roads", "north") != "open" and not (data["id"].startswith("late") and ctx.attempt > 1):
        ctx.logger.warning("the road is closed", parcel=data["id"])
        raise RoadClosed(f"no way to bring {data['id']}")
    await ctx.state.set("parcels", data["id"], {"id": data["id"], "status": "delivered"})
    await board.set("today", data["id"], {"status": "delivered"})
    await ctx.enqueue("parcel.delivered", data)


@step("thank", triggers=[queue("parcel.delivered")], flows=["parcels"])
def thank(data: dict[str, Any], ctx: Any) -> None:
    """Thank for the order."""
    ctx.logger.info("thanked", parcel=data["id"])


@step("count-parcels", triggers=[state(group="parcels")], flows=["parcels"])
async def count_parcels(change: Any, ctx: FlowContext) -> None:
    """Count what was delivered."""
    await ctx.invoke("rank", {})


@step("rank", flows=["parcels"])
async def rank(data: Any) -> None:
    """Rank who delivers most."""


@step("show", triggers=[stream("board", group_id="today")], flows=["parcels"])
async def show(change: Any, ctx: FlowContext) -> None:
    """Show it on the wall."""


@step("haul", triggers=[queue("parcel.heavy", config={"concurrency": 1})], flows=["hauls"])
async def haul(data: dict[str, Any], ctx: FlowContext) -> None:
    """Bring something heavy, once the road is open."""
    while await ctx.state.get("roads", "heavy") != "open":
        await anyio.sleep(0.05)


@step("nightly", triggers=[cron("0 2 * * *", timezone="Europe/Berlin")], flows=["reports"])
async def nightly(ctx: FlowContext) -> None:
    """Report."""


STEPS = [send_parcel, show_parcel, deliver, thank, count_parcels, rank, show, haul, nightly]
inner = FastAPI(title="Parcels")
motia = Motia(os.environ["MOTIA_URL"], steps=STEPS, settings=MotiaSettings(env="development"))
mount(inner, motia, workbench=Workbench(read_only="READ_ONLY" in os.environ))


@asynccontextmanager
async def _with_inner(app: FastAPI) -> AsyncIterator[None]:
    async with inner.router.lifespan_context(inner):
        yield


app = FastAPI(lifespan=_with_inner)
app.mount("/shop", inner)

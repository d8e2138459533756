"""Steps of the suite of adapters that are about how a step runs: streams, traces, conditions, threads, middleware."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from motia import ApiRequest, ApiResponse, FlowContext, HttpError, Step, SyncFlowContext, queue, step
from motia.testing.conformance.adapter_results import Item
from motia.testing.conformance.adapter_spying import noticed, route

SLOW = 0.1
"""Seconds that slow steps take."""
LIMIT = 10_000
"""Items after which an endless stream ends after all."""


def streaming() -> list[Step[..., Any]]:
    """Steps that answer piece by piece."""
    return [*_ending(), *_breaking(), *_endless()]


def _ending() -> list[Step[..., Any]]:

    @route("GET", "/lines")
    async def lines(req: ApiRequest[Any]) -> AsyncIterator[Any]:
        for index in range(3):
            yield {"line": index}

    @route("GET", "/sync-lines")
    def sync_lines(req: ApiRequest[Any]) -> Iterator[Any]:
        for index in range(3):
            yield Item(sku=str(index))

    @route("GET", "/csv")
    def csv() -> Any:
        return ApiResponse(200, iter(["a;b\n", b"1;2\n"]), {"content-type": "text/csv"})

    @route("GET", "/events")
    async def events(ctx: FlowContext[Any]) -> Any:
        return ApiResponse(200, _events(ctx), {"content-type": "text/event-stream"})

    @route("GET", "/sync-events")
    def sync_events(ctx: SyncFlowContext[Any]) -> Any:
        return ApiResponse(200, _sync_events(ctx), {"content-type": "text/event-stream"})

    @route("GET", "/none")
    async def none() -> AsyncIterator[Any]:
        return
        yield  # makes it a generator

    return [lines, sync_lines, csv, events, sync_events, none]


def _breaking() -> list[Step[..., Any]]:
    @route("GET", "/broken/:after")
    async def broken(req: ApiRequest[Any]) -> AsyncIterator[Any]:
        for index in range(int(req.path_params["after"])):
            yield {"line": index}
        raise HttpError(409, "too late to say so")

    @route("GET", "/sync-broken/:after")
    def sync_broken(req: ApiRequest[Any]) -> Iterator[Any]:
        for index in range(int(req.path_params["after"])):
            yield {"line": index}
        raise HttpError(409, "too late to say so")

    return [broken, sync_broken]


def _endless() -> list[Step[..., Any]]:
    @route("GET", "/endless/async/:run")
    async def endless(req: ApiRequest[Any]) -> AsyncIterator[Any]:
        made = 0
        try:
            for made in range(LIMIT):  # noqa: B007  # counts
                yield "tick\n"
                await asyncio.sleep(0.02)
        finally:
            await asyncio.sleep(0.01)  # cleanup may wait for things
            noticed[req.path_params["run"]] = made + 1

    @route("GET", "/endless/def/:run")
    def endless_sync(req: ApiRequest[Any]) -> Iterator[Any]:
        made = 0
        try:
            for made in range(LIMIT):  # noqa: B007  # counts
                yield "tick\n"
                time.sleep(0.02)
        finally:
            noticed[req.path_params["run"]] = made + 1

    return [endless, endless_sync]


async def _events(ctx: FlowContext[Any]) -> AsyncIterator[Any]:
    yield {"event": 0, "trace": ctx.trace_id}
    await asyncio.sleep(SLOW * 5)
    yield Item(sku="late")
    yield ": comment\n\n"
    await ctx.enqueue("traced", f"stream-{ctx.trace_id}")


def _sync_events(ctx: SyncFlowContext[Any]) -> Iterator[Any]:
    yield {"event": 0, "trace": ctx.trace_id}
    time.sleep(SLOW * 5)
    yield Item(sku="late")
    yield ": comment\n\n"
    ctx.enqueue("traced", f"stream-{ctx.trace_id}")


def running() -> list[Step[..., Any]]:
    """Steps about how a step is run: its trace, its condition, its threads."""

    @route("POST", "/traced")
    async def traced(req: ApiRequest[Any], ctx: FlowContext[Any]) -> Any:
        await ctx.enqueue("traced", req.body["label"])
        return {"trace_id": ctx.trace_id, "trigger": dict(ctx.trigger), "is_http": bool(ctx.is_http)}

    @route("POST", "/sync-traced")
    def sync_traced(req: ApiRequest[Any], ctx: SyncFlowContext[Any]) -> Any:
        ctx.enqueue("traced", req.body["label"])
        return {"trace_id": ctx.trace_id, "trigger": dict(ctx.trigger), "is_http": bool(ctx.is_http)}

    @step(triggers=[queue("traced")])
    async def see(label: str, ctx: FlowContext[Any]) -> None:
        noticed[label] = ctx.trace_id

    async def wanted(req: ApiRequest[Any], ctx: FlowContext[Any]) -> bool:
        return "x-wanted" in req.headers

    @route("GET", "/conditional", condition=wanted)
    def conditional(req: ApiRequest[Any]) -> str:
        return "ran"

    @route("GET", "/sync-conditional", condition=lambda req, ctx: "x-wanted" in req.headers)
    async def sync_conditional(req: ApiRequest[Any]) -> str:
        return "ran"

    @route("GET", "/slow-async")
    async def slow_async(req: ApiRequest[Any]) -> str:
        await asyncio.sleep(SLOW)
        return "done"

    @route("GET", "/slow")
    def slow(req: ApiRequest[Any]) -> str:
        time.sleep(SLOW)
        return "done"

    @route("GET", "/slow-layered", middleware=[_sync_layer("outer"), _layer("middle"), _sync_layer("inner")])
    def slow_layered(req: ApiRequest[Any]) -> Any:
        time.sleep(SLOW)
        return ApiResponse(200, {"trail": req["trail"]})

    return [traced, sync_traced, see, conditional, sync_conditional, slow, slow_async, slow_layered]


def _before(name: str, req: ApiRequest[Any]) -> ApiResponse[Any] | None:
    """What a layer does on the way in: it leaves its mark on the request, and may answer early."""
    req["trail"] = [*(req.get("trail") or []), name]
    return ApiResponse(403, {"stopped": name}) if req.query_params.get("stop") == name else None


def _after(name: str, response: Any) -> Any:
    response.headers = {**response.headers, "x-layers": f"{response.headers.get('x-layers', '')}{name} "}
    return response


def _layer(name: str) -> Callable[..., Awaitable[Any]]:
    async def layer(req: ApiRequest[Any], ctx: FlowContext[Any], next: Callable[[], Awaitable[Any]]) -> Any:
        return _before(name, req) or _after(name, await next())

    return layer


def _sync_layer(name: str) -> Callable[..., Any]:
    def layer(req: ApiRequest[Any], ctx: SyncFlowContext[Any], next: Callable[[], Any]) -> Any:
        return _before(name, req) or _after(name, next())

    return layer


def layered() -> list[Step[..., Any]]:
    """A step per mix of flavours: ``/layers/ASA`` has an async layer, a ``def`` one and an async handler."""

    async def handler(req: ApiRequest[Any]) -> Any:
        return ApiResponse(200, {"trail": req["trail"]})

    def sync_handler(req: ApiRequest[Any]) -> Any:
        return ApiResponse(200, {"trail": req["trail"]})

    layer_of, handler_of = {"A": _layer, "S": _sync_layer}, {"A": handler, "S": sync_handler}
    return [
        route("GET", f"/layers/{one}{two}{three}", middleware=[layer_of[one]("outer"), layer_of[two]("inner")])(
            handler_of[three]
        )
        for one in "AS"
        for two in "AS"
        for three in "AS"
    ]

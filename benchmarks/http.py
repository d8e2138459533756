"""A step against the same route written by hand in FastAPI, in one process, taken in turns."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.tables import heading, median, table
from motia import ApiRequest, ApiResponse, FlowContext, Motia, SyncFlowContext, http, step
from motia.integrations.fastapi import mount

ROUNDS, REQUESTS = 9, 1500
BODY = json.dumps(
    {"customer": "ada", "items": [{"sku": "book", "quantity": 1}, {"sku": "lamp", "quantity": 2}]}
).encode()


class Item(BaseModel):
    sku: str
    quantity: int


class NewOrder(BaseModel):
    customer: str
    items: list[Item]
    note: str | None = None


class Accepted(BaseModel):
    order_id: str
    pieces: int


def by_hand() -> FastAPI:
    app = FastAPI()

    @app.post("/async/{order_id}", response_model=Accepted, status_code=201)
    async def create(order_id: str, order: NewOrder) -> Accepted:
        return Accepted(order_id=order_id, pieces=sum(item.quantity for item in order.items))

    @app.post("/sync/{order_id}", response_model=Accepted, status_code=201)
    def create_sync(order_id: str, order: NewOrder) -> Accepted:
        return Accepted(order_id=order_id, pieces=sum(item.quantity for item in order.items))

    return app


@step("create", triggers=[http("POST", "/async/:order_id", response_schema={201: Accepted})])
async def create(req: ApiRequest[NewOrder], ctx: FlowContext) -> ApiResponse[Accepted]:
    pieces = sum(item.quantity for item in req.body.items)
    return ApiResponse(201, Accepted(order_id=req.path_params["order_id"], pieces=pieces))


@step("create-sync", triggers=[http("POST", "/sync/:order_id", response_schema={201: Accepted})])
def create_sync(req: ApiRequest[NewOrder], ctx: SyncFlowContext) -> ApiResponse[Accepted]:
    pieces = sum(item.quantity for item in req.body.items)
    return ApiResponse(201, Accepted(order_id=req.path_params["order_id"], pieces=pieces))


async def request(app: Any, path: str) -> bytes:
    """One request, without a server."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(BODY)).encode()),
            (b"user-agent", b"benchmark"),
            (b"accept", b"*/*"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 201, sent
    return bytes(sent[1]["body"])


async def measure() -> list[list[object]]:
    app = FastAPI()
    motia = Motia("memory:", steps=[create, create_sync])
    mount(app, motia, worker=False)
    subjects = {"by hand": by_hand(), "step": app}
    rows: list[list[object]] = []
    async with motia:
        for path in ("/async/7", "/sync/7"):
            assert len({await request(subject, path) for subject in subjects.values()}) == 1
            found: dict[str, list[float]] = {name: [] for name in subjects}
            for _ in range(ROUNDS):
                for name, subject in subjects.items():
                    began = time.perf_counter()
                    for _ in range(REQUESTS):
                        await request(subject, path)
                    found[name].append((time.perf_counter() - began) / REQUESTS * 1e6)
            ratios = [hand / ours for hand, ours in zip(found["by hand"], found["step"], strict=True)]
            kind = "async def" if "async" in path else "def"
            rows.append([kind, *(f"{median(values):.0f}" for values in found.values()), f"{median(ratios):.2f}"])
    return rows


def main() -> None:
    heading(
        "HTTP, in process",
        "POST with a validated body and a validated answer, µs per request, medians; above 1 the step is faster.",
    )
    table(["handler", "by hand µs", "step µs", "ratio"], asyncio.run(measure()))

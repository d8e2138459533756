"""The web app: a FastAPI app as any other, with motia mounted on it.

uvicorn examples.fastapi_app.app:app
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from examples.fastapi_app.catalogue import STOCK
from examples.fastapi_app.orders import RESERVED
from examples.fastapi_app.steps import (
    assistant,
    audit,
    board,
    compensation,
    fulfilment,
    health,
    ordering,
    payment,
    pricing,
    risk,
)
from motia import Motia
from motia.integrations.fastapi import mount

motia = Motia(steps=[ordering, pricing, payment, compensation, risk, fulfilment, audit, health, board, assistant])

app = FastAPI(title="An online shop")


@app.get("/health")
async def show_health() -> dict[str, Any]:
    """A route of the app's own, which reads what the steps keep."""
    degraded = await motia.state.get(health.OPERATIONS, health.DEGRADED)
    return {"status": "degraded", **degraded} if degraded else {"status": "ok"}


@app.get("/stock")
async def show_stock() -> dict[str, int]:
    """How many of each article are left."""
    return {sku: count - (await motia.state.get(RESERVED, sku) or 0) for sku, count in STOCK.items()}


mount(app, motia)
app.mount("/pages", StaticFiles(directory=Path(__file__).with_name("pages")))  # board.html and assistant.html

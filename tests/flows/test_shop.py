"""The example's shop on a server: the web app, the worker and the database as they are in production."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from examples.fastapi_app.app import motia as shop
from motia import Motia
from motia.integrations.fastapi import mount

pytestmark = [pytest.mark.service, pytest.mark.parametrize("place", ["postgresql", "mysql"], indirect=True)]

LINES = [{"sku": "book", "quantity": 1}, {"sku": "lamp", "quantity": 1}]


@pytest.fixture
def client(place: str) -> Iterator[TestClient]:
    motia = Motia(place, steps=shop.steps)
    app = FastAPI()
    mount(app, motia, worker=True)

    @app.get("/reserved/{sku}")
    async def reserved(sku: str) -> Any:
        return await motia.state.get("reserved", sku)

    with TestClient(app) as client:
        yield client


def order(client: TestClient, key: str, items: Any = LINES) -> str:
    body = {"customer": "Ada", "email": "ada@shop.test", "items": items}
    answer = client.post("/orders", json=body, headers={"idempotency-key": key})
    assert answer.status_code == 201, answer.text
    order_id: str = answer.json()["order_id"]
    return order_id


def history(client: TestClient, order_id: str) -> list[str]:
    """The states an order has gone through, once it is fulfilled and everybody has heard of it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found: dict[str, Any] = client.get(f"/orders/{order_id}").json()
        audit = client.get(f"/orders/{order_id}/audit").json()["audit"]
        if found["status"] == "fulfilled" and found["risk"] and found["notices"] and len(audit) >= 4:
            return [entry["status"] for entry in audit]
        time.sleep(0.05)
    raise AssertionError(f"not finished: {found}")


def test_orders_that_come_at_once_are_each_made_once(client: TestClient) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = [f"k{number // 4}" for number in range(16)]
        turned = [LINES[:: (-1) ** number] for number in range(16)]
        ids = set(threads.map(lambda key, items: order(client, key, items), keys, turned))
    assert len(ids) == 4
    for order_id in ids:
        assert history(client, order_id) == ["created", "priced", "paid", "fulfilled"]
    assert client.get("/reserved/book").json() == 4

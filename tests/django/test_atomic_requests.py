"""``ATOMIC_REQUESTS``: a ``def`` step that raises takes with it what it has written and sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import Client, override_settings

from motia import ApiRequest, ApiResponse, HttpError, SyncFlowContext, http, step
from motia.integrations.django.models import Delivery
from motia.integrations.django.testing import enqueued
from tests.django_site.shop.models import Order


@step(triggers=[http("POST", "/atomic")])
def write(req: ApiRequest[Any], ctx: SyncFlowContext[Any]) -> Any:
    Order.objects.create(sku="a")
    ctx.enqueue("order.created", {"id": 1})
    if req.body == "raise":
        raise RuntimeError("after the message")
    if req.body == "refuse":
        raise HttpError(409, "after the message")
    return ApiResponse(201, {"atomic": transaction.get_connection().in_atomic_block})


@step(triggers=[http("PUT", "/atomic")])
async def beside() -> None:
    """Makes the view of the path an async one, which Django has no transactions for."""


@pytest.fixture(params=["a path of def steps", "a path with an async one"], autouse=True)
def _project(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    steps = [write] if request.param == "a path of def steps" else [write, beside]
    with override_settings(MOTIA={"STEPS": steps}):
        yield
    Order.objects.all().delete()
    Delivery.objects.all().delete()


@pytest.mark.parametrize(("body", "status"), [("raise", 500), ("refuse", 409)])
def test_what_raises_leaves_nothing(body: str, status: int) -> None:
    assert Client().post("/atomic", f'"{body}"', content_type="application/json").status_code == status
    assert not Order.objects.exists()
    assert enqueued() == []


def test_what_answers_stays() -> None:
    reply = Client().post("/atomic", '"go"', content_type="application/json")
    assert (reply.status_code, reply.json()) == (201, {"atomic": True})
    assert Order.objects.count() == 1
    assert enqueued() == [("order.created", {"id": 1})]


def test_without_it_what_was_written_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", False)
    assert Client().post("/atomic", '"raise"', content_type="application/json").status_code == 500
    assert Order.objects.count() == 1
    assert len(enqueued()) == 1

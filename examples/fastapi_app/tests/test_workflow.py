"""Whole flows: the app's real steps, on a memory backend and a clock that the test moves."""

from __future__ import annotations

from typing import Any

import pytest

from examples.fastapi_app.app import motia
from examples.fastapi_app.gateway import Gateway, Unavailable
from motia.testing import MotiaTester

pytestmark = pytest.mark.anyio

ORDER: dict[str, Any] = {
    "customer": "Ada",
    "email": "ada@shop.test",
    "items": [{"sku": "book", "quantity": 2}, {"sku": "lamp", "quantity": 1}],
}


async def accepted(t: MotiaTester, **changes: Any) -> dict[str, str]:
    response = await t.post("/orders", json=ORDER | changes)
    assert response.status == 201, response.text
    answer: dict[str, str] = response.json
    return answer


async def shown(t: MotiaTester, order_id: str) -> dict[str, Any]:
    order: dict[str, Any] = (await t.get(f"/orders/{order_id}")).json
    return order


async def audited(t: MotiaTester, order_id: str) -> list[str]:
    return [entry["status"] for entry in (await t.get(f"/orders/{order_id}/audit")).json["audit"]]


async def test_an_order_is_paid_and_shipped(motia_tester: type[MotiaTester]) -> None:
    async with motia_tester(motia) as t:
        order_id = (await accepted(t))["order_id"]
        await t.wait_for_topic("payment.succeeded", {"order_id": order_id})
        await t.wait_idle()
        order = await shown(t, order_id)
        assert order == {
            "id": order_id,
            "status": "fulfilled",
            "customer": "Ada",
            "items": ORDER["items"],
            "total": 7_900,
            "payment": "ch_00001",
            "parcel": f"PX-{order_id[:6].upper()}",
            "reason": None,
            "risk": {"score": 3, "verdict": "ok"},
            "notices": ["Thank you, we have your payment."],
        }
        assert await audited(t, order_id) == ["created", "priced", "paid", "fulfilled"]
        assert await t.state.keys("open-orders") == []
        assert t.dead_letters == []


async def test_all_of_an_order_is_one_trace(motia_tester: type[MotiaTester]) -> None:
    async with motia_tester(motia) as t:
        answer = await accepted(t)
        await t.wait_idle()
        trail = (await t.get(f"/orders/{answer['order_id']}/audit")).json["audit"]
        assert {entry["trace_id"] for entry in trail} == {answer["trace_id"]}
        assert {message.traceparent.split("-")[1] for message in t.sent} == {answer["trace_id"]}


async def test_a_declined_order_is_undone(motia_tester: type[MotiaTester]) -> None:
    async with motia_tester(motia) as t:
        order_id = (await accepted(t, card="tok_declined"))["order_id"]
        assert await t.state.get("reserved", "book") == 2
        await t.wait_idle()
        order = await shown(t, order_id)
        assert (order["status"], order["reason"], order["payment"]) == ("cancelled", "the card was declined", None)
        assert order["risk"] == {"score": 3, "verdict": "ok"}
        assert order["notices"] == ["Your order was cancelled: the card was declined."]
        assert await audited(t, order_id) == ["created", "priced", "payment_failed", "cancelled"]
        assert await t.state.get("reserved", "book") == 0
        assert t.watch("payment.succeeded").events == []


async def test_a_provider_that_comes_back_charges_once(motia_tester: type[MotiaTester], provider: Gateway) -> None:
    provider.outage = 2
    async with motia_tester(motia) as t:
        order_id = (await accepted(t))["order_id"]
        await t.wait_idle()
        assert (await shown(t, order_id))["status"] == "priced"
        await t.advance(seconds=10)
        assert (await shown(t, order_id))["status"] == "fulfilled"
        assert len(provider.charges) == 1


async def test_a_charge_whose_answer_is_lost_is_not_made_twice(
    motia_tester: type[MotiaTester], provider: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge, answers = provider.charge, iter([Unavailable("the answer was lost"), None])

    async def unlucky(*args: Any, **kwargs: Any) -> str:
        reference = await charge(*args, **kwargs)
        if lost := next(answers):
            raise lost
        return reference

    monkeypatch.setattr(provider, "charge", unlucky)
    async with motia_tester(motia) as t:
        order_id = (await accepted(t))["order_id"]
        await t.advance(seconds=10)
        assert (await shown(t, order_id))["payment"] == "ch_00001"
        assert len(provider.charges) == 1


async def test_a_provider_that_stays_away_has_the_order_undone(
    motia_tester: type[MotiaTester], provider: Gateway
) -> None:
    provider.outage = 100
    async with motia_tester(motia) as t:
        order_id = (await accepted(t))["order_id"]
        await t.advance(minutes=1)
        assert (await shown(t, order_id))["status"] == "cancelled"
        assert provider.outage == 95  # the first attempt and four retries
        assert t.dead_letters == []


async def test_a_step_that_fails_is_a_dead_letter_and_can_be_run_again(motia_tester: type[MotiaTester]) -> None:
    async with motia_tester(motia) as t:
        for _ in range(4):
            t.fail_next("fulfil-order", RuntimeError("the warehouse is on fire"))
        order_id = (await accepted(t))["order_id"]
        await t.advance(minutes=1)
        (letter,) = t.dead_letters
        assert (letter.topic, letter.attempts, letter.reason) == ("payment.succeeded", 4, "failed")
        order = await shown(t, order_id)
        assert (order["status"], len(order["notices"])) == ("paid", 1)  # the other subscriber was not held up
        assert await t.redrive("fulfil-order") == 1
        await t.wait_idle()
        assert (await shown(t, order_id))["status"] == "fulfilled"


async def test_what_is_not_there_cannot_be_sold(motia_tester: type[MotiaTester]) -> None:
    desks = [{"sku": "lamp", "quantity": 1}, {"sku": "desk", "quantity": 4}]
    async with motia_tester(motia) as t:
        await accepted(t, items=desks)
        response = await t.post("/orders", json=ORDER | {"items": desks})
        assert response.status == 409
        error = response.json["error"]
        assert (error["code"], error["details"]) == ("out_of_stock", {"sku": "desk", "left": 1})
        assert await t.state.get("reserved", "lamp") == 1  # the lamp of the refused order is back
        assert len(t.watch("order.created").events) == 1


async def test_a_repeated_request_makes_one_order(motia_tester: type[MotiaTester]) -> None:
    async with motia_tester(motia) as t:
        answers = [await t.post("/orders", json=ORDER, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
        assert answers[0].json == answers[1].json
        assert len(t.watch("order.created").events) == 1
        await t.advance(days=2)
        later = await t.post("/orders", json=ORDER, headers={"Idempotency-Key": "k1"})
        assert later.json["order_id"] != answers[0].json["order_id"]


@pytest.mark.parametrize(
    "fault", [{"items": []}, {"items": [{"sku": "yacht", "quantity": 1}]}, {"email": "nobody"}, {"customer": ""}]
)
async def test_an_order_that_makes_no_sense_is_refused(fault: dict[str, Any], motia_tester: type[MotiaTester]) -> None:
    async with motia_tester(motia) as t:
        response = await t.post("/orders", json=ORDER | fault)
        assert response.status == 400
        assert response.json["error"]["code"] == "validation_failed"
        assert response.json["error"]["details"][0]["loc"][0] == next(iter(fault))


@pytest.mark.parametrize("path", ["/orders/nope", "/orders/nope/audit"])
async def test_an_unknown_order_is_not_found(path: str, motia_tester: type[MotiaTester]) -> None:
    async with motia_tester(motia) as t:
        response = await t.get(path)
        assert response.status == 404
        error = response.json["error"]
        assert error.keys() == {"code", "message", "trace_id"}
        assert (error["code"], error["message"]) == ("not_found", "there is no order 'nope'")


async def test_every_minute_somebody_looks_whether_all_is_well(
    motia_tester: type[MotiaTester], provider: Gateway
) -> None:
    async with motia_tester(motia) as t:
        await t.advance(minutes=3)
        assert t.watch("api.degraded").events == []
        provider.outage = 1
        await t.advance(minutes=2)
        report = {"problems": ["the payment provider does not answer"]}
        assert t.watch("api.degraded").events == [report, report]
        assert await t.state.get("operations", "degraded") == report
        provider.outage = 0
        await t.advance(minutes=4)
        assert await t.state.get("operations", "degraded") is None

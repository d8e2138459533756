"""Handlers alone: a fake ``ctx``, no app, nothing that leaves the process."""

from __future__ import annotations

from typing import Any

import pytest

from examples.fastapi_app.catalogue import CARD_LIMIT
from examples.fastapi_app.gateway import Gateway
from examples.fastapi_app.models import Degraded, NewOrder, Notice, OrderEvent, PaymentFailed
from examples.fastapi_app.orders import status_ops
from examples.fastapi_app.steps.audit import audit_order, has_new_status
from examples.fastapi_app.steps.compensation import cancel_order
from examples.fastapi_app.steps.fulfilment import confirm_payment, fulfil_order, notify_customer
from examples.fastapi_app.steps.health import health_check, report_degraded
from examples.fastapi_app.steps.ordering import create_order, get_audit, get_order
from examples.fastapi_app.steps.payment import charge_card
from examples.fastapi_app.steps.pricing import price_order
from examples.fastapi_app.steps.risk import analyse_risk
from motia import ApiRequest, HttpError, Retry, StateTriggerInput
from motia.testing import FakeContext, FakeSyncContext, fake_context

pytestmark = pytest.mark.anyio

EVENT = OrderEvent(order_id="o1")
ITEMS = [{"sku": "book", "quantity": 2}, {"sku": "lamp", "quantity": 1}]
ORDER = {"id": "o1", "customer": "Ada", "email": "ada@shop.test", "items": ITEMS, "card": "tok_visa"}


def request(**changes: Any) -> ApiRequest[NewOrder]:
    return ApiRequest(body=NewOrder.model_validate(ORDER | changes), method="POST", path="/orders")


async def stored(ctx: FakeContext, status: str, **known: Any) -> None:
    await ctx.state.update("orders", "o1", status_ops(status, **ORDER, **known))


async def test_an_order_is_accepted(motia_ctx: FakeContext) -> None:
    answer = await create_order(request(), motia_ctx)
    assert answer.status == 201
    assert answer.body.trace_id == motia_ctx.trace_id
    assert motia_ctx.enqueued == [("order.created", {"order_id": answer.body.order_id})]
    order = await motia_ctx.state.get("orders", answer.body.order_id)
    assert (order["status"], order["version"]) == ("created", 1)
    assert await motia_ctx.state.get("reserved", "book") == 2


async def test_items_of_one_article_count_together(motia_ctx: FakeContext) -> None:
    with pytest.raises(HttpError, match="only 2 of desk left") as caught:
        await create_order(request(items=[{"sku": "desk", "quantity": 3}] * 2), motia_ctx)
    assert (caught.value.status, caught.value.code) == (409, "out_of_stock")
    assert motia_ctx.enqueued == []


async def test_a_repeated_request_gets_the_first_answer(motia_ctx: FakeContext) -> None:
    again = request()
    again.headers = {"idempotency-key": "k1"}
    first, second = await create_order(again, motia_ctx), await create_order(again, motia_ctx)
    assert first == second
    assert len(motia_ctx.enqueued) == 1


@pytest.mark.parametrize("show", [get_order, get_audit])
async def test_an_unknown_order_is_not_found(show: Any, motia_ctx: FakeContext) -> None:
    with pytest.raises(HttpError, match="no order 'nope'") as caught:
        await show(ApiRequest(path_params={"order_id": "nope"}), motia_ctx)
    assert caught.value.status == 404


async def test_an_order_is_shown_without_its_card(motia_ctx: FakeContext) -> None:
    await stored(motia_ctx, "priced", total=7_900)
    view = await get_order(ApiRequest(path_params={"order_id": "o1"}), motia_ctx)
    assert (view.status, view.total, view.risk, view.notices) == ("priced", 7_900, None, [])
    assert "card" not in view.model_dump()


def test_a_price_is_the_sum_of_the_items(motia_sync_ctx: FakeSyncContext) -> None:
    motia_sync_ctx.state.update("orders", "o1", status_ops("created", **ORDER))
    price_order(EVENT, motia_sync_ctx)
    assert motia_sync_ctx.state.get("orders", "o1")["total"] == 2 * 1_500 + 4_900
    assert motia_sync_ctx.enqueued == [("order.priced", {"order_id": "o1"})]


async def test_a_card_is_charged(motia_ctx: FakeContext, provider: Gateway) -> None:
    await stored(motia_ctx, "priced", total=7_900)
    await charge_card(EVENT, motia_ctx)
    assert motia_ctx.enqueued == [("payment.succeeded", {"order_id": "o1"})]
    order = await motia_ctx.state.get("orders", "o1")
    assert (order["status"], order["version"], order["payment"]) == ("paid", 2, "ch_00001")


@pytest.mark.parametrize(
    ("card", "total", "reason"),
    [
        ("tok_declined", 7_900, "the card was declined"),
        ("tok_visa", CARD_LIMIT + 1, "the card is not good for more than 5000 euros"),
    ],
)
async def test_a_card_is_declined(card: str, total: int, reason: str, motia_ctx: FakeContext) -> None:
    await stored(motia_ctx, "priced", total=total)
    await motia_ctx.state.update("orders", "o1", [{"type": "set", "path": "card", "value": card}])
    await charge_card(EVENT, motia_ctx)
    assert motia_ctx.enqueued == [("payment.failed", {"order_id": "o1", "reason": reason})]


async def test_a_provider_that_does_not_answer_is_asked_again(motia_ctx: FakeContext, provider: Gateway) -> None:
    await stored(motia_ctx, "priced", total=7_900)
    provider.outage = 1
    with pytest.raises(Retry, match="does not answer"):
        await charge_card(EVENT, motia_ctx)
    assert motia_ctx.enqueued == []


async def test_a_cancelled_order_gives_its_items_back(motia_ctx: FakeContext) -> None:
    await stored(motia_ctx, "payment_failed")
    for item in ITEMS:
        await motia_ctx.state.set("reserved", item["sku"], item["quantity"])
    await cancel_order(PaymentFailed(order_id="o1", reason="declined"), motia_ctx)
    assert await motia_ctx.state.list("reserved") == [0, 0]
    assert motia_ctx.enqueued == [
        ("customer.notify", {"order_id": "o1", "text": "Your order was cancelled: declined."})
    ]


@pytest.mark.parametrize(
    ("total", "score", "verdict"),
    [(0, 0, "ok"), (100_000, 50, "ok"), (102_000, 51, "review"), (900_000, 100, "review")],
)
async def test_risk_grows_with_the_total(total: int, score: int, verdict: str, motia_ctx: FakeContext) -> None:
    await stored(motia_ctx, "priced", total=total)
    await analyse_risk(EVENT, motia_ctx)
    assert await motia_ctx.state.get("risk", "o1") == {"score": score, "verdict": verdict}


async def test_a_paid_order_is_shipped(motia_ctx: FakeContext) -> None:
    await stored(motia_ctx, "paid")
    await fulfil_order(EVENT, motia_ctx)
    order = await motia_ctx.state.get("orders", "o1")
    assert (order["status"], order["parcel"]) == ("fulfilled", "PX-O1")


async def test_a_payment_is_confirmed_once(motia_ctx: FakeContext) -> None:
    await confirm_payment(EVENT, motia_ctx)
    (message,) = motia_ctx.messages
    assert (message.topic, message.key, message.group) == ("customer.notify", "paid-o1", "o1")


async def test_what_a_customer_was_told_is_kept_in_order(motia_ctx: FakeContext) -> None:
    for text in ("one", "two"):
        await notify_customer(Notice(order_id="o1", text=text), motia_ctx)
    assert await motia_ctx.state.get("notices", "o1") == [{"text": "one"}, {"text": "two"}]


def change(old: dict[str, Any] | None, new: dict[str, Any] | None) -> StateTriggerInput:
    return StateTriggerInput(type="state", group_id="orders", item_id="o1", old_value=old, new_value=new)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (None, {"status": "created"}, True),
        ({"status": "created"}, {"status": "priced"}, True),
        ({"status": "priced"}, {"status": "priced"}, False),
        ({"status": "priced"}, None, False),
    ],
)
async def test_only_a_new_status_is_audited(old: Any, new: Any, wanted: bool, motia_ctx: FakeContext) -> None:
    assert has_new_status(change(old, new), motia_ctx) is wanted


async def test_an_audit_trail_is_in_order_and_without_repetition(motia_ctx: FakeContext) -> None:
    await stored(motia_ctx, "created")
    statuses = {1: "created", 2: "priced"}
    for version in (2, 1, 2):
        await audit_order(change(None, {"status": statuses[version], "version": version}), motia_ctx)
    trail = await get_audit(ApiRequest(path_params={"order_id": "o1"}), motia_ctx)
    assert [(entry.version, entry.status) for entry in trail.audit] == [(1, "created"), (2, "priced")]


async def test_a_healthy_shop_says_nothing() -> None:
    ctx = fake_context(trigger="cron")
    await health_check(ctx)
    assert ctx.enqueued == []


async def test_a_shop_without_a_payment_provider_is_degraded(provider: Gateway) -> None:
    provider.outage = 1
    ctx = fake_context(trigger="cron")
    for number in range(21):
        await ctx.state.set("open-orders", f"o{number}", True)
    await health_check(ctx)
    problems = ["21 orders are unfinished", "the payment provider does not answer"]
    assert ctx.enqueued == [("api.degraded", {"problems": problems})]


async def test_a_report_is_logged_and_kept(motia_ctx: FakeContext) -> None:
    await report_degraded(Degraded(problems=["a"]), motia_ctx)
    assert [line.level for line in motia_ctx.logs] == ["warning"]
    assert await motia_ctx.state.get("operations", "degraded") == {"problems": ["a"]}

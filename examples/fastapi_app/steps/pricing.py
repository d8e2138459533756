"""Pricing: a plain ``def`` step, which the worker runs on a thread."""

from __future__ import annotations

from typing import Any

from examples.fastapi_app.catalogue import PRICES
from examples.fastapi_app.models import OrderEvent
from examples.fastapi_app.orders import ORDERS, status_ops
from motia import SyncFlowContext, queue, step


@step("price-order", triggers=[queue("order.created")], enqueues=["order.priced"], flows=["orders"])
def price_order(event: OrderEvent, ctx: SyncFlowContext[Any]) -> None:
    """Work out what an order costs."""
    order = ctx.state.get(ORDERS, event.order_id)
    total = sum(PRICES[item["sku"]] * item["quantity"] for item in order["items"])
    with ctx.transaction():
        ctx.state.update(ORDERS, event.order_id, status_ops("priced", total=total))
        ctx.enqueue("order.priced", {"order_id": event.order_id})
    ctx.logger.info("order priced", order_id=event.order_id, cents=total)

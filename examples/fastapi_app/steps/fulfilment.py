"""What follows a payment: the parcel, and word to the customer."""

from __future__ import annotations

from typing import Any

from examples.fastapi_app.models import Notice, OrderEvent
from examples.fastapi_app.orders import NOTICES, OPEN, ORDERS, status_ops
from motia import FlowContext, QueueConfig, queue, step


@step("fulfil-order", triggers=[queue("payment.succeeded")], flows=["orders"])
async def fulfil_order(event: OrderEvent, ctx: FlowContext[Any]) -> None:
    """Hand a paid order to the warehouse."""
    parcel = f"PX-{event.order_id[:6].upper()}"
    async with ctx.transaction():
        await ctx.state.update(ORDERS, event.order_id, status_ops("fulfilled", parcel=parcel))
        await ctx.state.delete(OPEN, event.order_id)
    ctx.logger.info("order fulfilled", order_id=event.order_id, parcel=parcel)


@step("confirm-payment", triggers=[queue("payment.succeeded")], enqueues=["customer.notify"], flows=["orders"])
async def confirm_payment(event: OrderEvent, ctx: FlowContext[Any]) -> None:
    """Have the customer told. The key sends it once, even if this runs twice."""
    notice = Notice(order_id=event.order_id, text="Thank you, we have your payment.")
    await ctx.enqueue("customer.notify", notice, key=f"paid-{event.order_id}", group=event.order_id)


@step("notify-customer", triggers=[queue("customer.notify", config=QueueConfig(type="fifo"))], flows=["orders"])
async def notify_customer(notice: Notice, ctx: FlowContext[Any]) -> None:
    """Tell a customer, in the order of the messages. The shop has no mail server: state keeps what was said."""
    async with ctx.transaction():
        await ctx.state.update(NOTICES, notice.order_id, [{"type": "append", "value": {"text": notice.text}}])
    ctx.logger.info("customer told", order_id=notice.order_id, text=notice.text)

"""What undoes an order whose payment failed. Steps that go forward and steps that go back: a saga."""

from __future__ import annotations

from typing import Any

from examples.fastapi_app.models import PaymentFailed
from examples.fastapi_app.orders import OPEN, ORDERS, release, status_ops
from motia import FlowContext, queue, step


@step("cancel-order", triggers=[queue("payment.failed")], enqueues=["customer.notify"], flows=["orders"])
async def cancel_order(event: PaymentFailed, ctx: FlowContext[Any]) -> None:
    """Put the items back into stock, and have the customer told.

    The acknowledgement of this delivery commits with the rest, so the items come back exactly once.
    """
    order = await ctx.state.get(ORDERS, event.order_id)
    text = f"Your order was cancelled: {event.reason}."
    async with ctx.transaction():
        await release(ctx, order["items"])
        await ctx.state.update(ORDERS, event.order_id, status_ops("cancelled", reason=event.reason))
        await ctx.state.delete(OPEN, event.order_id)
        await ctx.enqueue("customer.notify", {"order_id": event.order_id, "text": text}, group=event.order_id)
    ctx.logger.info("order cancelled, items back in stock", order_id=event.order_id)

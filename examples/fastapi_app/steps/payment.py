"""Payment."""

from __future__ import annotations

from typing import Any

from examples.fastapi_app.gateway import Declined, Unavailable, gateway
from examples.fastapi_app.models import OrderEvent
from examples.fastapi_app.orders import ORDERS, status_ops
from motia import FlowContext, QueueConfig, Retry, queue, step

RETRIES = 4


@step(
    "charge-card",
    triggers=[queue("order.priced", config=QueueConfig(max_retries=RETRIES, backoff_delay_ms=500, timeout=30))],
    enqueues=["payment.succeeded", "payment.failed"],
    flows=["orders"],
)
async def charge_card(event: OrderEvent, ctx: FlowContext[Any]) -> None:
    """Charge the customer's card.

    A worker may die between the charge and the transaction, and the delivery then runs again: the delivery id is the
    same for every attempt, so the provider charges once. The call stands before the transaction, for a database
    should not wait for a network.
    """
    order = await ctx.state.get(ORDERS, event.order_id)
    try:
        reference = await gateway.charge(order["card"], order["total"], idempotency_key=ctx.delivery_id or "")
    except Declined as error:
        await fail(ctx, event, str(error))
    except Unavailable as error:
        if ctx.attempt <= RETRIES:
            raise Retry(str(error)) from error
        await fail(ctx, event, str(error))
    else:
        async with ctx.transaction():
            await ctx.state.update(ORDERS, event.order_id, status_ops("paid", payment=reference))
            await ctx.enqueue("payment.succeeded", event)
        ctx.logger.info("card charged", order_id=event.order_id, reference=reference)


async def fail(ctx: FlowContext[Any], event: OrderEvent, reason: str) -> None:
    """Note that the payment failed, and have the order compensated."""
    async with ctx.transaction():
        await ctx.state.update(ORDERS, event.order_id, status_ops("payment_failed"))
        await ctx.enqueue("payment.failed", {"order_id": event.order_id, "reason": reason})
    ctx.logger.warning("payment failed", order_id=event.order_id, reason=reason)

"""Risk analysis: runs beside the payment, on the same message."""

from __future__ import annotations

from typing import Any

from examples.fastapi_app.catalogue import RISKY_ABOVE
from examples.fastapi_app.models import OrderEvent, Risk
from examples.fastapi_app.orders import ORDERS, RISK
from motia import FlowContext, queue, step


@step("analyse-risk", triggers=[queue("order.priced")], flows=["orders"])
async def analyse_risk(event: OrderEvent, ctx: FlowContext[Any]) -> None:
    """Score an order. Running it twice changes nothing: the same order has the same score."""
    order = await ctx.state.get(ORDERS, event.order_id)
    score = min(100, order["total"] * 50 // RISKY_ABOVE)
    risk = Risk(score=score, verdict="review" if score > 50 else "ok")
    await ctx.state.set(RISK, event.order_id, risk)
    ctx.logger.info("risk analysed", order_id=event.order_id, score=score, verdict=risk.verdict)

"""Taking orders, and showing them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from examples.fastapi_app.models import AuditEntry, AuditTrail, NewOrder, OrderAccepted, OrderView
from examples.fastapi_app.orders import AUDIT, NOTICES, OPEN, ORDERS, RISK, reserve, status_ops
from motia import ApiRequest, ApiResponse, FlowContext, HttpError, http, step

IDEMPOTENCY = "idempotency"
DAY = 86_400.0


@step(
    "create-order",
    triggers=[http("POST", "/orders", body_schema=NewOrder, response_schema={201: OrderAccepted})],
    enqueues=["order.created"],
    flows=["orders"],
)
async def create_order(req: ApiRequest[NewOrder], ctx: FlowContext[Any]) -> ApiResponse[OrderAccepted]:
    """Accept an order: reserve its items and start the workflow.

    A client that repeats a request with the same `Idempotency-Key` header gets the first answer again.
    """
    order, key = req.body.model_dump(), req.headers.get("idempotency-key")
    accepted = OrderAccepted(order_id=uuid4().hex[:12], trace_id=ctx.trace_id)
    order_id = accepted.order_id
    async with ctx.transaction():  # stock, order and first message are stored together, or not at all
        if key is not None:
            first = (await ctx.state.set(IDEMPOTENCY, key, accepted, ttl=DAY)).old_value
            if first is not None:
                await ctx.state.set(IDEMPOTENCY, key, first, ttl=DAY)
                return ApiResponse(201, OrderAccepted.model_validate(first))
        await reserve(ctx, order["items"])
        await ctx.state.update(ORDERS, order_id, status_ops("created", id=order_id, **order))
        await ctx.state.set(OPEN, order_id, True)
        await ctx.enqueue("order.created", {"order_id": order_id})
    ctx.logger.info("order accepted", order_id=order_id)
    return ApiResponse(201, accepted)


@step("get-order", triggers=[http("GET", "/orders/:order_id", response_schema=OrderView)], flows=["orders"])
async def get_order(req: ApiRequest[None], ctx: FlowContext[Any]) -> OrderView:
    """An order as it stands, with what the risk analysis found and what its customer was told."""
    order = await existing(ctx, req.path_params["order_id"])
    risk = await ctx.state.get(RISK, order["id"])
    notices = await ctx.state.get(NOTICES, order["id"]) or []
    return OrderView.model_validate(order | {"risk": risk, "notices": [notice["text"] for notice in notices]})


@step("get-audit", triggers=[http("GET", "/orders/:order_id/audit", response_schema=AuditTrail)], flows=["orders"])
async def get_audit(req: ApiRequest[None], ctx: FlowContext[Any]) -> AuditTrail:
    """Every status an order has been in."""
    order = await existing(ctx, req.path_params["order_id"])
    entries = await ctx.state.get(AUDIT, order["id"]) or {}
    audit = [AuditEntry(version=int(version), **entry) for version, entry in entries.items()]
    return AuditTrail(audit=sorted(audit, key=lambda entry: entry.version))


async def existing(ctx: FlowContext[Any], order_id: str) -> dict[str, Any]:
    """The order.

    Raises:
        HttpError: 404, there is none.
    """
    order: dict[str, Any] | None = await ctx.state.get(ORDERS, order_id)
    if order is None:
        raise HttpError(404, f"there is no order {order_id!r}")
    return order

"""The app that the Workbench is shown with: one of each kind of step, failures, secrets, and names with slashes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from motia import ApiRequest, ApiResponse, FlowContext, Motia, Stream, cron, http, queue, state, step, stream

SECRET = "hunter2-and-more"  # what must never be shown


seen: list[tuple[str, Any]] = []
"""What the steps of this process were given."""


class CardTimeout(Exception):
    """What fails."""


class NewOrder(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"sku": "A-1", "qty": 2}]})

    sku: str
    qty: int = 1
    password: str = ""


class Paid(BaseModel):
    sku: str


class Accepted(BaseModel):
    order_id: str


def make_shop(**options: Any) -> Motia:
    """An app of its own."""
    Stream("orders.live")
    Stream("empty")

    @step(
        "create-order",
        triggers=[http("POST", "/purchases", body_schema=NewOrder, response_schema={201: Accepted})],
        enqueues=["order.placed", "order.audited"],
        flows=["orders"],
    )
    async def create_order(req: ApiRequest[NewOrder], ctx: FlowContext) -> ApiResponse[Any]:
        """Accept an order."""
        order = {"sku": req.body.sku, "qty": req.body.qty, "password": req.body.password, "vat_id": "DE-vat-secret"}
        ctx.logger.info("order accepted", sku=req.body.sku, token=SECRET)
        await ctx.state.set("orders", f"o/{req.body.sku}", order)
        await ctx.streams["orders.live"].set("all", req.body.sku, {"sku": req.body.sku, "token": SECRET})
        await ctx.enqueue("order.placed", order)
        return ApiResponse(201, {"order_id": req.body.sku})

    @step(
        "get-order",
        triggers=[http("GET", "/purchases/:id", query_params=[{"name": "expand", "description": "what else"}])],
        flows=["orders"],
    )
    def get_order(req: ApiRequest[Any], ctx: Any) -> Any:
        return ctx.state.get("orders", req.path_params["id"])

    @step(
        "charge-card",
        triggers=[queue("order.placed", config={"max_retries": 1, "backoff_delay_ms": 1, "backoff_type": "fixed"})],
        enqueues=["order.paid"],
        flows=["orders"],
    )
    async def charge_card(data: dict[str, Any], ctx: FlowContext) -> None:
        """Fails for good for what begins with X, and the first time for what begins with R."""
        seen.append(("charge-card", data))
        ctx.logger.warning("charging", qty=data["qty"])
        if data["sku"].startswith("X") or (data["sku"].startswith("R") and ctx.attempt == 1):
            raise CardTimeout(f"gateway 504 for password={SECRET}")
        await ctx.enqueue("order.paid", {"sku": data["sku"]})

    @step("notify", triggers=[queue("order.paid")], flows=["orders"])
    def notify(data: Paid, ctx: Any) -> None:
        seen.append(("notify", data))
        ctx.logger.info("paid", sku=data.sku)

    @step("on-order-state", triggers=[state(group="orders")], flows=["orders"])
    async def on_order_state(change: Any, ctx: FlowContext) -> None:
        seen.append(("on-order-state", change.new_value))

    @step("on-live", triggers=[stream("orders.live")], flows=["orders"])
    async def on_live(change: Any, ctx: FlowContext) -> None: ...

    @step("nightly", triggers=[cron("0 2 * * *", timezone="Europe/Berlin")], flows=["reports"])
    async def nightly(ctx: FlowContext) -> None:
        """Count what was sold."""
        seen.append(("nightly", ctx.trigger.scheduled_time))

    @step("warehouse", virtual_subscribes=["order.paid"], flows=["orders"])
    async def warehouse() -> None:
        """Another company's."""

    steps = [create_order, get_order, charge_card, notify, on_order_state, on_live, nightly, warehouse]
    return Motia("memory:", steps=steps, **options)

"""Taking orders, shipping them, and the report of the day."""

from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F
from django.shortcuts import get_object_or_404
from django.utils import timezone
from orders.models import Order, Product, Report
from pydantic import BaseModel, Field

from motia import ApiRequest, ApiResponse, HttpError, Stream, SyncFlowContext, cron, http, queue, step

board = Stream("orders")
"""The live board, at /board/: what it shows changes in the transaction that changes the order."""


def show_on_board(order: Order) -> None:
    articles = sum(line.quantity for line in order.lines.all())
    board.set("all", str(order.pk), {"status": order.status, "articles": articles})


class Item(BaseModel):
    sku: str
    quantity: int = Field(ge=1, le=100)


class NewOrder(BaseModel):
    customer: str = Field(pattern=r".+@.+")
    card: str = "tok_good"
    items: list[Item] = Field(min_length=1)


@step("place-order", triggers=[http("POST", "/orders", body_schema=NewOrder)], enqueues=["order.placed"])
def place_order(req: ApiRequest[NewOrder], ctx: SyncFlowContext) -> ApiResponse:
    """Take an order: what it takes from the stock, the order and its message commit together, or none of them."""
    with transaction.atomic():
        order = Order.objects.create(customer=req.body.customer, card=req.body.card)
        for item in req.body.items:
            product = get_object_or_404(Product, sku=item.sku)
            taken = Product.objects.filter(pk=product.pk, stock__gte=item.quantity).update(
                stock=F("stock") - item.quantity
            )
            if not taken:
                raise HttpError(409, f"not enough of {item.sku} in stock")
            order.lines.create(product=product, quantity=item.quantity)
        ctx.enqueue("order.placed", {"order_id": order.pk}, key=f"order-{order.pk}")
        show_on_board(order)
    return ApiResponse(201, {"id": order.pk, "total": str(order.total)})


@step("show-order", triggers=[http("GET", "/orders/:id")])
async def show_order(req: ApiRequest) -> dict:
    """An order as it stands; the ORM's async methods share the request's connection."""
    id = req.path_params["id"]
    order = await Order.objects.filter(pk=id).afirst() if id.isdecimal() else None
    if order is None:
        raise HttpError(404, "no such order")
    lines = [
        {"sku": line.product.sku, "quantity": line.quantity} async for line in order.lines.select_related("product")
    ]
    return {"id": order.pk, "customer": order.customer, "order": order.status, "lines": lines}


@step("stock", triggers=[http("GET", "/stock")])
def stock() -> dict:
    return dict(Product.objects.order_by("sku").values_list("sku", "stock"))


@step("ship-order", triggers=[queue("order.paid")])
def ship_order(data: dict, ctx: SyncFlowContext) -> None:
    """Send it off. The delivery may run twice, the change is the same."""
    Order.objects.filter(pk=data["order_id"], status=Order.Status.PLACED).update(status=Order.Status.SHIPPED)
    show_on_board(Order.objects.get(pk=data["order_id"]))
    ctx.logger.info("shipped", order=data["order_id"])


@step("cancel-order", triggers=[queue("order.declined")])
def cancel_order(data: dict, ctx: SyncFlowContext) -> None:
    """Put everything back on the shelf, once: the change of status decides who does it."""
    with ctx.transaction():
        changed = Order.objects.filter(pk=data["order_id"], status=Order.Status.PLACED).update(
            status=Order.Status.CANCELLED
        )
        if changed:
            for line in Order.objects.get(pk=data["order_id"]).lines.all():
                Product.objects.filter(pk=line.product_id).update(stock=F("stock") + line.quantity)
            show_on_board(Order.objects.get(pk=data["order_id"]))
    ctx.logger.info("cancelled", order=data["order_id"])


@step("daily-report", triggers=[cron("0 6 * * *")])
def daily_report(ctx: SyncFlowContext) -> None:
    """What was sold in the last 24 hours."""
    now = timezone.now()
    orders = list(Order.objects.filter(status=Order.Status.SHIPPED, placed_at__gt=now - timedelta(days=1)))
    revenue = sum((order.total for order in orders), Decimal())
    Report.objects.update_or_create(day=now.date(), defaults={"orders": len(orders), "revenue": revenue})
    ctx.logger.info("report", orders=len(orders), revenue=str(revenue))

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction

from motia import ApiRequest, ApiResponse, FlowContext, SyncFlowContext, http, queue, step
from tests.django_site.shop.models import Order


@step(triggers=[http("POST", "/orders")], enqueues=["order.created"])
def create_order(req: ApiRequest[Any], ctx: SyncFlowContext[Any]) -> Any:
    """Take an order."""
    with transaction.atomic():
        order = Order.objects.create(sku=req.body["sku"])
        ctx.enqueue("order.created", {"id": order.pk})
        if req.body.get("fail"):
            raise RuntimeError("after the message")
    return ApiResponse(201, {"id": order.pk})


@step(triggers=[http("POST", "/async-orders")], enqueues=["order.created"])
async def create_order_async(req: ApiRequest[Any], ctx: FlowContext[Any]) -> Any:
    async with ctx.transaction():
        order = await Order.objects.acreate(sku=req.body["sku"])
        await ctx.enqueue("order.created", {"id": order.pk})
        if req.body.get("fail"):
            raise RuntimeError("after the message")
    return ApiResponse(201, {"id": order.pk})


@step(triggers=[queue("order.created")])
def pay(data: dict[str, Any]) -> None:
    """Take the money."""
    Order.objects.filter(pk=data["id"]).update(paid=True)


@step(triggers=[queue("order.created")])
async def confirm(data: dict[str, Any]) -> None:
    await sync_to_async(list)(Order.objects.filter(pk=data["id"]))


@step(triggers=[http("GET", "/orders/:id")])
def show_order(req: ApiRequest[Any]) -> Any:
    order = Order.objects.get(pk=req.path_params["id"])
    return {"id": order.pk, "sku": order.sku, "paid": order.paid}

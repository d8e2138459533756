"""How orders and stock are kept in state. All of it is atomic; nothing here reads, changes and writes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from examples.fastapi_app.catalogue import STOCK
from motia import FlowContext, HttpError

ORDERS, RISK, NOTICES, AUDIT, OPEN, RESERVED = "orders", "risk", "notices", "audit", "open-orders", "reserved"
"""The groups of state: one entry per order, but for ``RESERVED``, which has one per article."""

Ops = list[dict[str, Any]]


def status_ops(status: str, **known: Any) -> Ops:
    """Update ops that give an order a new status, the next version number, and whatever else is known now."""
    return [{"type": "merge", "value": {"status": status, **known}}, {"type": "increment", "path": "version"}]


async def reserve(ctx: FlowContext[Any], items: Iterable[Mapping[str, Any]]) -> None:
    """Take items out of stock, inside the caller's transaction; always in one order, so that two never deadlock.

    Raises:
        HttpError: 409, there are not enough; the transaction rolls back.
    """
    for item in by_article(items):
        sku, quantity = item["sku"], item["quantity"]
        change = await ctx.state.update(RESERVED, sku, [{"type": "increment", "by": quantity}])
        if change.new_value > STOCK[sku]:
            left = STOCK[sku] - (change.old_value or 0)
            raise HttpError(409, f"only {left} of {sku} left", code="out_of_stock", details={"sku": sku, "left": left})


async def release(ctx: FlowContext[Any], items: Iterable[Mapping[str, Any]]) -> None:
    """Put items back into stock, inside the caller's transaction."""
    for item in by_article(items):
        await ctx.state.update(RESERVED, item["sku"], [{"type": "decrement", "by": item["quantity"]}])


def by_article(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(items, key=lambda item: str(item["sku"]))

"""The live order board: every change of an order, shown in each open browser."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from examples.fastapi_app.orders import ORDERS
from motia import FlowContext, StateTriggerInput, Stream, state, step

ALL = "all"


class BoardOrder(BaseModel):
    """What the board shows of an order: nothing of the customer."""

    id: str
    status: str
    articles: int
    version: int


board = Stream("orders", schema=BoardOrder)


@step("show-on-board", triggers=[state(group=ORDERS)], flows=["orders"])
async def show_on_board(change: StateTriggerInput, ctx: FlowContext[Any]) -> None:
    """Show an order as it is now: deliveries may overtake each other, so each shows the newest there is."""
    async with ctx.transaction():
        order = await ctx.state.get(ORDERS, change.item_id)
        if order is None:
            await board.delete(ALL, change.item_id)
            return
        articles = sum(item["quantity"] for item in order["items"])
        shown = {"status": order["status"], "articles": articles, "version": order["version"]}
        await board.set(ALL, change.item_id, shown)

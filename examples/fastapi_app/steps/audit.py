"""The audit trail: a step that runs for every change in the state of an order."""

from __future__ import annotations

from typing import Any

from examples.fastapi_app.orders import AUDIT, ORDERS
from motia import FlowContext, StateTriggerInput, state, step


def has_new_status(change: StateTriggerInput, ctx: Any) -> bool:
    """Deletions and other changes are of no interest."""
    old, new = change.old_value or {}, change.new_value or {}
    return bool(new) and new["status"] != old.get("status")


@step("audit-order", triggers=[state(group=ORDERS, condition=has_new_status)], flows=["orders"])
async def audit_order(change: StateTriggerInput, ctx: FlowContext[Any]) -> None:
    """Write down a new status under the version of the order, so that neither order nor repetition matters."""
    order = change.new_value
    entry = {"status": order["status"], "trace_id": ctx.trace_id}
    await ctx.state.update(AUDIT, change.item_id, [{"type": "set", "path": str(order["version"]), "value": entry}])

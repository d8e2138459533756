"""A health check on a schedule, and what listens to it."""

from __future__ import annotations

from typing import Any

from examples.fastapi_app.gateway import gateway
from examples.fastapi_app.models import Degraded
from examples.fastapi_app.orders import OPEN
from motia import FlowContext, cron, queue, step

OPEN_LIMIT = 20
"""Unfinished orders above which the shop calls itself degraded."""
OPERATIONS, DEGRADED = "operations", "degraded"


@step("health-check", triggers=[cron("* * * * *")], enqueues=["api.degraded"], flows=["operations"])
async def health_check(ctx: FlowContext[Any]) -> None:
    """Once a minute: do orders pile up, and does the payment provider answer?"""
    waiting = len(await ctx.state.keys(OPEN))
    problems = [f"{waiting} orders are unfinished"] if waiting > OPEN_LIMIT else []
    if not gateway.is_up:
        problems.append("the payment provider does not answer")
    if problems:
        await ctx.enqueue("api.degraded", {"problems": problems})


@step("report-degraded", triggers=[queue("api.degraded")], flows=["operations"])
async def report_degraded(event: Degraded, ctx: FlowContext[Any]) -> None:
    """Tell whoever watches the logs, and keep the report until three checks have found nothing."""
    await ctx.state.set(OPERATIONS, DEGRADED, event, ttl=180)
    ctx.logger.warning("the shop is degraded", problems=event.problems)

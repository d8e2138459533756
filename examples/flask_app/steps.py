"""The steps of the desk. Each runs inside the application context, so the database is at hand as in any view."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from flask_login import current_user, login_required
from pydantic import BaseModel, Field

from examples.flask_app.models import Ticket, db
from motia import ApiRequest, ApiResponse, FlowContext, HttpError, Stream, SyncFlowContext, cron, http, queue, step

desk = Stream("desk", can_access=lambda subscription, user: subscription.group_id == user)
"""The tickets of each user, for their page to follow."""


class NewTicket(BaseModel):
    text: str = Field(min_length=3, max_length=2000)


class Opened(BaseModel):
    id: int
    state: str


def _known(id: str) -> Ticket:
    ticket = db.session.get(Ticket, int(id)) if id.isdecimal() and len(id) < 19 else None
    if ticket is None or ticket.user_id != current_user.id:
        raise HttpError(404, "no such ticket")
    return ticket


def _show(ticket: Ticket) -> dict[str, Any]:
    return {"id": ticket.id, "text": ticket.text, "urgent": ticket.urgent, "state": ticket.state}


@step(
    triggers=[http("POST", "/tickets", response_schema={201: Opened}, dependencies=[login_required])],
    enqueues=["ticket.opened"],
    flows=["desk"],
)
def open_ticket(req: ApiRequest[NewTicket], ctx: SyncFlowContext[Any]) -> ApiResponse[Any]:
    """Open a ticket; it and the message about it are committed together, or not at all."""
    ticket = Ticket(user_id=current_user.id, text=req.body.text)
    db.session.add(ticket)
    db.session.flush()
    ctx.enqueue("ticket.opened", {"id": ticket.id}, session=db.session)
    if "spam" in ticket.text:
        db.session.rollback()
        raise HttpError(422, "this is not for the desk")
    db.session.commit()
    return ApiResponse(201, {"id": ticket.id, "state": ticket.state})


@step(triggers=[http("GET", "/tickets/:id", dependencies=[login_required])], flows=["desk"])
def show_ticket(req: ApiRequest[Any]) -> Any:
    """A ticket of the user's own."""
    return _show(_known(req.path_params["id"]))


@step(triggers=[queue("ticket.opened")], enqueues=["ticket.sorted"], flows=["desk"])
def sort_ticket(message: dict[str, int], ctx: SyncFlowContext[Any]) -> None:
    """Find out how urgent a ticket is, and show it on its user's page."""
    ticket = db.session.get_one(Ticket, message["id"])
    ticket.urgent = "urgent" in ticket.text.lower()
    ticket.state = "sorted"
    db.session.commit()
    desk.set(str(ticket.user_id), str(ticket.id), _show(ticket))
    ctx.enqueue("ticket.sorted", {"id": ticket.id, "urgent": ticket.urgent})


@step(triggers=[queue("ticket.sorted", condition=lambda message, ctx: message["urgent"])], flows=["desk"])
async def wake_somebody(message: dict[str, Any], ctx: FlowContext[Any]) -> None:
    """Urgent tickets are counted for whoever is on call."""
    await ctx.state.update("desk", "calls", [{"type": "increment", "by": 1}])
    ctx.logger.info("somebody is woken", ticket=message["id"])


@step(triggers=[cron("0 7 * * *", timezone="Europe/Berlin")], flows=["desk"])
def morning_report(ctx: SyncFlowContext[Any]) -> int:
    """How many tickets wait, every morning."""
    waiting = db.session.query(Ticket).filter_by(state="sorted").count()
    ctx.state.set("desk", "report", {"waiting": waiting})
    return waiting


@step(triggers=[http("GET", "/export", dependencies=[login_required])], flows=["desk"])
async def export() -> AsyncIterator[dict[str, Any]]:
    """All tickets of the user, one line of JSON each, while they are read."""
    for ticket in db.session.query(Ticket).filter_by(user_id=current_user.id).order_by(Ticket.id).yield_per(100):
        yield _show(ticket)


STEPS: Sequence[Any] = [open_ticket, show_ticket, sort_ticket, wake_somebody, morning_report, export]

"""What customers send and get, and what the steps tell each other."""

from __future__ import annotations

from pydantic import BaseModel, Field

from examples.fastapi_app.catalogue import Sku


class Item(BaseModel):
    """A line of an order."""

    sku: Sku
    quantity: int = Field(ge=1, le=50)


class NewOrder(BaseModel):
    """What a customer sends."""

    customer: str = Field(min_length=1, max_length=100)
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    items: list[Item] = Field(min_length=1, max_length=20)
    card: str = Field(default="tok_visa", description="A token of the payment provider; tok_declined is declined.")


class OrderAccepted(BaseModel):
    """What a customer gets at once."""

    order_id: str
    trace_id: str


class Risk(BaseModel):
    """What the risk analysis found."""

    score: int = Field(ge=0, le=100)
    verdict: str


class OrderView(BaseModel):
    """An order as its customer may see it: the card token stays inside."""

    id: str
    status: str
    customer: str
    items: list[Item]
    total: int | None = Field(default=None, description="Cents.")
    payment: str | None = None
    parcel: str | None = None
    reason: str | None = Field(default=None, description="Why it was cancelled.")
    risk: Risk | None = None
    notices: list[str] = []


class AuditEntry(BaseModel):
    """A status an order has been in, and the trace in which it got there."""

    version: int
    status: str
    trace_id: str


class AuditTrail(BaseModel):
    """Every status an order has been in, in order."""

    audit: list[AuditEntry]


class OrderEvent(BaseModel):
    """Something happened to an order."""

    order_id: str


class PaymentFailed(OrderEvent):
    """A payment did not go through."""

    reason: str


class Notice(OrderEvent):
    """Something to tell a customer."""

    text: str


class Degraded(BaseModel):
    """What the health check found."""

    problems: list[str]

"""An API with every kind of parameter and schema, and requests of all kinds that its own document describes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import BaseModel, Field
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from motia import ApiRequest, ApiResponse, FlowContext, HttpError, Motia, Step, SyncFlowContext, http, queue, step

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


class Kind(Enum):
    BOOK = "book"
    LAMP = "lamp"


class Card(BaseModel):
    type: Literal["card"]
    number: str = Field(pattern=r"^\d{4}$")


class Invoice(BaseModel):
    type: Literal["invoice"]
    due: date


class Line(BaseModel):
    kind: Kind
    quantity: int = Field(ge=1, le=10)
    price: Decimal | None = None


class NewOrder(BaseModel):
    customer: UUID
    lines: list[Line] = Field(max_length=5)
    payment: Annotated[Card | Invoice, Field(discriminator="type")]
    notes: dict[str, str] = {}


class Placed(BaseModel):
    pieces: int
    customer: UUID


class Page(BaseModel):
    page: int = Field(default=1, ge=1)
    kinds: list[Kind] = []
    q: str | None = Field(default=None, max_length=20)


class Found(BaseModel):
    page: int
    words: list[str]


class Problem(BaseModel):
    error: dict[str, Any]


NOTE = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "replies": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["text"],
}


@step(
    triggers=[http("POST", "/purchases/{shop}", response_schema={201: Placed, 404: Problem})],
    enqueues=["order.placed"],
    flows=["orders"],
)
async def place(req: ApiRequest[NewOrder], ctx: FlowContext[Any]) -> Any:
    """Place an order."""
    if not req.body.lines:
        raise HttpError(404, "nothing is ordered")
    await ctx.state.set("orders", req.path_params["shop"], {"notes": req.body.notes})
    await ctx.enqueue("order.placed", req.body.notes)
    return ApiResponse(201, {"pieces": sum(line.quantity for line in req.body.lines), "customer": req.body.customer})


@step(triggers=[queue("order.placed")])
async def placed(notes: dict[str, str]) -> None: ...


@step(triggers=[http("GET", "/purchases/{shop}", query_params=Page, response_schema=Found)])
def find(req: ApiRequest[Any]) -> Any:
    return Found(page=req.query_params.page, words=[req.query_params.q or "", *req.query_params.kinds])


@step(triggers=[http("PUT", "/notes/:id", body_schema=NOTE), http("GET", "/notes/:id")])
def note(req: ApiRequest[Any], ctx: SyncFlowContext[Any]) -> Any:
    if req.method == "GET":
        known = ctx.state.get("notes", req.path_params["id"])
        if known is None:
            raise HttpError(404, "no such note")
        return known
    return ctx.state.set("notes", req.path_params["id"], req.body).new_value


@step(triggers=[http("DELETE", "/notes/:id", condition=lambda req, ctx: "x-really" in req.headers)])
def forget(req: ApiRequest[Any], ctx: SyncFlowContext[Any]) -> None:
    ctx.state.delete("notes", req.path_params["id"])


@step(triggers=[http("PATCH", "/files/*rest", query_params=[{"name": "mode", "description": "How"}])])
async def echo(req: ApiRequest[Any]) -> Any:
    return {"rest": req.path_params["rest"], "mode": req.query_params.get("mode"), "body": repr(req.body)}


@step(triggers=[http("POST", "/any", body_schema=dict[str, Any] | None)])
def whatever(body: dict[str, Any] | None) -> Iterator[Any]:
    yield from (body or {}).items()


STEPS: list[Step[..., Any]] = [place, placed, find, note, forget, echo, whatever]


def fuzzed_app() -> Motia:
    """The app; the adapter serves it with its document."""
    return Motia("memory:", steps=STEPS)


def attack(document: dict[str, Any], address: tuple[str, int], examples: int) -> int:
    """Send what the document allows, and what it does not; how many requests were sent.

    Raises:
        Exception: an answer was a server error, or not what the document promises.
    """
    sent = 0
    schema = from_dict(document)
    schema.config.update(base_url="http://{}:{}".format(*address))
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=examples, database=None, derandomize=True, deadline=None,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            def one(case: schemathesis.Case) -> None:
                nonlocal sent
                sent += 1
                case.call_and_validate(checks=CHECKS)

            try:
                one()
            except BaseException as error:
                if "Unsatisfiable" not in type(error).__name__:  # nothing can be wrong about some operations
                    raise
    return sent

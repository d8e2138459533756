"""What the steps of the suite of adapters return and raise, by name, and the models they speak of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from motia import ApiResponse, HttpError, QueueUnavailable, StorageError


class Item(BaseModel):
    sku: str
    quantity: int = 1


class Order(BaseModel):
    customer: str
    items: list[Item]


@dataclass
class Point:
    x: int
    y: int


class Named(TypedDict):
    name: str


class Search(BaseModel):
    q: str | None = None
    page: int = 1
    tags: list[str] = []


class Accepted(BaseModel):
    order_id: str = Field(alias="orderId")
    total: float


JSON_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "tags": {"type": "array"}},
    "required": ["name"],
}


RESULTS: dict[str, Callable[[], Any]] = {
    "response": lambda: ApiResponse(201, {"a": 1}, {"X-Kind": "response"}),
    "status": lambda: {"status": 202, "body": {"a": 1}, "headers": {"x-kind": "status"}},
    "status-code": lambda: {"status_code": 203, "body": [1]},
    "camel": lambda: {"statusCode": 418, "body": "teapot"},
    "status-alone": lambda: {"status": 204},
    "status-and-more": lambda: {"status": 201, "body": {"a": 1}, "took": 5},
    "error": lambda: {"error": "no such order", "status": 404},
    "domain": lambda: {"status": "paid", "total": 3},
    "domain-number": lambda: {"status": 7, "name": "x"},
    "domain-text": lambda: {"status": 7, "body": "x", "id": 1},
    "dict": lambda: {"a": 1},
    "list": lambda: [1, 2],
    "model": lambda: Item(sku="a"),
    "str": lambda: "grün",
    "html": lambda: ApiResponse(200, "<p>", {"Content-Type": "text/html"}),
    "bytes": lambda: b"\x00\xff",
    "none": lambda: None,
    "empty": lambda: ApiResponse(404),
    "zero": lambda: 0,
    "falsy": lambda: {},
    "nan": lambda: {"a": float("nan"), "b": [float("inf")]},
    "rich": lambda: [datetime(2030, 1, 2, tzinfo=UTC), UUID(int=1), Decimal("1.50")],
    "cookies": lambda: ApiResponse(200, {}, {"Set-Cookie": ["a=1; Path=/", "b=2"]}),
    "own-business": lambda: ApiResponse(200, "abc", {"Content-Length": "999", "Transfer-Encoding": "chunked"}),
    "bodiless": lambda: ApiResponse(204, {"lost": True}),
}
BAD_RESULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "object": (object, "object"),
    "set": (lambda: {1, 2}, "set"),
    "nested": (lambda: {"a": object()}, "JSON"),
    "status-low": (lambda: ApiResponse(42), "status 42"),
    "status-informational": (lambda: ApiResponse(101), "status 101"),
    "status-high": (lambda: {"status": 700, "body": 1}, "status 700"),
    "status-text": (lambda: ApiResponse("200"), "status '200'"),  # type: ignore[arg-type]  # that is the case
    "status-bool": (lambda: ApiResponse(True), "status True"),
    "headers": (lambda: ApiResponse(200, 1, [("a", "b")]), "expected a mapping"),  # type: ignore[arg-type]  # see above
    "header-lf": (lambda: ApiResponse(200, 1, {"x-a": "b\r\nset-cookie: hacked=1"}), "x-a"),
    "header-name": (lambda: ApiResponse(200, 1, {"x a\r\nb": "1"}), "header name"),
    "header-nul": (lambda: ApiResponse(200, 1, {"x-a": "b\0"}), "x-a"),
    "header-wide": (lambda: ApiResponse(200, 1, {"x-a": "€"}), "x-a"),
    "header-none": (lambda: ApiResponse(200, 1, {"x-a": None}), "x-a"),
}
VALIDATED: dict[str, Callable[[], Any]] = {
    "model": lambda: ApiResponse(201, Accepted(orderId="1", total=2)),
    "dict": lambda: ApiResponse(201, {"orderId": "1", "total": "2", "secret": "x"}),
    "nan": lambda: ApiResponse(201, {"orderId": "1", "total": float("nan")}),
    "other-status": lambda: ApiResponse(200, {"free": True}),
    "wrong": lambda: ApiResponse(201, {"orderId": "1", "total": "lots"}),
}
ERRORS: dict[str, Callable[[], Exception]] = {
    "plain": lambda: HttpError(404, "no such order"),
    "bare": lambda: HttpError(409),
    "full": lambda: HttpError(
        429, "slow down", code="too_fast", details={"seconds": float("nan"), "at": UUID(int=1)},
        headers={"Retry-After": "7"},
    ),
    "unnamed": lambda: HttpError(499, "left"),
    "injection": lambda: HttpError(400, "no", headers={"x-a": "b\r\nset-cookie: hacked=1"}),
    "unexpected": lambda: RuntimeError("the password is hunter2"),
    "unavailable": lambda: QueueUnavailable("no answer from 10.0.0.7"),
    "storage": lambda: StorageError("disk full"),
}  # fmt: skip

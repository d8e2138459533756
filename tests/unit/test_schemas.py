"""Schemas of every kind of declaration that people write, from either ``TypedDict``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict

import pytest
import typing_extensions
from pydantic import BaseModel, Field

from motia import Motia, QueueConfig, ValidationFailed, http, queue, step
from motia.schemas import is_structured, make_schema
from motia.testing import MotiaTester


class Line(TypedDict):
    """One line of an order."""

    sku: str
    note: NotRequired[str]


class Order(TypedDict, total=False):
    lines: list[Line]
    kind: Literal["a", "b"]
    best: Line | None
    first: Optional[Line]  # noqa: UP045  # the old spelling is a type of its own
    amount: Annotated[int, Field(gt=0)]
    parent: Order


class Extended(typing_extensions.TypedDict):
    n: int


@dataclass
class Point:
    x: int


class Model(BaseModel):
    n: int


@pytest.mark.parametrize(
    ("declared", "good", "bad"),
    [
        (Line, {"sku": "a"}, {"note": "x"}),
        (Line, {"sku": "a", "note": "b"}, {"sku": 1}),
        (Order, {"lines": [{"sku": "a"}], "best": None, "first": {"sku": "b"}}, {"lines": [{}]}),
        (Order, {"kind": "a", "amount": 1, "parent": {"any": 1}}, {"amount": 0}),
        (list[Line], [{"sku": "a"}], [{}]),
        (dict[str, Line], {"x": {"sku": "a"}}, {"x": {}}),
        (Line | None, None, {}),
        (Annotated[Line, "meta"], {"sku": "a"}, {}),
        (Extended, {"n": 1}, {"n": "x"}),
        (Model, {"n": 1}, {}),
        (Point, {"x": 1}, {}),
        ({"type": "object", "required": ["n"]}, {"n": 1}, {}),
    ],
)
def test_what_people_declare_is_checked(declared: Any, good: Any, bad: Any) -> None:
    schema = make_schema(declared)
    assert schema is not None
    schema.from_python(good, "it")
    with pytest.raises(ValidationFailed):
        schema.from_python(bad, "it")
    assert isinstance(declared, dict) or is_structured(declared)


def test_the_document_of_a_typed_dict_has_its_fields() -> None:
    schema = make_schema(Line)
    assert schema is not None
    assert schema.json_schema["required"] == ["sku"]
    assert set(schema.json_schema["properties"]) == {"sku", "note"}


async def test_a_typed_dict_is_enforced_wherever_it_is_declared() -> None:
    got: list[Any] = []

    @step("web", triggers=[http("POST", "/lines", body_schema=Line, response_schema={201: Line})])
    async def web(req: Any) -> Any:
        return {"status": 201, "body": req.body}

    @step("old", triggers=[queue("t", config=QueueConfig(max_retries=0))])
    async def old(line: Line) -> None:
        got.append(line)

    @step("new", triggers=[queue("u", config=QueueConfig(max_retries=0))])
    async def new(data: Extended) -> None:
        got.append(data)

    async with MotiaTester(Motia("memory:", steps=[web, old, new])) as t:
        assert (await t.post("/lines", json={"sku": 1})).status == 400
        assert (await t.post("/lines", json={"sku": "a"})).json == {"sku": "a"}
        for topic, bad, good in (("t", {}, {"sku": "a"}), ("u", {"n": "x"}, {"n": 1})):
            await t.enqueue(topic, bad)
            await t.enqueue(topic, good)
        await t.wait_idle()
    assert got == [{"sku": "a"}, {"n": 1}]

"""Strict JSON: what goes in comes out, what cannot is refused with its path."""

from __future__ import annotations

import enum
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from motia import Change, PayloadTooLarge, Receipt, UnserializablePayload
from motia.codec import MAX_INT, MIN_INT, check_shape, dumps, loads, response_json

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(MIN_INT, MAX_INT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


class Color(enum.StrEnum):
    RED = "red"


class Size(enum.Enum):
    SMALL = 1


class Item(BaseModel):
    sku: str
    price: Decimal


@dataclass
class Point:
    x: int
    when: datetime


@given(values)
def test_what_goes_in_comes_out(value: Any) -> None:
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Item(sku="a", price=Decimal("1.50")), '{"sku":"a","price":"1.50"}'),
        (Point(1, datetime(2026, 1, 2, tzinfo=UTC)), '{"x":1,"when":"2026-01-02T00:00:00Z"}'),
        ({"id": UUID(int=1)}, '{"id":"00000000-0000-0000-0000-000000000001"}'),
        ([Color.RED, Size.SMALL], '["red",1]'),
        ({Color.RED: (1, 2)}, '{"red":[1,2]}'),
        (range(3), "[0,1,2]"),
        ("é", '"é"'),
    ],
)
def test_python_values_have_a_form(value: Any, text: str) -> None:
    assert dumps(value) == text


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        ({"a": [1, float("nan")]}, "$.a[1]", "finite number"),
        (float("inf"), "$", "finite number"),
        ({"a": {1}}, "$.a", "send a list instead"),
        ({1: "a"}, "$", "string keys, got 1 of type int"),
        ({"a": b"x"}, "$.a", "base64"),
        ("a\x00b", "$", "NUL"),
        ("é\x00", "$", "NUL"),
        ({"a\x00": 1}, "$", "NUL"),
        ("\ud800", "$", "lone surrogate"),
        (2**64, "$", "64 bit"),
        (-(2**63) - 1, "$", "64 bit"),
        ([object()], "$[0]", "type object"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_its_path(value: Any, path: str, problem: str) -> None:
    with pytest.raises(UnserializablePayload, match=problem) as caught:
        dumps(value)
    assert caught.value.path == path


def test_nesting_has_a_bound_and_a_cycle_is_found_by_it() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(UnserializablePayload, match="at most 64 levels"):
        dumps(cycle)


def test_the_limit_is_in_bytes_of_utf8() -> None:
    assert dumps("é" * 4, limit=10) == '"éééé"'
    with pytest.raises(PayloadTooLarge, match="at most 9 bytes, got 10"):
        dumps("é" * 4, limit=9)


@pytest.mark.parametrize("text", ["{", "NaN", '{"a":}', ""])
def test_what_is_no_json_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        loads(text)


def test_an_answer_may_hold_nan_and_models_but_no_strangers() -> None:
    assert response_json({"a": float("nan"), "b": Item(sku="x", price=Decimal(1))}) == (
        b'{"a":null,"b":{"sku":"x","price":"1"}}'
    )
    with pytest.raises(UnserializablePayload, match="no JSON form"):
        response_json({"a": object()})


def nested(depth: int) -> bytes:
    return b'{"a":[1,{},' * (depth // 2) + b"1" + b"]}" * (depth // 2)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (nested(64), None),
        (nested(66), "nesting of at most 64"),
        (b"[" * 500_000 + b"]" * 500_000, "nesting of at most 64"),
        (b"[[],{}," * 500 + b"[]" + b"]" * 500, "nesting of at most 64"),
        (json.dumps({"text": '[{"' * 1000}).encode(), None),
        (json.dumps({str(n): n for n in range(10_000)}).encode(), None),
        (json.dumps([{"a": n} for n in range(10_001)]).encode(), "10000 members"),
        (json.dumps(["a:b"] * 20_000).encode(), None),
        (b"[" * 100, "nesting of at most 64"),
        (b"]" * 100 + b"[" * 60 + b"{]" * 50, None),  # no JSON: left to the parser
        (b"[" * 100 + b'\\"' * 500_000, "nesting of at most 64"),  # a text that is never closed
        (b"[" * 60 + b"]" * 60 + b'["' + b'\\"' * 500_000 + b"\\", None),  # nor this one, which ends in its escape
    ],
)
def test_the_shape_of_a_body_has_bounds(text: bytes, problem: str | None) -> None:
    began = time.perf_counter()
    if problem is None:
        check_shape(text)
    else:
        with pytest.raises(ValueError, match=problem):
            check_shape(text)
    assert time.perf_counter() - began < 1.0


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"value": value}])
def test_what_verbs_return_is_an_object_in_an_answer_and_in_a_message(wrap: Any) -> None:
    for value, plain in (
        (Receipt("m1", True), {"message_id": "m1", "duplicate": True}),
        (Change(None, {"a": 1}), {"old_value": None, "new_value": {"a": 1}}),
    ):
        assert json.loads(response_json(wrap(value))) == wrap(plain)
        assert loads(dumps(wrap(value))) == wrap(plain)
    message_id, duplicate = Receipt("m1")
    assert (message_id, duplicate) == ("m1", False)


class Aliased(BaseModel):
    order_id: str = Field(alias="orderId")


class Generous(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    order_id: str


class Tree(BaseModel):
    order_ref: Aliased | None = None
    parts: list[Tree] = []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Aliased(orderId="1"), '{"orderId":"1"}'),
        (Generous(order_id="1"), '{"order_id":"1"}'),
        (Tree(parts=[Tree(order_ref=Aliased(orderId="1"))]),
         '{"order_ref":null,"parts":[{"order_ref":{"orderId":"1"},"parts":[]}]}'),
    ],
)  # fmt: skip
def test_a_model_is_written_so_that_it_can_be_read(value: BaseModel, text: str) -> None:
    assert dumps(value) == text
    assert type(value).model_validate_json(text) == value

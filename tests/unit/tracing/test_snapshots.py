"""Looking at a value: redacted, bounded, and always JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from motia.redaction import HIDDEN, _registered, register
from motia.tracing.snapshots import LIMIT, cut, snapshot


class Card(BaseModel):
    number: str
    password: str
    pin: SecretStr = SecretStr("1234")


@dataclass
class Order:
    id: int
    card: Card


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ({"a": [1, 2.5, True, "x"]}, {"a": [1, 2.5, True, "x"]}),
        ((1, 2), [1, 2]),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
        (Decimal("1.50"), "1.50"),
        (Colour.RED, "red"),
        (b"abc", "<3 bytes>"),
        (float("nan"), "nan"),
        ({"n": 2**70, "x": float("inf")}, {"n": str(2**70), "x": "inf"}),
        (
            {
                1,
            },
            [1],
        ),
        ({1: "a"}, {"1": "a"}),
        (object(), "<object>"),
    ],
)
def test_what_values_look_like(value: Any, expected: Any) -> None:
    assert json.loads(snapshot(value)) == expected


def test_secrets_are_hidden_at_any_depth_and_in_models() -> None:
    found = json.loads(snapshot({"order": Order(1, Card(number="4", password="hunter2"))}))
    assert found == {"order": {"id": 1, "card": {"number": "4", "password": HIDDEN, "pin": "<SecretStr>"}}}


def test_a_secret_is_hidden_before_the_text_is_cut() -> None:
    register("s3cr3t-of-the-database")
    try:
        assert "s3cr" not in snapshot("x" * 90 + "s3cr3t-of-the-database", 100)
    finally:
        _registered.discard("s3cr3t-of-the-database")


def test_a_generator_is_not_consumed() -> None:
    def numbers() -> Iterator[int]:
        yield from range(3)

    items = numbers()
    assert json.loads(snapshot({"items": items})) == {"items": "<generator>"}
    assert list(items) == [0, 1, 2]


def test_what_is_too_long_stays_json() -> None:
    found = json.loads(snapshot({"rows": list(range(100_000)), "after": 1}))
    assert found["rows"][:3] == [0, 1, 2]
    assert found["rows"][-1].startswith("… ")
    assert found["…"] == "…"


def test_a_cycle_ends() -> None:
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    assert len(snapshot(cycle)) < LIMIT


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)


@given(DATA, st.integers(min_value=200, max_value=2000))
def test_it_is_never_longer_than_asked_and_always_fits_a_database(value: Any, limit: int) -> None:
    text = snapshot(value, limit)
    assert len(text.encode()) <= limit
    assert "\x00" not in text
    json.loads(text)


@pytest.mark.parametrize("text", ["é" * 50_000, "\x01" * 50_000, "😀" * 50_000, "\ud800" * 50_000])
def test_odd_characters_do_not_make_it_longer(text: str) -> None:
    assert len(snapshot({"a": text, "b": [text]}).encode()) <= LIMIT


def test_a_cut_text_says_so() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("a\x00b", 10) == "a\N{REPLACEMENT CHARACTER}b"

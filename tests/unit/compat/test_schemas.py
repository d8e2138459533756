from __future__ import annotations

import logging

import pytest
from pydantic import BaseModel

from motia import ValidationFailed
from motia.compat.schemas import Documented, documented, generate_step_id, schema_to_json_schema


class Model(BaseModel):
    n: int


def test_a_mismatch_is_told_and_the_value_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    for declared in (Model, Model.model_json_schema()):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "motia.compat"):
            assert Documented(declared).from_json('{"n": "x"}', "the body") == {"n": "x"}
        assert "the body does not fit its schema: n: 'x' is not of type 'integer'; the handler runs all the same" in (
            caplog.text
        )


@pytest.mark.parametrize("declared", [{"type": {"type": "string"}}, {"properties": 5}, {"key": {"type": "string"}}])
def test_a_schema_that_is_none_rejects_nothing(declared: dict[str, object]) -> None:
    assert Documented(declared).from_python({"key": 1}, "the body") == {"key": 1}
    assert Documented(declared).json_schema == declared


def test_json_that_is_none_is_still_refused() -> None:
    with pytest.raises(ValidationFailed) as caught:
        Documented({}).from_json("{", "the body")
    assert caught.value.malformed


def test_answers_are_written_whatever_the_schema_says() -> None:
    assert Documented({"type": "string"}).to_json({"a": 1}, "the answer") == b'{"a":1}'


def test_what_says_nothing_is_no_schema() -> None:
    assert documented(None) is documented({}) is None


def test_schema_to_json_schema() -> None:
    assert schema_to_json_schema(Model) == Model.model_json_schema()
    assert schema_to_json_schema({"type": "object"}) == {"type": "object"}
    assert schema_to_json_schema(None) is schema_to_json_schema(object()) is None


def test_ids_of_steps_are_what_they_were() -> None:
    assert generate_step_id("steps/a_step.py") == generate_step_id("steps/a_step.py")
    assert generate_step_id("steps/a_step.py") != generate_step_id("steps/b_step.py")
    assert generate_step_id("a")[14] == "5"

"""The document that FastAPI makes of steps: the same facts as ours, and every reference in it leads somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
from fastapi import FastAPI
from openapi_spec_validator import validate
from typing_extensions import TypedDict

from motia import ApiRequest, Motia, Step, http, step
from motia.integrations.fastapi import mount
from motia.web.openapi import document
from tests.adapters.fuzzing import STEPS


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Wanted(TypedDict):
    size: Size


TREE = {
    "type": "object",
    "properties": {"name": {"$ref": "#/$defs/name"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "$defs": {"name": {"type": "string", "minLength": 1}},
}


@step(triggers=[http("POST", "/trees", body_schema=TREE, query_params=Wanted, response_schema={200: TREE})])
def tree(req: ApiRequest[Any]) -> Any: ...


ALL: list[Step[..., Any]] = [*STEPS, tree]


@pytest.fixture(scope="module")
def told() -> Any:
    app = FastAPI()
    mount(app, Motia("memory:", steps=ALL), worker=False)
    return json.loads(json.dumps(app.openapi()))


def _refs(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
        for value in part.values():
            yield from _refs(value)
    elif isinstance(part, list):
        for value in part:
            yield from _refs(value)


def test_both_documents_are_valid(told: Any) -> None:
    ours = document(Motia("memory:", steps=ALL))
    for made in (told, ours):
        validate(made)
        for ref in _refs(made):
            found = made
            for part in ref.removeprefix("#/").split("/"):
                found = found[part]


def test_definitions_of_a_json_schema_stand_where_they_are_used(told: Any) -> None:
    operation = told["paths"]["/trees"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"] == {
        "name": {"type": "string", "minLength": 1},
        "children": {"type": "array", "items": {}},
    }
    assert operation["responses"]["200"]["content"]["application/json"]["schema"] == body
    (size,) = operation["parameters"]
    assert (size["required"], size["schema"]["enum"]) == (True, ["s", "l"])


def test_both_documents_say_the_same(told: Any) -> None:
    ours = document(Motia("memory:", steps=ALL))
    assert told["paths"].keys() == ours["paths"].keys()
    for path, item in ours["paths"].items():
        for method in item.keys() - {"parameters"}:
            theirs = told["paths"][path][method]
            assert theirs["summary"] == item[method]["summary"]
            assert theirs["responses"].keys() >= item[method]["responses"].keys(), (path, method)

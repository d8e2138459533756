"""The document of an app: paths, parameters, bodies and answers, with schemas that refer to each other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel, Field
from pydantic_core import core_schema

from motia import ApiRequest, Motia, QueryParam, http, step
from motia.web.openapi import document


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Pizza(BaseModel):
    size: Size
    toppings: list[str] = Field(min_length=1)


class Receipt(BaseModel):
    order_id: str = Field(alias="orderId")


class Filter(BaseModel):
    page: int = Field(default=1, ge=1)
    size: Size | None = None
    name: str


@dataclass
class Problem:
    why: str


class Opaque:
    """A type that only validates."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return core_schema.no_info_plain_validator_function(lambda value: cls())


TREE = {
    "type": "object",
    "properties": {"name": {"$ref": "#/$defs/name"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "$defs": {"name": {"type": "string"}},
}


@step(
    "order pizza",
    triggers=[http("POST", "/pizzas/:shop", response_schema={201: Receipt, 409: Problem, 204: None})],
    flows=["pizzas"],
)
async def order(req: ApiRequest[Pizza]) -> Any:
    """Take an order."""


@step(triggers=[http("GET", "/pizzas/{place}", query_params=Filter, condition=lambda req, ctx: True)])
def find(req: ApiRequest[Any]) -> Any: ...


@step(triggers=[http("PUT", "/trees/*path", body_schema=TREE), http("GET", "/trees/*path")])
def tree(req: ApiRequest[Any]) -> Any: ...


@step(triggers=[http("POST", "/maybe", body_schema=Opaque | None, query_params=[QueryParam("dry", "Do nothing")])])
def maybe(req: ApiRequest[Any]) -> Any: ...


@pytest.fixture(scope="module")
def told() -> Any:
    made = document(Motia("memory:", steps=[order, find, tree, maybe]), prefix="/api", title="Shop", version="2")
    return json.loads(json.dumps(made))


def test_head(told: Any) -> None:
    assert (told["openapi"], told["info"]) == ("3.1.0", {"title": "Shop", "version": "2"})
    assert list(told["paths"]) == ["/api/pizzas/{shop}", "/api/trees/{path}", "/api/maybe"]


def test_methods_of_one_path_share_its_parameters(told: Any) -> None:
    item = told["paths"]["/api/pizzas/{shop}"]
    assert set(item) == {"parameters", "get", "post"}
    assert item["parameters"] == [{"name": "shop", "in": "path", "required": True, "schema": {"type": "string"}}]
    assert (item["post"]["summary"], item["post"]["description"]) == ("Take an order.", "Take an order.")
    assert (item["post"]["tags"], item["post"]["operationId"]) == (["pizzas"], "order_pizza")
    assert (item["get"]["operationId"], "requestBody" in item["get"]) == ("find", False)


def test_operation_ids_are_unique(told: Any) -> None:
    item = told["paths"]["/api/trees/{path}"]
    assert (item["put"]["operationId"], item["get"]["operationId"]) == ("tree", "tree_2")


def test_bodies_refer_to_components(told: Any) -> None:
    body = told["paths"]["/api/pizzas/{shop}"]["post"]["requestBody"]
    assert (body["required"], body["content"]) == (True, _json("Pizza"))
    schemas = told["components"]["schemas"]
    assert schemas["Pizza"]["properties"]["size"] == {"$ref": "#/components/schemas/Size"}
    assert schemas["Pizza"]["properties"]["toppings"]["minItems"] == 1
    assert schemas["Size"]["enum"] == ["s", "l"]


def test_every_status_has_its_schema(told: Any) -> None:
    responses = told["paths"]["/api/pizzas/{shop}"]["post"]["responses"]
    content = {status: entry.get("content") for status, entry in responses.items()}
    assert content["201"] == _json("Receipt")
    assert content["409"] == _json("Problem")
    assert content["400"] == content["default"] == _json("StepError")
    assert set(told["components"]["schemas"]["Receipt"]["properties"]) == {"orderId"}


def test_what_motia_answers_itself_is_told(told: Any) -> None:
    get = told["paths"]["/api/pizzas/{shop}"]["get"]["responses"]
    assert set(get) == {"200", "400", "422", "default"}
    assert set(told["paths"]["/api/trees/{path}"]["get"]["responses"]) == {"200", "default"}


def test_query_of_a_model_is_parameters(told: Any) -> None:
    params = {item["name"]: item for item in told["paths"]["/api/pizzas/{shop}"]["get"]["parameters"]}
    assert {name: item["required"] for name, item in params.items()} == {"page": False, "size": False, "name": True}
    assert params["page"]["schema"]["minimum"] == 1
    assert {"$ref": "#/components/schemas/Size"} in params["size"]["schema"]["anyOf"]


def test_documented_query(told: Any) -> None:
    assert told["paths"]["/api/maybe"]["post"]["parameters"] == [
        {"name": "dry", "in": "query", "required": False, "schema": {"type": "string"}, "description": "Do nothing"}
    ]


def test_body_that_may_be_missing_is_not_required(told: Any) -> None:
    assert told["paths"]["/api/maybe"]["post"]["requestBody"]["required"] is False


def test_references_within_a_json_schema_hold(told: Any) -> None:
    ref = told["paths"]["/api/trees/{path}"]["put"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    made = _at(told, ref)
    assert _at(told, made["properties"]["name"]["$ref"]) == {"type": "string"}
    assert _at(told, made["properties"]["children"]["items"]["$ref"]) == made


def _json(name: str) -> Any:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _at(told: Any, ref: str) -> Any:
    found = told
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return found

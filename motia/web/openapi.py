"""The OpenAPI 3.1 document of an app's http steps, for frameworks that make none, and for the command line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from motia.app import Motia
from motia.errors import ValidationFailed
from motia.plans import Plan
from motia.routing import Path
from motia.schemas import Mode, Schema, json_schemas, make_schema
from motia.triggers import HttpTrigger
from motia.web.answers import BODILESS, JSON
from motia.web.endpoint import Endpoint, make_endpoints
from motia.web.failures import StepError

BODILESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ANSWER = "The answer of the step"
_REFS = "#/components/schemas/{model}"
_ERROR = make_schema(StepError)


def document(motia: Motia, *, prefix: str = "", title: str = "motia", version: str = "0.1.0") -> dict[str, Any]:
    """Every http step with its parameters, body, answers and errors.

    Args:
        prefix: put before every path, as it is where the app is mounted.
        title, version: of the API that is documented, not of motia.

    Raises:
        RegistrationError: something is wrong with the steps.
    """
    endpoints = make_endpoints(motia.registry.http, prefix).values()
    schemas = _Schemas(endpoint.plans.values() for endpoint in endpoints)
    names = _operation_ids(motia)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": {
            _path(endpoint).render("{{{}}}", "{{{}}}"): _item(endpoint, schemas, names) for endpoint in endpoints
        },
        "components": {"schemas": schemas.components},
    }


def errors_of(plan: Plan, *, others: bool = True) -> dict[int | str, str]:
    """The statuses of the errors that motia answers in place of a step, and why.

    Args:
        others: with ``default``, for all that any step may have.
    """
    reasons: dict[int | str, str] = {}
    if plan.schema is not None or plan.query is not None:
        reasons[400] = "The request does not fit its schema"
    if plan.condition is not None:
        reasons[422] = "The condition of the step is not met"
    return reasons | {"default": "An error"} if others else reasons


def success_of(plan: Plan) -> int:
    """The status of a step's answer where nothing goes wrong."""
    return min((status for status in plan.responses if status < 400), default=200)


def about(plan: Plan) -> dict[str, Any]:
    """What an operation says of itself to people."""
    config = plan.step.config
    told = inspect.getdoc(plan.step.handler_for("http"))
    texts = {"summary": config.description or plan.name, "description": told, "tags": list(config.flows)}
    return {name: text for name, text in texts.items() if text}


def fields_of(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The properties of an object's schema as query parameters."""
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": part}
        for name, part in schema.get("properties", {}).items()
    ]


def content(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON body of this schema."""
    return {JSON: {"schema": schema}}


class _Schemas:
    """The schemas of all plans as they stand in the document, where models have names and refer to each other.

    Attributes:
        components: what is referred to.
    """

    def __init__(self, plans: Any) -> None:
        wanted: dict[tuple[int, Mode], Schema] = {}
        for schema, mode in [*_uses(plan for group in plans for plan in group), (_ERROR, "serialization")]:
            if schema is not None:
                wanted[id(schema), mode] = schema
        self._made, self.components = json_schemas(wanted, _REFS)

    def get(self, schema: Schema, mode: Mode) -> dict[str, Any]:
        """The schema, or a reference to it."""
        return self._made[id(schema), mode]

    def fields(self, schema: Schema) -> list[dict[str, Any]]:
        """The query parameters that a schema stands for."""
        made = self.get(schema, "validation")
        return fields_of(self.components.get(str(made.get("$ref", "")).rpartition("/")[2], made))

    @property
    def error(self) -> dict[str, Any]:
        """The one shape of errors."""
        assert _ERROR is not None
        return content(self.get(_ERROR, "serialization"))


def _uses(plans: Iterator[Plan]) -> Iterator[tuple[Schema | None, Mode]]:
    for plan in plans:
        yield plan.schema, "validation"
        yield plan.query, "validation"
        for schema in plan.responses.values():
            yield schema, "serialization"


def _path(endpoint: Endpoint) -> Path:
    """The path of an endpoint; where methods name its parameters differently, the first one's names."""
    return next(iter(endpoint.paths.values()))


def _operation_ids(motia: Motia) -> dict[tuple[str, int], str]:
    """A unique word per http trigger, made of its step's name."""
    names: dict[tuple[str, int], str] = {}
    taken: set[str] = set()
    for plan in motia.registry.http:
        word = name = re.sub(r"\W+", "_", plan.name).strip("_") or "step"
        count = 1
        while word in taken:
            count += 1
            word = f"{name}_{count}"
        taken.add(word)
        names[plan.name, plan.index] = word
    return names


def _item(endpoint: Endpoint, schemas: _Schemas, names: Mapping[tuple[str, int], str]) -> dict[str, Any]:
    """All operations of one path."""
    item: dict[str, Any] = {}
    params = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _path(endpoint).params
    ]
    if params:
        item["parameters"] = params
    for method, plan in endpoint.plans.items():
        item[method.lower()] = _operation(plan, method, schemas) | {"operationId": names[plan.name, plan.index]}
    return item


def _operation(plan: Plan, method: str, schemas: _Schemas) -> dict[str, Any]:
    operation = about(plan) | {"responses": _responses(plan, schemas)}
    if query := _query(plan, schemas):
        operation["parameters"] = query
    if plan.schema is not None and method not in BODILESS_METHODS:
        body = content(schemas.get(plan.schema, "validation"))
        operation["requestBody"] = {"required": not _may_be_missing(plan.schema), "content": body}
    return operation


def _query(plan: Plan, schemas: _Schemas) -> list[dict[str, Any]]:
    assert isinstance(plan.trigger, HttpTrigger)
    if plan.query is not None:
        return schemas.fields(plan.query)
    return [
        {"name": item.name, "in": "query", "required": False, "schema": {"type": "string"}}
        | ({"description": item.description} if item.description else {})
        for item in plan.trigger.query_params
    ]


def _may_be_missing(schema: Schema) -> bool:
    try:
        schema.from_python(None, "the body")
    except ValidationFailed:
        return False
    return True


def _responses(plan: Plan, schemas: _Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {str(success_of(plan)): {"description": ANSWER}}
    for status, schema in plan.responses.items():
        body = {} if status in BODILESS else {"content": content(schemas.get(schema, "serialization"))}
        responses[str(status)] = {"description": ANSWER} | body
    for error, why in errors_of(plan).items():
        responses.setdefault(str(error), {"description": why, "content": schemas.error})
    return responses

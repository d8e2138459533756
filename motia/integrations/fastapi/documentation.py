"""How a step is told to FastAPI, so that it stands in the app's own ``/docs``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Body, Query
from fastapi import Path as PathParam
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from motia.plans import Plan
from motia.routing import Path
from motia.schemas import Schema, standalone
from motia.triggers import HttpTrigger
from motia.web.answers import BODILESS
from motia.web.failures import StepError
from motia.web.openapi import ANSWER, BODILESS_METHODS, about, content, errors_of, fields_of, success_of


def documentation(plan: Plan, path: Path, dependencies: Sequence[Any]) -> dict[str, Any]:
    """The arguments of an ``APIRoute`` that documents a step."""
    trigger = plan.trigger
    assert isinstance(trigger, HttpTrigger)
    return about(plan) | {
        "endpoint": _signature_only(plan, trigger, path),
        "methods": [trigger.method],
        "name": plan.name,
        "status_code": success_of(plan),
        "responses": _responses(plan, guarded=bool(dependencies)),
        "response_model": None,
        "response_class": JSONResponse if success_of(plan) in plan.responses else Response,  # or of any type
        "dependencies": list(dependencies),
        "openapi_extra": _extra(plan) or None,
    }


def _signature_only(plan: Plan, trigger: HttpTrigger, path: Path) -> Any:
    """A function that says what the step takes, and is never called."""

    async def documented(**values: Any) -> None:
        raise AssertionError(f"step {plan.name!r} is served by its own route")

    params: list[Any] = [Annotated[str, PathParam(alias=name)] for name in path.params]
    if isinstance(trigger.query_params, tuple):
        params += [
            Annotated[str | None, Query(alias=item.name, description=item.description)] for item in trigger.query_params
        ]
    elif _is_model(plan.query):
        params.append(Annotated[plan.query.python_type, Query()])  # type: ignore[union-attr]  # see _is_model
    if plan.schema is not None and plan.schema.python_type is not None and trigger.method not in BODILESS_METHODS:
        params.append(Annotated[plan.schema.python_type, Body()])
    documented.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # read by FastAPI
        [_parameter(index, annotation) for index, annotation in enumerate(params)]
    )
    return documented


def _parameter(index: int, annotation: Any) -> inspect.Parameter:
    default = None if annotation.__origin__ == str | None else inspect.Parameter.empty
    name = f"parameter_{index}"
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _is_model(schema: Schema | None) -> bool:
    kind = schema.python_type if schema is not None else None
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _extra(plan: Plan) -> dict[str, Any]:
    """What the signature cannot say: a body that is a JSON Schema, a query that is no pydantic model."""
    extra: dict[str, Any] = {}
    if plan.schema is not None and plan.schema.python_type is None:
        extra["requestBody"] = {"required": True, "content": content(standalone(plan.schema.json_schema))}
    if plan.query is not None and not _is_model(plan.query):
        extra["parameters"] = fields_of(standalone(plan.query.json_schema))
    return extra


def _responses(plan: Plan, *, guarded: bool) -> dict[int | str, dict[str, Any]]:
    """The answers by status. Errors have the shape of ours, where it is not FastAPI that checks dependencies."""
    responses: dict[int | str, dict[str, Any]] = {}
    for status, schema in plan.responses.items():
        python_type = schema.python_type
        told = (
            {"model": python_type} if python_type is not None else {"content": content(standalone(schema.json_schema))}
        )
        responses[status] = {"description": ANSWER, **({} if status in BODILESS else told)}
    for error, why in errors_of(plan, others=not guarded).items():
        responses.setdefault(error, {"model": StepError, "description": why})
    return responses

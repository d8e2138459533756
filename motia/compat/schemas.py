"""Schemas that are documentation, as all of 0.x's were: what does not fit them is told, and the handler runs."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from motia.codec import loads, response_json
from motia.errors import ConfigError, MissingDependency, ValidationFailed
from motia.schemas import JsonSchema, Schema, make_schema

_log = logging.getLogger("motia.compat")
_STEP_IDS = uuid.UUID("7f1c3ff2-9b00-4d0a-bdd7-efb8bca49d4f")
"""Motia's namespace, so that ids stay what they were."""


class Documented:
    """A schema that never refuses a value.

    Args:
        declared: a JSON Schema dict, valid or not, or a type.
    """

    python_type = None
    lists: frozenset[str] = frozenset()

    def __init__(self, declared: Any) -> None:
        self._declared = declared

    @cached_property
    def json_schema(self) -> dict[str, Any]:
        return schema_to_json_schema(self._declared) or {}

    @cached_property
    def _checker(self) -> Schema | None:
        try:
            return JsonSchema(self.json_schema)
        except MissingDependency as error:
            _log.info("schemas of 0.x step files are not checked: %s", error)
        except ConfigError as error:
            _log.warning("a schema that is none, and documents nothing: %s", error)
        return None

    def from_json(self, text: str | bytes, what: str) -> Any:
        try:
            value = loads(text)
        except ValueError as error:
            fault = {"loc": [], "msg": f"Invalid JSON: {error}", "type": "json_invalid"}
            raise ValidationFailed(what, [fault], malformed=True) from error
        return self.from_python(value, what)

    def from_python(self, value: Any, what: str) -> Any:
        if value is not None and self._checker is not None:
            try:
                self._checker.from_python(value, what)
            except ValidationFailed as error:
                _log.warning("%s; the handler runs all the same", error)
        return value

    def to_json(self, value: Any, what: str) -> bytes:
        return response_json(value)


def documented(declared: Any) -> Documented | None:
    """The schema of a 0.x config; None for what says nothing."""
    return Documented(declared) if declared else None


def schema_to_json_schema(schema: Any) -> dict[str, Any] | None:
    """A pydantic model, a type or a JSON Schema dict as JSON Schema; None for what is no schema."""
    if isinstance(schema, Mapping):
        return dict(schema)
    try:
        made = make_schema(schema)
    except ConfigError:
        return None
    return None if made is None else made.json_schema


def generate_step_id(path: str) -> str:
    """The id that Motia gave the step in a file."""
    return str(uuid.uuid5(_STEP_IDS, path))

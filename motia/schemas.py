"""Schemas: anything pydantic can make a ``TypeAdapter`` of, or a JSON Schema dict, behind one face."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from itertools import count
from typing import Any, Literal, Protocol, TypeAlias, get_args

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema, to_json, to_jsonable_python

from motia.codec import loads
from motia.errors import ConfigError, MissingDependency, ValidationFailed
from motia.typeddicts import is_typed_dict, readable

Mode: TypeAlias = Literal["validation", "serialization"]


class Schema(Protocol):
    """Validates a value. ``what`` names it in the error. Both raise ``ValidationFailed``."""

    def from_json(self, text: str | bytes, what: str) -> Any:
        """Parse and validate JSON text."""
        ...

    def from_python(self, value: Any, what: str) -> Any:
        """Validate parsed data, or an instance of the model."""
        ...

    def to_json(self, value: Any, what: str) -> bytes:
        """Validate an outgoing value and write it as JSON."""
        ...

    @property
    def json_schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        ...

    @property
    def lists(self) -> frozenset[str]:
        """Names of the fields that take lists, for queries and forms, where one value and a list of one look alike."""
        ...

    @property
    def python_type(self) -> Any:
        """The type it was made of; None for a JSON Schema dict."""
        ...


class TypeSchema:
    """A schema made of a Python type."""

    def __init__(self, python_type: Any) -> None:
        self.python_type = python_type
        self._adapter: TypeAdapter[Any] = TypeAdapter(python_type)
        self._validator = self._adapter.validator
        self._serializer = self._adapter.serializer

    def from_json(self, text: str | bytes, what: str) -> Any:
        try:
            return self._validator.validate_json(text)
        except ValidationError as error:
            raise failure(error, what) from error

    def from_python(self, value: Any, what: str) -> Any:
        try:
            return self._validator.validate_python(value)
        except ValidationError as error:
            raise failure(error, what) from error

    def to_json(self, value: Any, what: str) -> bytes:
        try:
            valid = self._validator.validate_python(value, from_attributes=True)
        except ValidationError as error:
            raise failure(error, what) from error
        written: bytes = self._serializer.to_json(valid, by_alias=True)
        return written

    @cached_property
    def json_schema(self) -> dict[str, Any]:
        return self._adapter.json_schema()

    @cached_property
    def lists(self) -> frozenset[str]:
        try:
            return _lists(self.json_schema)
        except PydanticInvalidForJsonSchema:  # a type of the caller's own, which only validates
            return frozenset()


class JsonSchema:
    """A schema given as a JSON Schema dict; needs the ``jsonschema`` package.

    Raises:
        MissingDependency: ``jsonschema`` is not installed.
        ConfigError: the dict is not a JSON Schema.
    """

    python_type = None

    def __init__(self, schema: Mapping[str, Any]) -> None:
        jsonschema = _jsonschema()
        self.json_schema = dict(schema)
        kind = jsonschema.validators.validator_for(self.json_schema, default=jsonschema.Draft202012Validator)
        try:
            kind.check_schema(self.json_schema)
        except jsonschema.SchemaError as error:
            raise ConfigError(f"expected a JSON Schema, got one that is not valid: {error.message}") from error
        self._validator = kind(self.json_schema)

    def from_json(self, text: str | bytes, what: str) -> Any:
        try:
            value = loads(text)
        except ValueError as error:
            raise ValidationFailed(
                what, [{"loc": [], "msg": f"Invalid JSON: {error}", "type": "json_invalid"}], malformed=True
            ) from error
        return self.from_python(value, what)

    def from_python(self, value: Any, what: str) -> Any:
        faults = sorted(self._validator.iter_errors(value), key=lambda fault: [str(part) for part in fault.path])
        if faults:
            raise ValidationFailed(
                what,
                [
                    {"loc": list(fault.path), "msg": fault.message, "type": f"json_schema.{fault.validator}"}
                    for fault in faults
                ],
            )
        return value

    def to_json(self, value: Any, what: str) -> bytes:
        return to_json(self.from_python(to_jsonable_python(value), what), inf_nan_mode="null")

    @cached_property
    def lists(self) -> frozenset[str]:
        return _lists(self.json_schema)


def make_schema(declared: Any) -> Schema | None:
    """The schema of a declaration; None stays None, and what has the face of a ``Schema`` is one.

    Raises:
        ConfigError: pydantic cannot make a schema of it.
        MissingDependency: it is a JSON Schema dict and ``jsonschema`` is not installed.
    """
    if declared is None:
        return None
    if isinstance(declared, Mapping):
        return JsonSchema(declared)
    if hasattr(type(declared), "from_json") and hasattr(type(declared), "from_python"):
        made: Schema = declared
        return made
    try:
        return TypeSchema(readable(declared))
    except PydanticUserError as error:
        name = getattr(declared, "__name__", repr(declared))
        raise ConfigError(
            f"expected a pydantic model, a dataclass, a TypedDict or a JSON Schema dict, got {name}: "
            f"{str(error).splitlines()[0]}"
        ) from error


def json_schemas(
    schemas: Mapping[tuple[int, Mode], Schema], template: str
) -> tuple[dict[tuple[int, Mode], dict[str, Any]], dict[str, Any]]:
    """Many schemas that share their definitions: each one by its key, and the definitions by name.

    Args:
        schemas: the key says whether what comes in or what goes out is meant.
        template: where definitions are found, such as ``#/components/schemas/{model}``.
    """
    typed = [(key[0], key[1], schema._adapter) for key, schema in schemas.items() if isinstance(schema, TypeSchema)]
    made, shared = TypeAdapter.json_schemas(typed, ref_template=template, schema_generator=_Lenient)
    found: dict[tuple[int, Mode], dict[str, Any]] = dict(made)
    definitions = dict(shared.get("$defs", {}))
    for key, schema in schemas.items():
        if key not in found:
            name = next(word for number in count(1) if (word := f"Schema{number}") not in definitions)
            here = template.format(model=name)
            definitions[name] = _moved(schema.json_schema, here)
            found[key] = {"$ref": here}
    return found, definitions


class _Lenient(GenerateJsonSchema):
    """What a type of the caller's own looks like as JSON is not known: anything."""

    def handle_invalid_for_json_schema(self, schema: core_schema.CoreSchema, error_info: str) -> JsonSchemaValue:
        return {}


def _moved(part: Any, to: str) -> Any:
    """A JSON Schema whose references to itself hold where it has been moved ``to``."""
    if isinstance(part, Mapping):
        return {
            name: to + value[1:]
            if name == "$ref" and isinstance(value, str) and value.startswith("#")
            else _moved(value, to)
            for name, value in part.items()
        }
    return [_moved(item, to) for item in part] if isinstance(part, list) else part


def standalone(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema without references to itself, for documents that have another root.

    Definitions stand where they are used; what contains itself is anything, the second time.
    """

    def resolved(part: Any, within: tuple[str, ...]) -> Any:
        if isinstance(part, list):
            return [resolved(item, within) for item in part]
        if not isinstance(part, Mapping):
            return part
        beside = {name: resolved(value, within) for name, value in part.items() if name not in {"$ref", "$defs"}}
        ref = part.get("$ref")
        if not isinstance(ref, str) or not ref.startswith("#"):
            return beside if ref is None else beside | {"$ref": ref}
        return beside if ref in within else resolved(_at(schema, ref), (*within, ref)) | beside

    return dict(resolved(schema, ("#",)))


def _at(schema: Any, ref: str) -> Any:
    """What a reference such as ``#/$defs/name`` stands for."""
    for part in ref.split("/")[1:]:
        schema = schema.get(part.replace("~1", "/").replace("~0", "~"), {})
    return schema


def is_structured(annotation: Any) -> bool:
    """Whether an annotation says what data looks like: a model, a dataclass or a TypedDict, alone or within."""
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)):
        return True
    return is_typed_dict(annotation) or any(is_structured(part) for part in get_args(annotation))


def _lists(schema: Mapping[str, Any]) -> frozenset[str]:
    """The properties of an object's schema that take arrays."""
    definitions = schema.get("$defs", {})

    def resolved(part: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = part if isinstance(part, Mapping) else {}
        target: Mapping[str, Any] = definitions.get(str(found.get("$ref", "")).removeprefix("#/$defs/"), found)
        return target

    def takes_lists(part: Any) -> bool:
        found = resolved(part)
        return found.get("type") == "array" or any(takes_lists(option) for option in found.get("anyOf", ()))

    properties = resolved(schema).get("properties", {})
    return frozenset(name for name, part in properties.items() if takes_lists(part))


def failure(error: ValidationError, what: str) -> ValidationFailed:
    """Pydantic's error as ours, without the input and without links."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return ValidationFailed(what, errors, malformed=errors[0]["type"] == "json_invalid")


def _jsonschema() -> Any:
    try:
        import jsonschema  # noqa: PLC0415  # only for those who use it: it takes 50 ms
    except ImportError as error:
        raise MissingDependency(
            "a JSON Schema dict as schema needs the jsonschema package: pip install 'motia[jsonschema]', "
            "or give a pydantic model instead"
        ) from error
    return jsonschema

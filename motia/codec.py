"""JSON, strictly: what a message, a stored value and an answer look like as text.

A payload is refused when it is written, with the path of the value at fault, because the backends disagree about
the odd cases: NUL and lone surrogates pass SQLite and PostgreSQL ``text`` but not ``jsonb``; some parsers read
integers beyond 64 bit back as floats; the standard parser overflows its stack on deep nesting.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from motia.errors import PayloadTooLarge, UnserializablePayload

MAX_DEPTH = 64
MAX_KEYS = 10_000
"""Members of all objects of one request body together."""
MIN_INT, MAX_INT = -(2**63), 2**64 - 1

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False).encode
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
"""One that is never closed goes on to the end: were it no match, each quote in it would be tried anew."""
_TOO_DEEP = re.compile(rb"[\[{]{%d}" % (MAX_DEPTH + 1))
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_PLAIN = frozenset({bool, type(None)})


def dumps(value: Any, *, limit: int | None = None) -> str:
    """Encode ``value`` as strict JSON text.

    Models, dataclasses, dates, UUIDs, decimals and enums are written as pydantic writes them in JSON mode; a model that
    is read by aliases alone is written by them.

    Args:
        limit: longest allowed text in bytes of UTF-8; None for no limit.

    Raises:
        UnserializablePayload: names the JSON path: NaN, infinity, NUL, a lone surrogate, a key that is not a string,
            an integer beyond 64 bit, nesting deeper than 64, a set, or an object that JSON has no form for.
        PayloadTooLarge: the text is longer than ``limit``.
    """
    text = _encode(_strict(value, "$", 0))
    if limit is not None and len(text) * 4 > limit and (size := len(text.encode())) > limit:
        raise PayloadTooLarge(
            f"payload expected at most {limit} bytes, got {size}; keep the data elsewhere and its id here, "
            "or raise MOTIA_PAYLOAD_LIMIT",
            limit,
        )
    return text


def loads(text: str | bytes) -> Any:
    """Decode JSON text written by ``dumps``.

    Raises:
        ValueError: the text is not JSON.
    """
    return from_json(text, allow_inf_nan=False)


def check_shape(text: bytes) -> None:
    """Refuse JSON text that would cost too much to parse or to walk through. Looks at brackets and colons only.

    Raises:
        ValueError: it nests deeper than 64 levels, or its objects have more than 10,000 members together.
    """
    if text.count(b"{") + text.count(b"[") <= MAX_DEPTH and text.count(b":") <= MAX_KEYS:
        return
    bare = _STRING.sub(b"", text)
    if bare.count(b":") > MAX_KEYS:
        raise ValueError(f"expected objects of at most {MAX_KEYS} members together")
    brackets = bare.translate(None, _ALL_BUT_BRACKETS)
    for _ in range(MAX_DEPTH):  # each round takes off the innermost level
        if _TOO_DEEP.search(brackets):
            break
        shorter = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(shorter) == len(brackets):
            return  # nothing left, or no JSON: the parser will say so
        brackets = shorter
    if brackets:
        raise ValueError(f"expected nesting of at most {MAX_DEPTH} levels")


def response_json(value: Any) -> bytes:
    """Encode an http answer: what pydantic can write, with NaN and infinity as null.

    Raises:
        UnserializablePayload: the value has no JSON form.
    """
    try:
        return to_json(value, inf_nan_mode="null", fallback=_mapping)
    except (PydanticSerializationError, ValueError, UnicodeEncodeError) as error:
        raise UnserializablePayload("$", f"the response body has no JSON form: {error}") from error


def _mapping(value: Any) -> Any:
    """What is no dict but a mapping, such as the headers of a request."""
    if isinstance(value, Mapping):
        return dict(value)
    raise PydanticSerializationError(f"no JSON form is known for an object of type {type(value).__name__}")


def _strict(value: Any, path: str, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return _text(value, path)
    if kind is int:
        return _integer(value, path)
    if kind in _PLAIN:
        return value
    if kind is float:
        if math.isfinite(value):
            return value
        raise UnserializablePayload(path, f"expected a finite number, got {value}; send null or a string instead")
    if depth >= MAX_DEPTH:
        raise UnserializablePayload(path, f"expected nesting of at most {MAX_DEPTH} levels; flatten the data")
    if kind is dict:
        return {_key(k, path): _strict(v, f"{path}.{k}", depth + 1) for k, v in value.items()}
    if kind is list or kind is tuple:
        return [_strict(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    return _strict(_plain(value, path), path, depth + 1)


def _plain(value: Any, path: str) -> Any:
    """One step from an object towards plain JSON data; its parts are checked by the caller."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="python", by_alias=_goes_by_alias(type(value)))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    for plain in (str, int, float):
        if isinstance(value, plain):
            return plain(value)
    if isinstance(value, (set, frozenset)):
        raise UnserializablePayload(path, f"expected a JSON value, got a {type(value).__name__}; send a list instead")
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise UnserializablePayload(path, "expected a JSON value, got bytes; decode them or send base64 text")
    try:
        return to_jsonable_python(value)
    except (PydanticSerializationError, ValueError):
        name = type(value).__name__
        raise UnserializablePayload(
            path, f"expected a JSON value, got an object of type {name}; send plain data or a pydantic model"
        ) from None


@lru_cache(1024)
def _goes_by_alias(kind: type[BaseModel]) -> bool:
    """Whether a model, or one within it, is read by aliases alone: only what is written by them can be read again."""
    seen: set[type[BaseModel]] = set()
    found = [kind]
    while found:
        model = found.pop()
        if _reads_aliases(model):
            return True
        seen.add(model)
        found += {part for field in model.model_fields.values() for part in _models(field.annotation)} - seen
    return False


def _reads_aliases(model: type[BaseModel]) -> bool:
    if model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name"):
        return False
    fields = model.model_fields.items()
    return any(field.alias not in {None, name} and field.alias == field.validation_alias for name, field in fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _key(key: Any, path: str) -> str:
    if isinstance(key, Enum):
        key = key.value
    if type(key) is not str:
        raise UnserializablePayload(path, f"expected string keys, got {key!r} of type {type(key).__name__}")
    return _text(key, path)


def _text(value: str, path: str) -> str:
    if value.isascii():
        if "\x00" in value:
            raise UnserializablePayload(path, "expected text without NUL characters")
        return value
    if "\x00" in value:
        raise UnserializablePayload(path, "expected text without NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnserializablePayload(path, "expected valid Unicode, got a lone surrogate") from None
    return value


def _integer(value: int, path: str) -> int:
    if MIN_INT <= value <= MAX_INT:
        return value
    raise UnserializablePayload(path, "expected an integer of at most 64 bit; send it as a string instead")

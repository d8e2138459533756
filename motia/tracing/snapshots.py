"""A look at a value while it is there: redacted, bounded, and always JSON. Pure, and nothing is consumed by it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from motia.redaction import HIDDEN, is_secret, is_suspect, redact_text

LIMIT = 16 * 1024
"""Bytes of JSON text that are kept of one value."""
_DEPTH = 32
_COST = 4
"""Characters that an item costs besides its own."""
_MAX_INT = 2**63
_TEXTUAL = (date, time, timedelta, Decimal, UUID, PurePath)
_FEW = 20
_SIMPLE = frozenset({str, bool, type(None)})
_MANY = 1_000
"""Items of one list or object beyond which not all of a value is looked at."""
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def snapshot(value: Any, limit: int = LIMIT) -> str:
    """A value as JSON text of at most ``limit`` bytes; what does not fit is left out and marked with an ellipsis."""
    return _at_once(value, limit) or _fitting(value, limit)[1]


def _at_once(value: Any, limit: int) -> str | None:
    """The text of a value that is small and holds no secret, as most do; None where it has to be looked at closely."""
    parts = value.values() if type(value) is dict else value if type(value) is list else ()
    if len(parts) > _MANY or any(type(part) in {dict, list} and len(part) > _MANY for part in parts):
        return None
    try:
        text = _encode_plain(value)
        if len(text) > limit or is_suspect(text) or (not text.isascii() and len(text.encode()) > limit):
            return None
    except (TypeError, ValueError, RecursionError):
        return None
    return text


def _plainer(value: Any) -> Any:
    """One step from an object towards plain data; its parts are yet to be looked at."""
    if isinstance(value, BaseModel):
        return {**vars(value), **(value.model_extra or {})}
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, _TEXTUAL):
        return str(value)
    return f"<{len(value)} bytes>" if isinstance(value, (bytes, bytearray)) else f"<{type(value).__name__}>"


_encode_plain = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False, default=_plainer
).encode


def shown(value: Any, limit: int = LIMIT) -> Any:
    """The same as plain data."""
    if type(value) is dict and len(value) <= _FEW and _is_flat(value) and _at_once(value, limit) is not None:
        return dict(value)
    return _fitting(value, limit)[0]


def _is_flat(value: dict[Any, Any]) -> bool:
    return _SIMPLE.issuperset(map(type, value.values())) and all(type(key) is str for key in value)


def _fitting(value: Any, limit: int) -> tuple[Any, str]:
    room = limit
    while room > _COST:
        found = _Look(room).at(value, 0)
        text = _encode(found)
        if len(text) * 4 <= limit or len(text.encode()) <= limit:
            return found, text
        room //= 2  # what is escaped, or not ASCII, takes more bytes than it has characters
    return "…", '"…"'


def cut(text: str, limit: int) -> str:
    """A redacted text of at most ``limit`` characters that every database can keep."""
    text = redact_text(text).replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= limit else text[: limit - 1] + "…"


class _Look:
    """One walk through a value with so many characters to spend."""

    def __init__(self, room: int) -> None:
        self._room = room

    def at(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if value is None or kind is bool or kind is int:
            self._room -= _COST
            return value if kind is not int or -_MAX_INT <= value < _MAX_INT else str(value)[:40]
        if kind is float:
            self._room -= 12
            return value if math.isfinite(value) else str(value)
        return self._object(value, depth) if depth < _DEPTH else "…"

    def _object(self, value: Any, depth: int) -> Any:
        self._room -= _COST
        if isinstance(value, Mapping):
            return self._members(value.items(), depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._items(value, depth)
        for plain in (str, int, float):
            if isinstance(value, plain):
                return self.at(plain(value), depth + 1)
        return self.at(_plainer(value), depth + 1)

    def _members(self, members: Any, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in members:
            if self._room <= 0:
                found["…"] = "…"
                break
            name = self._text(str(key))
            found[name] = HIDDEN if is_secret(key, value) else self.at(value, depth + 1)
        return found

    def _items(self, items: Any, depth: int) -> list[Any]:
        found: list[Any] = []
        for item in items:
            if self._room <= 0:
                found.append(f"… {len(items) - len(found)} more")
                break
            found.append(self.at(item, depth + 1))
        return found

    def _text(self, text: str) -> str:
        text = cut(text, max(2, self._room))
        self._room -= len(text) + _COST
        return text

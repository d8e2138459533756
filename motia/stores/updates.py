"""Atomic update ops: what ``update(group, key, ops)`` does to a value. Pure.

The list is applied in order, all of it or nothing. An op is ``{"type": "increment", "path": "count", "by": 2}``;
``op`` is read for ``type``, and then ``/status/by`` is a path of two keys. A path is one key, taken literally (dots
too), or a list of keys for a nested value; absent, ``""`` or ``[]`` is the value itself. A missing value starts as an
object.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from motia.codec import MAX_INT, MIN_INT
from motia.errors import UpdateError, did_you_mean

MAX_PATH = 32
MISSING: Any = object()
_EXAMPLE = "{'type': 'set', 'path': 'status', 'value': 'paid'}"


def apply_ops(value: Any, ops: Sequence[Mapping[str, Any]]) -> Any:
    """The value after ``ops``; ``MISSING`` stands for no value. The argument is not changed.

    Raises:
        UpdateError: an op is unknown or does not fit the value. Nothing is applied.
    """
    if isinstance(ops, str) or not isinstance(ops, Sequence):
        raise UpdateError(0, "ops.not_a_list", f"expected a list of ops such as {_EXAMPLE}, got {ops!r}")
    result = value
    for index, op in enumerate(ops):
        result = _apply(result, op, index)
    return {} if result is MISSING else result


def _apply(value: Any, op: Mapping[str, Any], index: int) -> Any:
    if not isinstance(op, Mapping):
        raise UpdateError(index, "op.not_an_object", f"expected an op such as {_EXAMPLE}, got {op!r}")
    kind = op.get("type", op.get("op"))
    change = OPS.get(kind) if isinstance(kind, str) else None
    if change is None:
        raise UpdateError(
            index, "op.unknown", f"expected a known op, got {kind!r}; {did_you_mean(str(kind), list(OPS))}"
        )
    return _at(value, _path(op, index), lambda found: change(found, op, index), index, f"{kind}.target_not_object")


def _path(op: Mapping[str, Any], index: int) -> list[str]:
    path = op.get("path")
    if path is None or path in ("", []):
        return []
    parts = [path] if isinstance(path, str) else path
    if not isinstance(parts, Sequence) or not all(isinstance(part, str) and part for part in parts):
        raise UpdateError(index, "path.invalid", f"expected a key or a list of keys as path, got {path!r}")
    if len(parts) > MAX_PATH:
        raise UpdateError(index, "path.too_deep", f"expected a path of at most {MAX_PATH} keys, got {len(parts)}")
    if isinstance(path, str) and path.startswith("/") and "type" not in op:
        return path[1:].split("/")  # the spelling of Motia's migration guide: {"op": "set", "path": "/status"}
    return list(parts)


def _at(value: Any, path: Sequence[str], change: Callable[[Any], Any], index: int, code: str) -> Any:
    """Copy of ``value`` with the part at ``path`` changed; objects on the way are made when missing."""
    if not path:
        return change(value)
    if value is MISSING or value is None:
        value = {}
    if not isinstance(value, dict):
        raise UpdateError(index, code, f"expected an object at {path[0]!r}'s place, got {_kind(value)}")
    changed = _at(value.get(path[0], MISSING), path[1:], change, index, code)
    if changed is MISSING:
        return {key: item for key, item in value.items() if key != path[0]}
    return value | {path[0]: changed}


def _set(found: Any, op: Mapping[str, Any], index: int) -> Any:
    if "value" not in op:
        raise UpdateError(index, "set.value_missing", "expected a `value`")
    return op["value"]


def _merge(found: Any, op: Mapping[str, Any], index: int) -> Any:
    value = op.get("value")
    if not isinstance(value, Mapping):
        raise UpdateError(index, "merge.value.not_an_object", f"expected an object as `value`, got {_kind(value)}")
    if found is MISSING or found is None:
        return dict(value)
    if not isinstance(found, dict):
        raise UpdateError(index, "merge.target_not_object", f"expected an object to merge into, got {_kind(found)}")
    return found | dict(value)


def _step(found: Any, op: Mapping[str, Any], index: int, sign: int) -> Any:
    kind = "increment" if sign > 0 else "decrement"
    by = op.get("by", op.get("value", 1))
    if isinstance(by, bool) or not isinstance(by, (int, float)) or not math.isfinite(by):
        raise UpdateError(index, f"{kind}.by_not_number", f"expected a number as `by`, got {by!r}")
    if found is MISSING or found is None:
        return sign * by
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise UpdateError(index, f"{kind}.not_number", f"expected a number to {kind}, got {_kind(found)}")
    result = found + sign * by
    if not MIN_INT <= result <= MAX_INT and not (isinstance(result, float) and math.isfinite(result)):
        raise UpdateError(index, f"{kind}.overflow", f"expected a result of 64 bit, got {result!r}")
    return result


def _append(found: Any, op: Mapping[str, Any], index: int) -> Any:
    if "value" not in op:
        raise UpdateError(index, "append.value_missing", "expected a `value`")
    value = op["value"]
    if found is MISSING or found is None:
        return value if isinstance(value, str) else [value]
    if isinstance(found, list):
        return [*found, value]
    if isinstance(found, str) and isinstance(value, str):
        return found + value
    raise UpdateError(
        index,
        "append.type_mismatch",
        f"expected a list, or text for text, to append to; got {_kind(value)} for {_kind(found)}",
    )


def _remove(found: Any, op: Mapping[str, Any], index: int) -> Any:
    return MISSING if _path(op, index) else None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return "nothing" if value is MISSING else names.get(type(value), "a number")


OPS: dict[str, Callable[[Any, Mapping[str, Any], int], Any]] = {
    "set": _set,
    "merge": _merge,
    "increment": lambda found, op, index: _step(found, op, index, 1),
    "decrement": lambda found, op, index: _step(found, op, index, -1),
    "append": _append,
    "remove": _remove,
}

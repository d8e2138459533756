"""The standard library's ``TypedDict`` before Python 3.12, which pydantic does not read: told in terms that it does."""

from __future__ import annotations

import functools
import operator
import sys
from types import UnionType
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import typing_extensions


def is_typed_dict(annotation: Any) -> bool:
    """Whether it is a ``TypedDict``, of the standard library or of ``typing_extensions``."""
    return typing_extensions.is_typeddict(annotation)


def readable(declared: Any) -> Any:
    """A type that pydantic can read: itself, or with its ``TypedDict`` classes made anew."""
    return declared if sys.version_info >= (3, 12) else _made_anew(declared, {})


def _made_anew(declared: Any, known: dict[Any, Any]) -> Any:
    if is_typed_dict(declared):
        if declared not in known:
            known[declared] = dict[str, Any]  # for one that contains itself
            known[declared] = _typed_dict(declared, known)
        return known[declared]
    origin, parts = get_origin(declared), get_args(declared)
    if not parts or origin is Literal:
        return declared
    if origin is Annotated:
        inner = _made_anew(parts[0], known)
        return declared if inner is parts[0] else Annotated[(inner, *parts[1:])]
    made = tuple(_made_anew(part, known) for part in parts)
    if all(new is old for new, old in zip(made, parts, strict=True)):
        return declared
    return functools.reduce(operator.or_, made) if origin in {Union, UnionType} else origin[made]


def _typed_dict(declared: Any, known: dict[Any, Any]) -> Any:
    try:
        hints = get_type_hints(declared, include_extras=True)
    except NameError:  # names that exist for type checkers only: pydantic will say so
        return declared
    fields = {}
    for name, hint in hints.items():
        said = get_origin(hint)
        plain = get_args(hint)[0] if said in {Required, NotRequired} else hint
        mark = said if plain is not hint else Required if name in declared.__required_keys__ else NotRequired
        fields[name] = mark[_made_anew(plain, known)]
    made: Any = typing_extensions.TypedDict(declared.__name__, fields)  # type: ignore[misc]  # made at run time
    made.__doc__ = declared.__doc__
    return made

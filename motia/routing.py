"""Paths: ``/orders/:id`` and what they match. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote

from motia.errors import ConfigError

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a path: ``static`` text, a ``param``, or the ``rest``."""

    kind: str
    text: str


@dataclass(frozen=True)
class Path:
    """A declared path.

    Attributes:
        segments: its parts; a path that ends in a slash has an empty last one, so ``/orders`` and ``/orders/`` differ.
        shape: equal for two paths that match the same requests.
    """

    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        if len(set(self.params)) != len(self.params):
            raise ConfigError(f"path '{self}' names a parameter twice")
        if any(segment.kind == "rest" for segment in self.segments[:-1]):
            raise ConfigError(f"path '{self}' has something after its '*' segment; the remainder must come last")
        if any(segment.text == "" for segment in self.segments[:-1]):
            raise ConfigError(f"path '{self}' has an empty segment; write one '/' between segments")

    @classmethod
    def parse(cls, path: str) -> Path:
        """Read ``/orders/:id``, ``/orders/{id}`` or ``/files/*rest``.

        Raises:
            ConfigError: a segment is empty, a parameter has no valid name or is named twice, or the rest is not last.
        """
        return cls(tuple(_segment(part, path) for part in path.removeprefix("/").split("/")))

    def under(self, prefix: str) -> Path:
        """This path behind a prefix, which may have parameters of its own."""
        before = prefix.strip("/")
        return Path((*Path.parse(before).segments, *self.segments)) if before else self

    @property
    def params(self) -> tuple[str, ...]:
        return tuple(segment.text for segment in self.segments if segment.kind != "static")

    @property
    def shape(self) -> str:
        marks = {"param": ":", "rest": "*"}
        return "/" + "/".join(marks.get(segment.kind, segment.text) for segment in self.segments)

    def render(self, param: str, rest: str) -> str:
        """The path in a framework's spelling; ``param`` and ``rest`` are formats of the name, such as ``{{{}}}``."""
        spell = {"static": "{}", "param": param, "rest": rest}
        return "/" + "/".join(spell[segment.kind].format(segment.text) for segment in self.segments)

    def __str__(self) -> str:
        return self.render(":{}", "*{}")


@dataclass
class _Node(Generic[T]):
    static: dict[str, _Node[T]] = field(default_factory=dict)
    param: _Node[T] | None = None
    rest: T | None = None
    value: T | None = None


class Router(Generic[T]):
    """Finds the value of a path. A static segment beats a parameter, a parameter beats the rest.

    Args:
        routes: paths and their values; names of parameters are the value's own business.
    """

    def __init__(self, routes: Iterable[tuple[Path, T]]) -> None:
        self._root: _Node[T] = _Node()
        for path, value in routes:
            self._add(path, value)

    def _add(self, path: Path, value: T) -> None:
        node = self._root
        for segment in path.segments:
            if segment.kind == "rest":
                node.rest = value
                return
            if segment.kind == "static":
                node = node.static.setdefault(segment.text, _Node())
            else:
                node.param = node.param or _Node()
                node = node.param
        node.value = value

    def match(self, path: str) -> tuple[T, list[str]] | None:
        """The value for a raw (still percent-encoded) path and the decoded values of its parameters, in order.

        A parameter is never empty; the rest may be: ``/files/*rest`` matches ``/files/``, and not ``/files``.
        """
        return _find(self._root, path[1:].split("/"), 0) if path.startswith("/") else None


def _find(node: _Node[T], parts: list[str], at: int) -> tuple[T, list[str]] | None:
    if at == len(parts):
        return (node.value, []) if node.value is not None else None
    part = parts[at]
    static = node.static.get(part) or (node.static.get(unquote(part)) if "%" in part else None)
    if static is not None and (found := _find(static, parts, at + 1)):
        return found
    if node.param is not None and part and (found := _find(node.param, parts, at + 1)):
        return found[0], [_decode(part), *found[1]]
    if node.rest is not None:
        return node.rest, [_decode("/".join(parts[at:]))]
    return None


def _decode(text: str) -> str:
    return unquote(text) if "%" in text else text


def _segment(part: str, path: str) -> Segment:
    if part.startswith(":"):
        return Segment("param", _name(part[1:], path))
    if part.startswith("{") and part.endswith("}"):
        return Segment("param", _name(part[1:-1], path))
    if part.startswith("*"):
        return Segment("rest", _name(part[1:] or "rest", path))
    if any(mark in part for mark in "{}*?#"):
        raise ConfigError(f"path {path!r}: expected a segment to be text, ':name', '{{name}}' or '*rest', got {part!r}")
    return Segment("static", part)


def _name(name: str, path: str) -> str:
    if not _NAME.match(name):
        raise ConfigError(f"path {path!r}: expected a parameter name of letters, digits and '_', got {name!r}")
    return name

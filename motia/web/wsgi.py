"""WSGI: reading a request."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_to_bytes

Environ = dict[str, Any]


class BodyTooLarge(Exception):  # what happened, told between two functions
    """The body is longer than the limit."""


class EnvironHeaders(Mapping[str, str]):
    """The headers of a request, names in lower case; several of one name have been joined by the server.

    Most steps look at one or two, so they are found one by one.
    """

    __slots__ = ("_environ",)

    def __init__(self, environ: Environ) -> None:
        self._environ = environ

    def get(self, name: str, default: Any = None) -> Any:
        found = self._environ.get(_key(name))
        return default if found is None or (not found and name in _BARE) else found

    def __getitem__(self, name: str) -> str:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return str(found)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        for key in self._environ:
            if key.startswith("HTTP_"):
                yield key[5:].replace("_", "-").lower()
        yield from (name for name, key in _BARE.items() if self._environ.get(key))

    def __len__(self) -> int:
        return sum(1 for _ in self)


_BARE = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


@lru_cache(512)
def _key(name: str) -> str:
    return _BARE.get(name) or "HTTP_" + name.upper().replace("-", "_")


def path_of(environ: Environ) -> str:
    """The path below the app's mount point, percent-encoded: ``%2F`` inside of a segment is not its end.

    Servers that do not tell the path as it was sent leave no way to know; there it is a slash like any other.
    """
    path = _bytes(environ.get("PATH_INFO", ""))
    raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").partition("?")[0]
    if raw.startswith("/") and "%" in raw:
        root = _bytes(environ.get("SCRIPT_NAME", ""))
        segments = raw.split("/")
        below = "/" + "/".join(segments[root.count(b"/") + 1 :])
        if unquote_to_bytes(below) == path:
            return below
    return quote(path)


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")  # WSGI's way to put bytes into text, PEP 3333


class Bounded(io.RawIOBase):
    """The body of a request that does not say how long it is.

    Args:
        stream: the server's.
        limit: bytes after which reading raises ``BodyTooLarge``.
    """

    def __init__(self, stream: Any, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(min(len(buffer), self._left + 1))
        if len(data) > self._left:
            raise BodyTooLarge
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

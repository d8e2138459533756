"""The page itself: files that were built before, served as they are from inside the package.

Not through the host's own static files: those would be one more step, and storages that rename files break the page.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import NamedTuple

from motia.errors import HttpError
from motia.web.answers import Answer
from motia.web.workbench.asking import problem

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_SAFE = (
    ("content-security-policy", CSP),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("x-robots-tag", "noindex"),
    ("x-frame-options", "DENY"),
)
_KINDS = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}
_BASE = re.compile(rb"<base\b[^>]*>")


class File(NamedTuple):
    """A file of the page, and its ETag."""

    content: bytes
    kind: str
    etag: str


@lru_cache(1)
def built() -> Mapping[str, File]:
    """Every file of the page, by its path."""
    found: dict[str, File] = {}
    waiting = [(files("motia.web.workbench") / "static", "")]
    while waiting:
        folder, prefix = waiting.pop()
        for item in folder.iterdir() if folder.is_dir() else ():
            if item.is_dir():
                waiting.append((item, f"{prefix}{item.name}/"))
            else:
                content = item.read_bytes()
                kind = _KINDS.get(item.name.rpartition(".")[2], "application/octet-stream")
                found[prefix + item.name] = File(content, kind, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
    return found


def page(path: str, mount: str, headers: Mapping[str, str]) -> Answer:
    """The file at a path below the mount point; what is none is a place within the page, and gets the page.

    Args:
        mount: where the Workbench is, as browsers see it.
    """
    found = built().get(path)
    if path.startswith("assets/"):
        if found is None:
            return problem(HttpError(404, f"no file {path[:100]!r}"))
        return _file(found, "public, max-age=31536000, immutable", headers)
    if found is not None and path != "index.html":
        return _file(found, "no-cache", headers)
    return _index(built()["index.html"].content, mount)


def _file(file: File, caching: str, headers: Mapping[str, str]) -> Answer:
    shared = [("cache-control", caching), ("etag", file.etag), *_SAFE]
    if headers.get("if-none-match") == file.etag:
        return Answer(304, shared, b"")
    return Answer(200, [("content-type", file.kind), *shared], file.content)


def _index(content: bytes, mount: str) -> Answer:
    """The page, told where it is, so that one build serves every mount point."""
    base = f'<base href="{escape(mount, quote=True)}/">'.encode()
    content = _BASE.sub(b"", content).replace(b"<head>", b"<head>" + base, 1)
    return Answer(200, [("content-type", _KINDS["html"]), ("cache-control", "no-cache"), *_SAFE], content)

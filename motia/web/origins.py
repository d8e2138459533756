"""Whose pages may speak to an app: the host's own, and those of origins that are allowed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from motia.web.answers import Answer

EVERYBODY, THIS_MACHINE = "*", "localhost"
"""Words among the allowed origins: pages of all origins, and those that this machine itself serves, on any port."""
PREFLIGHT_KEPT = "600"
"""Seconds for which a browser need not ask again."""
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ORIGIN = re.compile(r"[a-z]+://[^/?#@\\\s]+")
"""As browsers send it: nothing before the host, nothing behind the port. Else two parsers may read two hosts in it."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Origins:
    """The setting ``allowed_origins``.

    Args:
        allowed: origins such as ``https://app.example.com``, and the words above.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def lets(self, headers: Mapping[str, str]) -> bool:
        """Whether the page that asks, if it is one, may."""
        origin = headers.get("origin")
        return origin is None or self._names(origin.lower()) or not self.is_foreign(headers)

    def is_foreign(self, headers: Mapping[str, str]) -> bool:
        """Whether a page of another origin asks."""
        origin = headers.get("origin")
        return origin is not None and not is_same_host(origin, headers.get("host", ""))

    def _names(self, origin: str) -> bool:
        if EVERYBODY in self._allowed or origin in self._allowed:
            return True
        return THIS_MACHINE in self._allowed and _is_of_this_machine(origin)

    def opened(self, answer: Answer, method: str, headers: Mapping[str, str]) -> Answer:
        """An answer that a browser shows to a page of an allowed origin (CORS); that to its question beforehand too.

        An answer that says itself who may read it is left alone.
        """
        if not self._allowed or any(name.lower() == "access-control-allow-origin" for name, _ in answer.headers):
            return answer
        vary = [("vary", "origin")]
        if not self.is_foreign(headers) or not self.lets(headers):
            return answer._replace(headers=[*answer.headers, *vary])
        if EVERYBODY in self._allowed:
            added = [("access-control-allow-origin", EVERYBODY)]
        else:
            added = [("access-control-allow-origin", headers["origin"]), ("access-control-allow-credentials", "true")]
        if method == "OPTIONS" and "access-control-request-method" in headers:
            added += _preflight(answer, headers)
        return answer._replace(headers=[*answer.headers, *vary, *added])


def _preflight(answer: Answer, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    allow = next((value for name, value in answer.headers if name.lower() == "allow"), "")
    found = [("access-control-allow-methods", allow), ("access-control-max-age", PREFLIGHT_KEPT)]
    wanted = headers.get("access-control-request-headers")
    return [*found, ("access-control-allow-headers", wanted)] if wanted else found


def _is_of_this_machine(origin: str) -> bool:
    if not _ORIGIN.fullmatch(origin):
        return False
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:  # what is no origin
        return False
    return parts.scheme in {"http", "https"} and (host in _LOOPBACK or host.endswith(".localhost"))


def is_same_host(origin: str, host: str) -> bool:
    """Whether an ``Origin`` header names the host that was asked."""
    if not _ORIGIN.fullmatch(origin.lower()):
        return False
    try:
        parts, wanted = urlsplit(origin.lower()), urlsplit(f"//{host.lower()}")
        default = _PORTS.get(parts.scheme)
        if default is None or not parts.hostname or not wanted.hostname:
            return False
        return (parts.hostname, parts.port or default) == (wanted.hostname, wanted.port or default)
    except ValueError:  # what is no origin, or no host
        return False

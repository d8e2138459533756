"""Routes that motia brings along itself, the same in every framework: what they are asked, and what they are.

An adapter mounts each ``BuiltIn`` like a step: it finds the path, makes a ``Visit``, and sends the answer. The body of
an answer may be a stream of an async generator, as that of an ``async def`` step may.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from motia.routing import Path
from motia.web.answers import Answer


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to a built-in route.

    Attributes:
        params: decoded values of the path's parameters, by name.
        query: as it came, without the question mark.
        headers: names in lower case.
        addr: of the client; empty where it is not known.
        native: the framework's own request: user, session.
        inline: the host has a thread per request, which a streamed answer keeps for as long as it lasts.
        root: where the app is mounted, as browsers see it, before ``path``; empty at the root of a host.
        csrf: name and value of the header by which the host knows its own pages, where it has one and the route asks.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    addr: str = ""
    native: Any = None
    body: bytes = b""
    inline: bool = False
    root: str = ""
    csrf: tuple[str, str] | None = None


class BuiltIn(NamedTuple):
    """A route that motia brings along.

    Attributes:
        path: absolute: prefixes of steps are not put before it.
        methods: that it answers; an adapter answers others as it does those of a step's path.
        answer: never raises.
        token: it wants to know ``Visit.csrf``.
    """

    path: Path
    methods: tuple[str, ...]
    answer: Callable[[Visit], Awaitable[Answer]]
    token: bool = False

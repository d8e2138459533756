"""A small http client that sends exactly what it is told, and sees an answer while it is being sent."""

from __future__ import annotations

import http.client
import json as jsonlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

TIMEOUT = 10.0
Pairs = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    """An answer: its status, all headers in order with names in lower case, its body."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return jsonlib.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def error(self) -> Any:
        """What is under ``error``, once the shape of the body has been checked."""
        assert self.header("content-type") == "application/json"
        error = self.json["error"]
        assert {"code", "message", "trace_id"} <= error.keys() <= {"code", "message", "trace_id", "details"}
        return error

    def header(self, name: str) -> str | None:
        """The only value of a header; None without one."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key == name]


class Client:
    """Talks to a server; each request has a connection of its own.

    Args:
        address: host and port.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address

    def send(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Pairs = (),
        *,
        json: Any = None,
    ) -> Reply:
        """Send a request and read the whole answer.

        Args:
            target: path and query, sent as they are.
            body: parts of it are sent as chunks.
            json: sent as the body, with its content type.
        """
        if json is not None:
            body, headers = jsonlib.dumps(json).encode(), {"content-type": "application/json", **dict(headers)}
        with self.open(method, target, body, headers) as response:
            return Reply(response.status, _headers(response), response.read())

    def get(self, target: str, headers: Pairs = ()) -> Reply:
        """Send a GET request."""
        return self.send("GET", target, headers=headers)

    @contextmanager
    def open(
        self, method: str, target: str, body: bytes | Iterable[bytes] | None = b"", headers: Pairs = ()
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request; yields the answer as soon as its head is there, and hangs up at the end.

        Args:
            body: None sends nothing but the head, whatever it announces.
        """
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in _pairs(headers):
                connection.putheader(name, value)
            chunked = body is not None and not isinstance(body, bytes)
            if chunked:
                connection.putheader("transfer-encoding", "chunked")
            elif body:
                connection.putheader("content-length", str(len(body)))  # type: ignore[arg-type]  # bytes
            connection.endheaders(body or None, encode_chunked=chunked)
            response = connection.getresponse()
            try:
                yield response
            finally:
                response.close()
        finally:
            connection.close()


def _pairs(headers: Pairs) -> Iterable[tuple[str, str]]:
    return headers.items() if isinstance(headers, Mapping) else headers


def _headers(response: http.client.HTTPResponse) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in response.getheaders()]

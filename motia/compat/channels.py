"""Bodies of 1.x handlers in pieces: the request's, read by ``request_body``; the answer's, written by ``response``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Generator, Iterator, Mapping
from typing import Any

from motia.concurrency import in_event_loop
from motia.errors import ConfigError, PayloadTooLarge
from motia.requests import ApiResponse

CHUNK = 64 * 1024
MAX_UNSENT = 16 * 1024 * 1024
"""Bytes that a handler may write ahead of the client."""


class ChannelReader:
    """The raw bytes of a request."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def stream(self) -> ChannelReader:
        """The bytes in pieces of at most 64 KiB, for ``async for`` and for ``for``."""
        return self

    def __iter__(self) -> Iterator[bytes]:
        return (self._data[start : start + CHUNK] for start in range(0, len(self._data), CHUNK))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def read_all(self) -> AwaitableBytes:
        """All of them, awaited or not."""
        return AwaitableBytes(self._data)


class AwaitableBytes(bytes):
    """Bytes that are there already, for those who await them too."""

    def __await__(self) -> Generator[Any, None, bytes]:
        return bytes(self)
        yield


class ChannelWriter:
    """Where a handler writes the pieces of its answer.

    Attributes:
        begun: something was written, or the answer was closed.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.closed = False
        self._pieces: list[bytes] = []
        self._size = 0
        self._changed = asyncio.Event()
        self._emptied = asyncio.Event()

    @property
    def stream(self) -> ChannelWriter:
        return self

    def write(self, data: bytes | str) -> Awaitable[None]:
        """Add a piece. Awaiting the result waits until the client has taken enough of what was written before.

        Raises:
            PayloadTooLarge: 16 MiB are waiting for the client; await your writes.
            ConfigError: the answer was closed.
        """
        if self.closed:
            raise ConfigError("response.write() expected an answer that is not closed yet")
        piece = data.encode() if isinstance(data, str) else bytes(data)
        if self._size + len(piece) > MAX_UNSENT:
            raise PayloadTooLarge(
                f"{self._size} bytes of an answer wait for a slow client; write `await ...write(...)`"
            )
        self._pieces.append(piece)
        self._size += len(piece)
        self._tell()
        return _Room(self)

    def close(self) -> None:
        """End the answer."""
        self.closed = True
        self._tell()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """What is written, as it is written, until the end."""
        while True:
            pieces, self._pieces, self._size = self._pieces, [], 0
            self._changed.clear()
            self._emptied.set()
            for piece in pieces:
                yield piece
            if not self._pieces:
                if self.closed:
                    return
                await self._changed.wait()

    def taken(self) -> bytes:
        """All that was written, at once."""
        data, self._pieces, self._size = b"".join(self._pieces), [], 0
        return data

    async def room(self) -> None:
        """Wait until the client has taken what was written."""
        while self._size > CHUNK and not self.closed:
            self._emptied.clear()
            await self._emptied.wait()

    def _tell(self) -> None:
        if in_event_loop():  # what a `def` handler writes is read when it has returned
            self.begun.set()
            self._changed.set()
            if self.closed:
                self._emptied.set()


class _Room:
    """Awaited or not: a write has taken place either way."""

    def __init__(self, writer: ChannelWriter) -> None:
        self._writer = writer

    def __await__(self) -> Generator[Any, None, None]:
        return self._writer.room().__await__()


class _Done:
    """The result of a call that has taken place already, for those who await it."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


class MotiaHttpResponse:
    """An answer that a 1.x handler writes itself: status and headers first, then pieces of the body.

    Attributes:
        writer: ``response.writer.stream.write(data)``.
        touched: the handler has used it.
    """

    def __init__(self, writer: ChannelWriter | None = None) -> None:
        self.writer = writer or ChannelWriter()
        self.touched = False
        self._status = 200
        self._headers: dict[str, Any] = {}

    @property
    def stream(self) -> ChannelWriter:
        return self.writer

    def status(self, status: int) -> Awaitable[None]:
        """Set the status; before the first piece."""
        self.touched, self._status = True, int(status)
        return _Done()

    def headers(self, headers: Mapping[str, Any]) -> Awaitable[None]:
        """Add headers; before the first piece."""
        self.touched = True
        self._headers |= headers
        return _Done()

    def write(self, data: bytes | str) -> Awaitable[None]:
        """Short for ``writer.stream.write``."""
        return self.writer.write(data)

    def close(self) -> Awaitable[None]:
        """End the answer."""
        self.touched = True
        self.writer.close()
        return _Done()

    def answer(self, body: Any) -> ApiResponse[Any]:
        """The answer as far as it stands, with this body."""
        return ApiResponse(self._status, body, self._headers)

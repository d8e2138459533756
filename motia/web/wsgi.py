"""WSGI: reading a request, and answers that are made while they are sent."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Generator, Iterator, Mapping
from contextlib import aclosing
from functools import lru_cache
from itertools import chain
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import anyio

from motia.concurrency import Bridge, ThreadPool
from motia.errors import NotOpen
from motia.web.answers import Answer
from motia.web.streams import Stream

Environ = dict[str, Any]
_END: Any = object()


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


def chunks_of(answer: Answer, bridge: Bridge, threads: ThreadPool) -> Answer | Iterator[bytes]:
    """The body of a stream for the thread that sends it, or the answer in its place.

    The first item of a stream is made here, so that an error before it is an answer; the head of events goes out first.

    Args:
        bridge: to the loop that async generators run on.
    """
    stream = answer.body
    assert isinstance(stream, Stream)
    chunks = _guarded(stream, bridge, threads)
    if stream.events:
        return chunks
    try:
        first = next(chunks, _END)
    except _Instead as instead:
        return instead.answer
    return chunks if first is _END else _Rejoined(first, chunks)


class _Instead(Exception):  # carries an answer past a generator
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class _Rejoined:
    """Chunks whose first one has been taken off; closing it closes what makes them."""

    def __init__(self, first: bytes, rest: Generator[bytes, None, None]) -> None:
        self._chunks = chain((first,), rest)
        self.close = rest.close

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def __next__(self) -> bytes:
        return next(self._chunks)


def _guarded(stream: Stream, bridge: Bridge, threads: ThreadPool) -> Generator[bytes, None, None]:
    chunks = _pulled(stream, bridge, threads) if stream.interruptible else iter(stream)
    begun = stream.events
    try:
        for chunk in chunks:
            yield chunk
            begun = True
    except Exception as error:
        raise _Instead(stream.on_error(error, begun)) from error
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _pulled(stream: Stream, bridge: Bridge, threads: ThreadPool) -> Generator[bytes, None, None]:
    """The chunks of an async generator, which runs as one task on its loop and is never ahead by more than one."""
    pump = _Pump(stream, threads)
    try:
        while (chunk := bridge(pump.following())) is not _END:
            yield chunk
    finally:
        try:
            bridge(pump.end())
        except NotOpen:  # its loop has ended, and the task with it
            pump.close()


class _Pump:
    """Hands chunks from the task that makes them to whoever asks for the next one."""

    def __init__(self, stream: Stream, threads: ThreadPool) -> None:
        self._stream = stream
        self._threads = threads
        self._sender, self._receiver = anyio.create_memory_object_stream[bytes](0)
        self._task: asyncio.Task[None] | None = None

    async def following(self) -> Any:
        if self._task is None:
            self._task = self._stream.consume(self._work())
        try:
            return await self._receiver.receive()
        except anyio.EndOfStream:
            await self._task
            return _END

    def close(self) -> None:
        self._receiver.close()
        self._sender.close()

    async def end(self) -> None:
        self.close()
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        async with self._sender, aclosing(self._stream.chunks(self._threads)) as chunks:
            async for chunk in chunks:
                await self._sender.send(chunk)

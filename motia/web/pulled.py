"""Bodies of streams for hosts that ask for one chunk after another: on a thread, as under WSGI, or on an event loop.

The first item is made before the answer is given to the host, so that an error before it is an answer of its own; the
head of events goes out first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing
from itertools import chain
from typing import Any

import anyio

from motia.concurrency import Bridge, ThreadPool
from motia.errors import NotOpen
from motia.web.answers import Answer
from motia.web.streams import Stream

_END: Any = object()


def chunks_of(answer: Answer, bridge: Bridge, threads: ThreadPool) -> Answer | Iterator[bytes]:
    """The body of a stream for the thread that sends it, or the answer in its place.

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


async def chunks_on_loop(answer: Answer, threads: ThreadPool) -> Answer | AsyncIterator[bytes]:
    """The body of a stream for the event loop that sends it, or the answer in its place.

    Args:
        threads: where plain iterators run.
    """
    stream = answer.body
    assert isinstance(stream, Stream)
    chunks = _guarded_on_loop(stream, threads)
    if stream.events:
        return chunks
    try:
        first = await anext(chunks, _END)
    except _Instead as instead:
        return instead.answer
    return chunks if first is _END else _rejoined_on_loop(first, chunks)


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


async def _guarded_on_loop(stream: Stream, threads: ThreadPool) -> AsyncGenerator[bytes, None]:
    pump = _Pump(stream, threads)
    begun = stream.events
    try:
        while (chunk := await pump.following()) is not _END:
            yield chunk
            begun = True
    except Exception as error:
        raise _Instead(stream.on_error(error, begun)) from error
    finally:
        await pump.end()


async def _rejoined_on_loop(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk


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
            with anyio.CancelScope(shield=True):
                await asyncio.wait([self._task])

    async def _work(self) -> None:
        async with self._sender, aclosing(self._stream.chunks(self._threads)) as chunks:
            async for chunk in chunks:
                await self._sender.send(chunk)

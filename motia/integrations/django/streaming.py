"""Answers that are made while they are sent, under WSGI and under ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing
from functools import partial
from typing import Any

import anyio
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from motia.concurrency import ThreadPool
from motia.integrations.django.responses import stream, whole
from motia.web.answers import Answer
from motia.web.streams import Stream

_END: Any = object()


def streamed(answer: Answer, body: Stream, request: HttpRequest, parts: Any) -> HttpResponseBase:
    """The response made on a thread. The first item is made here, so that an error before it is an answer."""
    if request.method == "HEAD":
        return whole(answer, request)
    chunks = _through(body, parts) if isinstance(body.items, AsyncIterator) else iter(body)
    first = _END
    if not body.events:
        try:
            first = next(chunks, _END)
        except Exception as error:
            return whole(body.on_error(error, False), request)
    following = _following(first, chunks, body)
    if isinstance(request, ASGIRequest):
        return stream(answer, _threaded(following, parts.threads))
    return stream(answer, following)


async def streamed_async(answer: Answer, body: Stream, request: HttpRequest, parts: Any) -> HttpResponseBase:
    """The response made on an event loop."""
    if request.method == "HEAD" or not isinstance(request, ASGIRequest):
        made: HttpResponseBase = await parts.threads.run(partial(streamed, answer, body, request, parts))
        return made
    chunks = _pumped(body, parts.threads)
    first = _END
    if not body.events:
        try:
            first = await anext(chunks, _END)
        except Exception as error:
            return whole(body.on_error(error, False), request)
    return stream(answer, _following_async(first, chunks, body))


def _following(first: Any, chunks: Generator[bytes, None, None], body: Stream) -> Generator[bytes, None, None]:
    try:
        if first is not _END:
            yield first
        yield from chunks
    except Exception as error:
        body.on_error(error, True)
        raise
    finally:
        chunks.close()


async def _following_async(first: Any, chunks: AsyncGenerator[bytes, None], body: Stream) -> AsyncIterator[bytes]:
    try:
        async with aclosing(chunks):
            if first is not _END:
                yield first
            async for chunk in chunks:
                yield chunk
    except Exception as error:
        body.on_error(error, True)
        raise


async def _threaded(chunks: Generator[bytes, None, None], threads: ThreadPool) -> AsyncIterator[bytes]:
    """A ``def`` step's chunks under ASGI: made on the request's thread."""
    try:
        while (chunk := await threads.run(partial(next, chunks, _END))) is not _END:
            yield chunk
    finally:
        await threads.run(chunks.close)


async def _pumped(body: Stream, threads: ThreadPool) -> AsyncGenerator[bytes, None]:
    """The chunks, made by one task inside the run that returned the stream; it ends when nobody wants more."""
    sender, receiver = anyio.create_memory_object_stream[bytes](0)

    async def pump() -> None:
        async with sender, aclosing(body.chunks(threads)) as chunks:
            async for chunk in chunks:
                await sender.send(chunk)

    task = body.consume(pump())
    try:
        async with receiver:
            async for chunk in receiver:
                yield chunk
        await task
    finally:
        if not task.done():
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])


def _through(body: Stream, parts: Any) -> Generator[bytes, None, None]:
    """An async generator under WSGI: made on the background loop, item by item, as the server asks for them."""
    portal = parts.portal
    chunks = _pumped(body, parts.threads)

    async def following() -> Any:
        return await anext(chunks, _END)

    try:
        while (chunk := portal(following())) is not _END:
            yield chunk
    finally:
        portal(chunks.aclose())

"""Answers that are made while they are sent, as Django's responses, under WSGI and under ASGI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from motia.concurrency import ThreadPool
from motia.integrations.django.responses import stream, whole
from motia.web.answers import Answer
from motia.web.pulled import chunks_of, chunks_on_loop

_END: Any = object()


def streamed(answer: Answer, request: HttpRequest, parts: Any) -> HttpResponseBase:
    """The response made on a thread.

    Args:
        parts: of the open app.
    """
    if request.method == "HEAD":
        return whole(answer, request)
    chunks = chunks_of(answer, parts.portal, parts.threads)
    if isinstance(chunks, Answer):
        return whole(chunks, request)
    return stream(answer, _threaded(chunks, parts.threads) if isinstance(request, ASGIRequest) else chunks)


async def streamed_async(answer: Answer, request: HttpRequest, parts: Any) -> HttpResponseBase:
    """The response made on an event loop; see ``streamed``."""
    if request.method == "HEAD" or not isinstance(request, ASGIRequest):
        made: HttpResponseBase = await parts.threads.run(partial(streamed, answer, request, parts))
        return made
    chunks = await chunks_on_loop(answer, parts.threads)
    return whole(chunks, request) if isinstance(chunks, Answer) else stream(answer, chunks)


async def _threaded(chunks: Iterator[bytes], threads: ThreadPool) -> AsyncIterator[bytes]:
    """A ``def`` step's chunks under ASGI: made on the request's thread."""
    try:
        while (chunk := await threads.run(partial(next, chunks, _END))) is not _END:
            yield chunk
    finally:
        await threads.run(chunks.close)  # type: ignore[attr-defined]  # all that ``chunks_of`` makes has it

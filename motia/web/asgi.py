"""ASGI: reading a request within its limit, and sending an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote, unquote

import anyio

from motia.concurrency import ThreadPool
from motia.web.answers import BODILESS, Answer
from motia.web.streams import Stream

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Disconnected(Exception):  # what happened, told between two functions
    """The client went away before its request was complete."""


class BodyTooLarge(Exception):  # see above
    """The body is longer than the limit."""


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request, the last value of each name."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def path_of(scope: Scope) -> str:
    """The path below the app's mount point, percent-encoded: ``%2F`` inside of a segment is not its end."""
    root = scope.get("root_path", "")
    path = _below(root, scope["path"])
    raw = scope.get("raw_path") or b""
    if "%" not in path and b"%" not in raw:
        return path
    encoded = _below(quote(root), raw.decode("latin-1").partition("?")[0])
    return encoded if unquote(encoded) == path else path.replace("%", "%25")  # a middleware has changed the path


def _below(root: str, path: str) -> str:
    below = path[len(root) :]
    return below if root and path.startswith(root) and below[:1] in {"", "/"} else path


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The body of a request.

    Raises:
        BodyTooLarge: it says, or shows, that it has more than ``limit`` bytes; the rest is not read.
        Disconnected: the client went away.
    """
    chunks: list[bytes] = []
    size = next((int(value) for name, value in scope["headers"] if name == b"content-length" and value.isdigit()), 0)
    if size > limit:
        raise BodyTooLarge
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise BodyTooLarge
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives a body which has been read before, for frameworks that want to read it too."""
    told = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def send_answer(answer: Answer, scope: Scope, receive: Receive, send: Send, threads: ThreadPool) -> None:
    """Send an answer; a ``HEAD`` request gets its head alone.

    Args:
        threads: where plain generators run.

    Raises:
        Exception: a stream failed midway; the server then cuts the connection, so that the client knows.
    """
    head = scope["method"] == "HEAD"
    if isinstance(answer.body, bytes):
        await _send_whole(answer, answer.body, send, head=head)
    elif head:
        await _send_whole(answer, None, send, head=True)
    else:
        await _send_stream(answer, answer.body, receive, send, threads)


async def _send_whole(answer: Answer, body: bytes | None, send: Send, *, head: bool) -> None:
    await send(_start(answer, body))
    await send({"type": "http.response.body", "body": b"" if head or body is None else body})


def _start(answer: Answer, body: bytes | None) -> dict[str, Any]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    if body is not None and answer.status not in BODILESS:
        headers.append((b"content-length", str(len(body)).encode()))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def _send_stream(answer: Answer, stream: Stream, receive: Receive, send: Send, threads: ThreadPool) -> None:
    """Send a stream until it ends or the client is gone, and let its generator clean up either way."""
    gone = asyncio.ensure_future(_disconnect(receive))
    sending = stream.consume(_pump(answer, stream, send, threads, gone))
    if stream.interruptible:
        gone.add_done_callback(lambda _: sending.cancel())  # once, so that its cleanup may wait for things
    try:
        await asyncio.wait([sending])
    finally:
        gone.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([sending, gone])
    if not sending.cancelled():
        sending.result()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _pump(answer: Answer, stream: Stream, send: Send, threads: ThreadPool, gone: asyncio.Future[None]) -> None:
    begun = stream.events
    if begun:
        await send(_start(answer, None))
    try:
        async with aclosing(stream.chunks(threads)) as chunks:
            async for chunk in chunks:
                if not begun:
                    await send(_start(answer, None))
                    begun = True
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if gone.done():
                    return
    except Exception as error:
        instead = stream.on_error(error, begun)
        await _send_whole(instead, instead.body, send, head=False)
        return
    if not begun:
        await send(_start(answer, None))
    await send({"type": "http.response.body", "body": b""})

"""Answers for process managers: whether a worker lives, and whether it is ready for work. HTTP, and no more of it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream

from motia.errors import ConfigError
from motia.worker.worker import kept_alive

READY, LIVE = b"/health", b"/live"
DEADLINE = 5.0
"""Seconds for one request, its answer included."""
HEAD_LIMIT = 8192
"""Longest request in bytes; probes have no body, and none is read."""
AT_ONCE = 32
"""Connections that are served at once; others are closed."""
_REQUEST = re.compile(rb"(GET|HEAD) ([^\s?]+)(?:\?\S*)? HTTP/1\.[01]\r\n")
_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, anyio.IncompleteRead)
_log = logging.getLogger("motia.worker")
IsReady = Callable[[], Awaitable[bool]]


@asynccontextmanager
async def probed(port: int | None, is_ready: IsReady) -> AsyncIterator[None]:
    """Answer on a port of all addresses, for the time of a block.

    ``GET /health`` is 200 where ``is_ready`` says so, else 503; ``GET /live`` is 200 as long as anything is answered.

    Args:
        port: None answers nobody.

    Raises:
        ConfigError: the port cannot be had.
    """
    if port is None:
        yield
        return
    try:
        listener = await anyio.create_tcp_listener(local_port=port)
    except OSError as error:
        raise ConfigError(f"cannot answer probes on port {port}: {error}; choose another --health-port") from error
    async with listener:
        # No task group: what the block raises is raised as it is.
        serving = asyncio.create_task(
            kept_alive("answering of probes", partial(listener.serve, _Probes(is_ready).serve))
        )
        try:
            yield
        finally:
            serving.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([serving])


class _Probes:
    def __init__(self, is_ready: IsReady) -> None:
        self._is_ready = is_ready
        self._places = anyio.Semaphore(AT_ONCE)

    async def serve(self, stream: ByteStream) -> None:
        """Answer one request, and close."""
        async with stream:
            try:
                self._places.acquire_nowait()
            except anyio.WouldBlock:
                return
            try:
                with anyio.move_on_after(DEADLINE):
                    await self._answer(stream)
            except _GONE:
                _log.debug("a probe hung up before it was answered")
            finally:
                self._places.release()

    async def _answer(self, stream: ByteStream) -> None:
        try:
            head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", HEAD_LIMIT)
        except anyio.DelimiterNotFound:
            await stream.send(_told(b"431 Request Header Fields Too Large"))
            return
        request = _REQUEST.match(head + b"\r\n")
        status = await self._status(request[2]) if request else b"400 Bad Request"
        await stream.send(_told(status, head_only=request is not None and request[1] == b"HEAD"))

    async def _status(self, path: bytes) -> bytes:
        if path not in {READY, LIVE}:
            return b"404 Not Found"
        return b"200 OK" if path == LIVE or await self._is_ready() else b"503 Service Unavailable"


def _told(status: bytes, *, head_only: bool = False) -> bytes:
    body = status[4:] + b"\n"
    head = b"HTTP/1.1 %b\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n" % (status, len(body))
    return head + b"cache-control: no-store\r\nconnection: close\r\n\r\n" + (b"" if head_only else body)

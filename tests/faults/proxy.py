"""A TCP proxy between the app and its server, whose line can be cut or go silent."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_CHUNK = 65_536


class Proxy:
    """Forwards to a port of this machine, on a thread of its own. Use ``proxied``.

    Attributes:
        port: where to connect instead.
        accepted: connections so far.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.accepted = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._cut = False
        self._losing = False
        self._flowing = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")

    def cut(self) -> None:
        """Reset every connection, and every new one at once, until ``mend``."""
        self._call(self._cut_all())

    def silence(self) -> None:
        """Keep every connection and forward nothing in either direction, until ``mend``: what a lost cable does."""
        self._call(self._set(cut=False, flowing=False))

    def lose_answer(self) -> None:
        """Reset the connection on which the server next says something, without passing it on. Once."""
        self._call(self._lose())

    @property
    def losing(self) -> bool:
        """Whether that answer is still to come."""
        return self._losing

    def mend(self) -> None:
        """Forward again."""
        self._call(self._set(cut=False, flowing=True))

    def start(self) -> None:
        self._thread.start()
        self._call(self._listen())

    def stop(self) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _set(self, *, cut: bool, flowing: bool) -> None:
        self._cut = cut
        (self._flowing.set if flowing else self._flowing.clear)()

    async def _lose(self) -> None:
        self._losing = True

    async def _cut_all(self) -> None:
        self._cut = True
        self._flowing.set()
        for writer in list(self._open):
            _reset(writer)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut_all()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if tasks:
            await asyncio.wait(tasks, timeout=5)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._cut:
            return _reset(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # the server is down: the client learns it from us
            return _reset(writer)
        ends = {writer, far_writer}
        self._open |= ends
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, far_writer))
                tasks.create_task(self._pump(far_reader, writer, answers=True))
        finally:
            self._open -= ends
            for end in ends:
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False) -> None:
        with suppress(OSError):  # either end may be gone at any time; that is what this is for
            while data := await reader.read(_CHUNK):
                if answers and self._losing:
                    self._losing = False
                    _reset(writer)
                    break
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    with suppress(OSError):  # closed already
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def proxied(target: int) -> Iterator[Proxy]:
    """A proxy to a port of this machine for the time of a block."""
    proxy = Proxy(target)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()

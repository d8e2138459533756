"""What Redis tells those who wait: one connection of an event loop, by publish and subscribe, for all of them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import anyio

from motia.databases.redis_lines import AWAY, Line, Lines, ResponseError, ServerSilent, pack
from motia.policies import reconnect_delay

Kind = Literal["queue", "suspects", "streams"]
ANY = b""
"""The wake-up that is for everybody."""
QUIET = 15.0
"""Seconds between questions whether the line is still there."""
_log = logging.getLogger("motia.queue")
_spread = random.Random()  # noqa: S311  # only spreads the reconnects


class Ear:
    """Hears a channel for the listeners of one event loop, for as long as there are any; reconnects for ever.

    Args:
        lines: the connections of the loop.
        channel: its messages are the kind of what there may be, or ``ANY``.
        patience: seconds that the server may take to answer.
        deaf: holds those who listen and cannot hear.
    """

    def __init__(self, lines: Lines, channel: str, patience: float, deaf: set[Ear]) -> None:
        self._lines = lines
        self._channel = channel
        self._patience = patience
        self._deaf = deaf
        self._listeners: dict[object, tuple[bytes, Callable[[], None]]] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def listen(self, kind: Kind, notify: Callable[[], None]) -> Iterator[None]:
        """Have ``notify`` called for the time of a block, and once when it can be: for what came before that."""
        token = object()
        self._listeners[token] = kind.encode(), notify
        if self._task is None:
            self._deaf.add(self)
            self._task = asyncio.get_running_loop().create_task(self._listen_for_ever())
        try:
            yield
        finally:
            del self._listeners[token]
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None
                self._deaf.discard(self)

    async def _listen_for_ever(self) -> None:
        failures = 0
        while True:
            line = None
            try:
                line = await self._lines.open(self._until(), heard=self._tell)
                await line.ask(pack(("SUBSCRIBE", self._channel)), self._until())
                failures = 0
                self._deaf.discard(self)
                self._tell(ANY)
                await self._hear(line)
            except (*AWAY, ResponseError) as error:
                self._deaf.add(self)
                failures += 1
                _log.debug("not told of new messages for the moment, looking instead: %s", error)
            finally:
                if line is not None:
                    await line.close()
            await anyio.sleep(reconnect_delay(failures, _spread))

    async def _hear(self, line: Line) -> None:
        """Until the line is dead; it calls ``_tell`` itself."""
        while True:
            with anyio.move_on_after(QUIET):
                await line.ended.wait()
                raise ServerSilent("the connection was closed")
            await line.ask(pack(("PING",)), self._until())

    def _until(self) -> float:
        return asyncio.get_running_loop().time() + self._patience

    def _tell(self, kind: bytes) -> None:
        for wanted, notify in tuple(self._listeners.values()):
            if kind in {wanted, ANY}:
                notify()

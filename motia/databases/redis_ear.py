"""What Redis tells those who wait: one connection of an event loop, by publish and subscribe, for all of them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import anyio

from motia.databases.redis_lines import AWAY, Lines, ResponseError, ServerSilent
from motia.policies import reconnect_delay

Kind = Literal["queue", "suspects", "streams"]
ANY = b""
"""The wake-up that is for everybody."""
QUIET = 15.0
"""Seconds without a wake-up after which we ask whether the line is still there."""
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
            line = self._lines.new()
            try:
                async with asyncio.timeout(self._patience):
                    await line.send_command("SUBSCRIBE", self._channel, check_health=False)
                    await line.read_response(push_request=True)
                failures = 0
                self._deaf.discard(self)
                self._tell(ANY)
                await self._hear(line)
            except (*AWAY, ResponseError) as error:
                self._deaf.add(self)
                failures += 1
                _log.debug("not told of new messages for the moment, looking instead: %s", error)
            finally:
                await line.disconnect(nowait=True)
            await anyio.sleep(reconnect_delay(failures, _spread))

    async def _hear(self, line: Any) -> None:
        """Pass on what comes, until the line is dead."""
        asked = False
        while True:
            patience = self._patience if asked else QUIET
            found = await line.read_response(timeout=patience, disconnect_on_error=False, push_request=True)
            if found is None and asked:
                raise ServerSilent("no answer to a ping")
            asked = found is None
            if found is None:
                async with asyncio.timeout(self._patience):
                    await line.send_command("PING", check_health=False)
            elif found[0] == b"message":
                self._tell(found[2])

    def _tell(self, kind: bytes) -> None:
        for wanted, notify in tuple(self._listeners.values()):
            if kind in {wanted, ANY}:
                notify()

"""Serving processes seen from their parent, which owns the socket and has no code of the app in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import anyio
from anyio.abc import Process

from motia.cli.orders import Orders

KILL_AFTER = 10.0
"""Seconds beyond its own grace that an ending process is given."""


class Served:
    """A serving process.

    Attributes:
        process: of the operating system.
    """

    def __init__(self, process: Process, orders: Orders, telling: int, grace: float) -> None:
        self.process = process
        self._orders = orders
        self._telling = telling
        self._grace = grace
        self._rest = b""

    async def begin(self) -> None:
        """Let it load the app."""
        assert self.process.stdin is not None
        await self.process.stdin.send(self._orders.line())

    async def told(self) -> dict[str, Any] | None:
        """What the process tells next; None where it has ended."""
        while b"\n" not in self._rest:
            await anyio.wait_readable(self._telling)
            data = os.read(self._telling, 65536)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    async def go(self) -> bool:
        """Let it serve; whether it does."""
        assert self.process.stdin is not None
        await self.process.stdin.send(b"go\n")
        message = await self.told()
        return bool(message and message.get("serving"))

    async def end(self) -> None:
        """End it: what runs in it is finished within its grace period, or handed back."""
        await ended(self.process, self._grace)
        with anyio.CancelScope(shield=True):
            await self.process.aclose()
        os.close(self._telling)


async def ended(process: Process, grace: float) -> None:
    """End a process: what runs in it has its grace period, and a little more for saying goodbye."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.terminate()
            with anyio.move_on_after(grace + KILL_AFTER):
                await process.wait()
        if process.returncode is None:
            process.kill()
        await process.wait()


async def spawn(orders: Orders, grace: float) -> Served:
    """Start a serving process, which loads the app; see ``prepare``."""
    served = await prepare(orders, grace)
    await served.begin()
    return served


async def prepare(orders: Orders, grace: float) -> Served:
    """Start a process that has imported all but the app, and waits to be told to load it.

    Args:
        grace: seconds it may take to end.
    """
    reading, writing = os.pipe()
    orders = replace(orders, telling=writing)
    process = await anyio.open_process(
        [sys.executable, "-m", "motia.cli.server"],
        stdin=subprocess.PIPE,
        stdout=None,
        stderr=None,
        pass_fds=(orders.listening, writing),
        start_new_session=True,  # Ctrl-C is the parent's to hear
    )
    os.close(writing)
    return Served(process, orders, reading, grace)

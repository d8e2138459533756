"""The tail: reads the logs of the streams that somebody in this process listens to, once for all of them.

Hints tell it when to look, and it looks by itself now and then. It hands entries on without waiting for anybody, and
without listeners it does nothing at all.
"""

from __future__ import annotations

import asyncio
import logging
import random
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio

from motia.concurrency import Alarm
from motia.errors import QueueUnavailable, StorageError
from motia.policies import reconnect_delay
from motia.streams.base import Entry, Snapshot, StreamStore
from motia.streams.outbox import MAX_MESSAGES
from motia.streams.wire import Told

PAGE = 500
CHUNK = 64
"""Entries handed on before the loop gets a turn: healthy readers empty their queues meanwhile."""
_log = logging.getLogger("motia.streams")
_spread = random.Random()  # noqa: S311  # only spreads the reconnects


class Seat:
    """The wish of one listener for a group: all of it, some of its items, or both.

    Args:
        deliver: takes what it is told, without waiting.
        lose: called when something was missed, so that only a new beginning helps.
    """

    __slots__ = ("_deliver", "_held", "group", "lose", "stream", "wants")

    def __init__(self, stream: str, group: str, deliver: Callable[[Told], None], lose: Callable[[], None]) -> None:
        self.stream = stream
        self.group = group
        self.wants: dict[str | None, int] = {}
        self._deliver = deliver
        self.lose = lose
        self._held: list[Told] | None = None

    def hold(self) -> None:
        """Keep what comes until ``release``: what is to be told first is still being read."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        """Hand on what was kept."""
        held, self._held = self._held or [], None
        for told in held:
            self.offer(told)

    def offer(self, told: Told) -> None:
        """Tell the listener, if it wants to know."""
        if self._held is not None:
            if len(self._held) < MAX_MESSAGES:
                self._held.append(told)
            else:
                self.lose()
        elif self._wanted(told.entry):
            self._deliver(told)

    def _wanted(self, entry: Entry) -> bool:
        wants, seq = self.wants, entry.seq
        since = wants.get(None)
        if since is not None and seq > since:
            return True
        since = wants.get(entry.id) if entry.id is not None else None
        return since is not None and seq > since


class Tail:
    """Tells the seats of one event loop what happens in their groups.

    Args:
        store: whose logs are read.
        rest: seconds between two looks, however much happens.

    Attributes:
        open: False once the app is closed, and nothing more will be told.
    """

    def __init__(self, store: StreamStore, rest: float = 0.0) -> None:
        self.store = store
        self._rest = rest
        self._rooms: dict[tuple[str, str], dict[Seat, None]] = {}
        self._positions: dict[str, int] = {}
        self._listeners: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self.open = True
        self._alarm = Alarm()

    @property
    def busy(self) -> bool:
        """Whether anybody listens."""
        return bool(self._rooms)

    @asynccontextmanager
    async def seated(self, seat: Seat) -> AsyncIterator[None]:
        """Have a seat for the time of a block."""
        try:
            await self.sit(seat)
            yield
        finally:
            self.leave(seat)

    async def sit(self, seat: Seat) -> None:
        """Take a seat, which wants nothing as yet."""
        self._rooms.setdefault((seat.stream, seat.group), {})[seat] = None
        self._listeners[seat.stream] = self._listeners.get(seat.stream, 0) + 1
        if seat.stream not in self._positions:
            heads = await self.store.heads([seat.stream])
            self._positions.setdefault(seat.stream, heads.get(seat.stream, 0))
        if self._task is None and self._rooms:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="motia-streams-tail")

    def leave(self, seat: Seat) -> None:
        """Give up a seat; the last one to leave ends the work."""
        room = self._rooms.get((seat.stream, seat.group), {})
        if seat not in room:
            return
        del room[seat]
        if not room:
            del self._rooms[seat.stream, seat.group]
        self._listeners[seat.stream] -= 1
        if not self._listeners[seat.stream]:
            del self._listeners[seat.stream]
            self._positions.pop(seat.stream, None)
        if not self._rooms and self._task is not None:
            self._task.cancel()
            self._task = None

    async def join(self, seat: Seat, id: str | None) -> Snapshot:
        """Have a seat want an item, or with None the group, from now on; what there is of it now.

        What comes meanwhile is held back: say what there is, then ``release`` the seat.
        """
        seat.hold()
        try:
            snapshot = await self.store.snapshot(seat.stream, seat.group, id)
        except BaseException:
            seat.release()
            raise
        seat.wants[id] = snapshot.head.seq
        return snapshot

    def close(self) -> None:
        """Tell every listener that it is over."""
        self.open = False
        for room in list(self._rooms.values()):
            for seat in list(room):
                seat.lose()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                with self.store.listen(self._alarm.set):
                    while True:
                        await self._look()
                        failures = 0
                        if self._rest:
                            await anyio.sleep(self._rest)
                        await self._alarm.wait(self.store.poll * _spread.uniform(0.9, 1.1))
            except Exception as error:
                failures += 1
                expected = isinstance(error, (QueueUnavailable, StorageError))
                _log.error("cannot read the streams for the moment, trying again: %s", error, exc_info=not expected)
                await anyio.sleep(reconnect_delay(failures, _spread))

    async def _look(self) -> None:
        """Read on in every stream that has moved."""
        moved = list(self._positions)
        if len(moved) > 1:
            heads = await self.store.heads(moved)
            moved = [name for name in moved if heads.get(name, 0) > self._positions.get(name, heads.get(name, 0))]
        for stream in moved:
            while (after := self._positions.get(stream)) is not None:
                entries = await self.store.read(stream, after, PAGE)
                if entries is None:
                    await self._miss(stream)
                    break
                await self._hand_on(stream, entries)
                if len(entries) < PAGE:
                    break

    async def _hand_on(self, stream: str, entries: Sequence[Entry]) -> None:
        for start in range(0, len(entries), CHUNK):
            if start:
                await asyncio.sleep(0)
            chunk = entries[start : start + CHUNK]
            for entry in chunk:
                room = self._rooms.get((stream, entry.group))
                if room:
                    await self._tell(list(room), Told(entry), at_leisure=len(entries) == 1)
            if stream in self._positions:
                self._positions[stream] = chunk[-1].seq

    async def _tell(self, seats: Sequence[Seat], told: Told, *, at_leisure: bool) -> None:
        """Tell all seats at once, so that each takes what comes together in one go; or, where nothing else comes, part
        by part, so that the first are being sent it while the last are told."""
        part = CHUNK if at_leisure else len(seats)
        for start in range(0, len(seats), part):
            if start:
                await asyncio.sleep(0)
            for seat in seats[start : start + part]:
                seat.offer(told)

    async def _miss(self, stream: str) -> None:
        """The log no longer reaches back to where we were: this process stood still for long."""
        _log.warning("missed changes of stream %r; its listeners begin anew", stream)
        heads = await self.store.heads([stream])
        if stream in self._positions:
            self._positions[stream] = heads.get(stream, 0)
        for (name, _), room in list(self._rooms.items()):
            if name == stream:
                for seat in list(room):
                    seat.lose()


class Tails:
    """The tails of each event loop of this process, made when first needed.

    Args:
        rest: see ``Tail``.
    """

    def __init__(self, store: StreamStore, rest: float = 0.0) -> None:
        self._store = store
        self._rest = rest
        self._tails: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Tail] = weakref.WeakKeyDictionary()

    @property
    def here(self) -> Tail:
        """The tail of the running loop."""
        loop = asyncio.get_running_loop()
        tail = self._tails.get(loop)
        if tail is None:
            tail = self._tails[loop] = Tail(self._store, self._rest)
        return tail

    def close(self) -> None:
        """End the tail of the running loop, if there is one."""
        loop = asyncio._get_running_loop()
        if loop is not None and (tail := self._tails.get(loop)) is not None:
            tail.close()

"""The threads that Django's connections belong to.

Django keeps one connection per thread. A request has a thread for its blocking code already; a delivery gets one from
here, when its handler first needs it and until it ends, so that no two deliveries ever share a transaction. There are
as many threads as the setting says, and so many connections at most.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import anyio
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from django.db import close_old_connections, connections, reset_queries

from motia.concurrency import ThreadPool

T = TypeVar("T")
_Call = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class DjangoThreads(ThreadPool):
    """Where ``def`` handlers run: on the thread that Django calls the request's own.

    Args:
        size: of the pool that deliveries take theirs from.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._lanes = Lanes(size)

    async def run(self, call: Callable[[], T], *, abandon: bool = False) -> T:
        return await sync_to_async(call, thread_sensitive=True)()

    def back(self, call: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        return async_to_sync(call)(*args)

    def session(self) -> AbstractAsyncContextManager[None]:
        return self._session()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[None]:
        lent = Lent(self._lanes)
        try:
            async with ThreadSensitiveContext(executor=lent):
                yield
        finally:
            with anyio.CancelScope(shield=True):
                await lent.give_back()

    @property
    def below(self) -> ThreadPool:
        return self

    async def close(self) -> None:
        await self._lanes.close()


class Lanes:
    """Threads to lend, each with the connections that belong to it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[ThreadPoolExecutor] = []
        self._made = 0
        self._waiting: deque[Lent] = deque()

    def ask(self, borrower: Lent) -> None:
        """Have a thread lent, now or when one comes back."""
        if self._free:
            borrower.receive(self._free.pop())
        elif self._made < self._size:
            self._made += 1
            borrower.receive(ThreadPoolExecutor(1, thread_name_prefix="motia-django"))
        else:
            self._waiting.append(borrower)

    def forget(self, borrower: Lent) -> None:
        """It waits no longer."""
        if borrower in self._waiting:
            self._waiting.remove(borrower)

    def take_back(self, lane: ThreadPoolExecutor) -> None:
        if self._waiting:
            self._waiting.popleft().receive(lane)
        else:
            self._free.append(lane)

    async def close(self) -> None:
        """Close the connections, and end the threads."""
        while self._free:
            lane = self._free.pop()
            self._made -= 1
            await asyncio.wrap_future(lane.submit(connections.close_all))
            lane.shutdown(wait=False)


class Lent(Executor):
    """The thread of one delivery: taken when something is first run on it."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._lane: ThreadPoolExecutor | None = None
        self._asked = False
        self._early: list[_Call] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._lane is not None:
            return self._lane.submit(fn, *args, **kwargs)
        future: Future[Any] = Future()
        self._early.append((future, fn, args, kwargs))
        if not self._asked:
            self._asked = True
            self._lanes.ask(self)
        return future

    def receive(self, lane: ThreadPoolExecutor) -> None:
        """Run on it what has been waiting."""
        self._lane = lane
        lane.submit(_begin)
        for future, fn, args, kwargs in self._early:
            lane.submit(_fulfil, future, fn, args, kwargs)
        self._early.clear()

    async def give_back(self) -> None:
        """End the use of the thread: its connections are looked after, as at the end of a request."""
        self._lanes.forget(self)
        for call in self._early:
            call[0].cancel()
        if self._lane is not None:
            await asyncio.wrap_future(self._lane.submit(_end))
            self._lanes.take_back(self._lane)
            self._lane = None


def _fulfil(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(fn(*args, **kwargs))
    except BaseException as error:
        future.set_exception(error)


def _begin() -> None:
    reset_queries()
    close_old_connections()


def _end() -> None:
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:  # left open by a handler that was cut off
            connection.in_atomic_block = False
            connection.close()
    close_old_connections()

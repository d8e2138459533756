"""The only file that knows threads: driving coroutines without a loop, limiters, bells and the portal.

All logic in motia is ``async def``. Blocking callers run the same coroutines over drivers whose ``async def``
methods never suspend; ``drive`` runs such a coroutine to its end on the caller's own thread.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from functools import cached_property
from typing import Any, Protocol, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

from motia.errors import NotOpen, SyncUnsupported

T = TypeVar("T")


def drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends to its end, here and now.

    Raises:
        SyncUnsupported: it suspended, so it needs an event loop.
    """
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    work.close()
    raise SyncUnsupported(
        f"expected {getattr(work, '__qualname__', work)} to finish without an event loop, but it waits for one: "
        "this backend or step is async-only; call it from an `async def` handler"
    )


class Bridge(Protocol):
    """How blocking code runs a coroutine of ours: ``drive``, or a portal where the backend is async-only."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> T: ...


def in_event_loop() -> bool:
    """Whether an event loop runs in this thread."""
    return asyncio._get_running_loop() is not None


def is_being_cancelled() -> bool:
    """Whether somebody wants the running task to end: otherwise a ``CancelledError`` is its code's own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class ThreadPool:
    """Threads of our own, so that slow steps never take the ones the host app's endpoints run on.

    Args:
        size: threads at once, per event loop.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._limiters: weakref.WeakKeyDictionary[Any, anyio.CapacityLimiter] = weakref.WeakKeyDictionary()

    async def run(self, call: Callable[[], T], *, abandon: bool = False) -> T:
        """Run ``call`` on a thread, with a copy of this task's context variables.

        Args:
            abandon: on cancellation return at once and let the thread run out alone.
        """
        return await anyio.to_thread.run_sync(call, limiter=self._limiter(), abandon_on_cancel=abandon)

    def back(self, call: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """Run a coroutine on the event loop that waits for this thread of the pool, and wait for its result."""
        return anyio.from_thread.run(call, *args)

    def session(self) -> AbstractAsyncContextManager[None] | None:
        """Around everything that runs for one delivery; pools whose threads hold connections have something to do."""
        return None

    async def close(self) -> None:
        """End threads that are kept."""

    @cached_property
    def below(self) -> ThreadPool:
        """Threads for what threads of this pool wait for; waiting for one of the same pool could last for ever."""
        return ThreadPool(self._size)

    def _limiter(self) -> anyio.CapacityLimiter:
        loop = asyncio.get_running_loop()
        limiter = self._limiters.get(loop)
        if limiter is None:
            limiter = self._limiters[loop] = anyio.CapacityLimiter(self._size)
        return limiter


class Bell:
    """Tells every listener of this process that something may have changed, from any thread, without waiting.

    Rings are hints: they do not survive a fork, so whoever listens also looks by itself now and then.
    """

    def __init__(self) -> None:
        self._listeners: dict[object, tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = {}

    def ring(self) -> None:
        """Call every listener, on its own loop."""
        here = asyncio._get_running_loop()
        for token, (loop, notify) in list(self._listeners.items()):
            if loop is here:
                notify()
                continue
            try:
                loop.call_soon_threadsafe(notify)
            except RuntimeError:  # its loop has been closed since
                self._listeners.pop(token, None)

    @contextmanager
    def listen(self, notify: Callable[[], None]) -> Iterator[None]:
        """Have ``notify`` called on the running loop at each ring, for the time of a block."""
        token = object()
        self._listeners[token] = (asyncio.get_running_loop(), notify)
        try:
            yield
        finally:
            self._listeners.pop(token, None)


def damped(notify: Callable[[], None], seconds: float) -> Callable[[], None]:
    """``notify``, at once and then at most once in so many seconds; what comes meanwhile counts as one. For a loop."""
    loop = asyncio.get_running_loop()
    resting = missed = False

    def ask() -> None:
        nonlocal resting, missed
        missed = resting
        if not resting:
            resting = True
            loop.call_later(seconds, rested)
            notify()

    def rested() -> None:
        nonlocal resting
        resting = False
        if missed:
            ask()

    return ask


class Echo:
    """Calls a function after a while, on a thread of its own: at most once per ``seconds``, however often asked.

    The thread starts when first needed and ends when nothing was asked for a minute; a forked child starts its own.
    """

    def __init__(self, call: Callable[[], None], seconds: float) -> None:
        self._call = call
        self._seconds = seconds
        self._asked = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def ask(self) -> None:
        """Have the function called soon. Waits for nothing."""
        if not self._asked.is_set():
            self._asked.set()
        thread = self._thread
        if thread is None or self._pid != os.getpid() or not thread.is_alive():
            self._pid = os.getpid()
            self._thread = threading.Thread(target=self._run, daemon=True, name="motia-echo")
            self._thread.start()

    def _run(self) -> None:
        while self._asked.wait(60.0):
            self._asked.clear()
            self._call()
            time.sleep(self._seconds)


class Alarm:
    """Wakes one waiting task of this loop, now or within a time."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = False

    @property
    def is_set(self) -> bool:
        """Whether somebody waits and has yet to notice."""
        return self._waiting and self._event.is_set()

    @property
    def is_timed(self) -> bool:
        """Whether the waiter will be woken within a time."""
        return self._timer is not None

    def set(self) -> None:
        """Wake the waiter, or the next one."""
        self._event.set()

    def set_within(self, seconds: float) -> None:
        """Wake the waiter after ``seconds``, unless an earlier call has seen to it."""
        if self._timer is None and not self._event.is_set():
            self._timer = asyncio.get_running_loop().call_later(seconds, self._event.set)

    async def wait(self, timeout: float) -> None:
        """Wait to be woken, at most ``timeout`` seconds."""
        self._waiting = True
        last = asyncio.get_running_loop().call_later(timeout, self._event.set)
        try:
            await self._event.wait()
        finally:
            self._waiting = False
            last.cancel()
            self._event.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None


@contextmanager
def repeating(seconds: float, look: Callable[[], None]) -> Iterator[None]:
    """Call ``look`` on the running loop every so many seconds, without a task, for the time of a block."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def again() -> None:
        nonlocal timer
        timer = loop.call_later(seconds, again)
        look()

    timer = loop.call_later(seconds, again)
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def pulsing(seconds: float, look: Callable[[], None]) -> Iterator[None]:
    """Call ``look`` every so many seconds on a thread of its own, for the time of a block."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(seconds):
            look()

    threading.Thread(target=run, daemon=True, name="motia-pulse").start()
    try:
        yield
    finally:
        ended.set()


class Portal:
    """Where blocking code of an app runs coroutines that need an event loop.

    That is the loop on which the app was opened, since its connections live there; where it has ended, or there never
    was one, a background loop: one per process, started when first used and forgotten by a forked child.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._stopped = False
        self._home: asyncio.AbstractEventLoop | None = None
        self._portal: anyio.from_thread.BlockingPortal | None = None
        self._running: AbstractContextManager[anyio.from_thread.BlockingPortal] | None = None

    def settle(self) -> None:
        """Use the running loop, if there is one, for as long as it runs."""
        if in_event_loop():
            self._home, self._pid = asyncio.get_running_loop(), os.getpid()

    def get(self) -> anyio.from_thread.BlockingPortal:
        """The background loop of this process."""
        if self._pid != os.getpid():  # locks and threads do not survive a fork
            self._lock = threading.Lock()
            self._home = self._portal = self._running = None
            self._pid = os.getpid()
        with self._lock:
            if self._portal is None:
                self._running = anyio.from_thread.start_blocking_portal()
                self._portal = self._running.__enter__()
            return self._portal

    def __call__(self, work: Coroutine[Any, Any, T], /) -> T:
        """Run a coroutine on the loop, with a copy of this thread's context variables, and wait for its result.

        Raises:
            SyncUnsupported: this is the loop's own thread, which would wait for itself.
            NotOpen: the app has been closed.
        """
        home = self._home
        if self._stopped and home is not None:
            work.close()
            raise NotOpen("the motia app has been closed, and with it the event loop that it was opened on")
        if home is None or self._pid != os.getpid() or not home.is_running():
            result: T = self.get().call(awaited, work)
            return result
        if asyncio._get_running_loop() is home:
            work.close()
            raise SyncUnsupported("blocking code was called on the event loop's own thread; use the `async def` form")
        return asyncio.run_coroutine_threadsafe(work, home).result()

    def stop(self) -> None:
        """Cancel what runs and end the background loop; without effect when it never started."""
        self._stopped = True
        with self._lock:
            portal, running = self._portal, self._running
            self._portal = self._running = None
        if portal is not None and running is not None and self._pid == os.getpid():
            portal.call(portal.stop, True)
            running.__exit__(None, None, None)


async def awaited(work: Awaitable[T]) -> T:
    """What an awaitable gives, as a coroutine: some callers take nothing else."""
    return await work

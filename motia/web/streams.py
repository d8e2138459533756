"""Bodies that are made while they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextvars import copy_context
from typing import Any

from motia.codec import response_json
from motia.concurrency import ThreadPool

EVENTS = "text/event-stream"
_END: Any = object()


class Stream:
    """A body of many items, each sent as soon as it is made, inside the run that returned it.

    Args:
        items: what the handler yields; an async iterator of async handlers, a plain one of ``def`` handlers.
        events: data becomes server-sent events, and the head of the answer goes out before the first one.

    Attributes:
        context: the context variables in which the items are made.
        on_error: given an error and whether the head has been sent, returns the answer in the stream's place, or
            raises.
        on_end: called when the last item was made, or the client is gone.
    """

    def __init__(self, items: AsyncIterator[Any] | Iterator[Any], *, events: bool) -> None:
        self.items = items
        self.events = events
        self.context = copy_context()
        self.on_error: Callable[[Exception, bool], Any] = _raise
        self.on_end: Callable[[], None] | None = None

    @property
    def interruptible(self) -> bool:
        """Whether the making of an item can be cancelled: a thread cannot."""
        return isinstance(self.items, AsyncIterator)

    def consume(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start what iterates over ``chunks``, as one task: an async generator may hold task-bound scopes."""
        return asyncio.get_running_loop().create_task(work, context=self.context)

    async def chunks(self, threads: ThreadPool) -> AsyncGenerator[bytes, None]:
        """The body, piece by piece.

        Args:
            threads: where plain iterators run.
        """
        items = self.items if isinstance(self.items, AsyncIterator) else _threaded(self.items, threads)
        try:
            async for item in items:
                yield self._chunk(item)
        finally:
            close = getattr(items, "aclose", None)
            if close is not None:
                await close()
            if self.on_end is not None:
                self.on_end()

    def __iter__(self) -> Generator[bytes, None, None]:
        """The body of a ``def`` handler, for hosts without an event loop."""
        items = self.items
        assert not isinstance(items, AsyncIterator)
        try:
            while (item := self.context.run(next, items, _END)) is not _END:
                yield self._chunk(item)
        finally:
            if isinstance(items, Generator):
                self.context.run(items.close)
            if self.on_end is not None:
                self.on_end()

    def _chunk(self, item: Any) -> bytes:
        """Bytes and text as they are; data as one server-sent event, or one line of JSON."""
        if isinstance(item, bytes):
            return item
        if isinstance(item, str):
            return item.encode()
        return b"data: " + response_json(item) + b"\n\n" if self.events else response_json(item) + b"\n"


async def _threaded(items: Iterator[Any], threads: ThreadPool) -> AsyncGenerator[Any, None]:
    try:
        while (item := await threads.run(lambda: next(items, _END))) is not _END:
            yield item
    finally:
        if isinstance(items, Generator):
            await threads.run(items.close)


def _raise(error: Exception, begun: bool) -> Any:
    raise error

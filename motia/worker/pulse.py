"""A thread beside the event loop, for what must go on while a handler blocks the loop.

It renews leases that the loop is late to renew, and tells where the loop is stuck. A handler that holds the
interpreter's lock all the while (a regular expression gone wild) stops this thread too; only ``motia worker``, whose
supervisor is a process of its own, keeps the lease then.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from motia.concurrency import drive, pulsing, repeating
from motia.errors import MotiaError
from motia.queues.base import Queue
from motia.worker.consumer import Consumer

LOOK_INTERVAL = 1.0
BLOCKED = 5.0
"""Seconds without a turn of the loop after which it is called blocked."""
_log = logging.getLogger("motia.worker")


class Pulse:
    """Keeps the leases of a worker while its event loop is blocked.

    Args:
        queue: with a blocking driver; None renews nothing, where a supervisor does it.
        owner, lease: who we are to the queue, and seconds; see ``motia.queues.base.Demand``.
        consumers: whose deliveries are held.
    """

    def __init__(self, queue: Queue | None, owner: str, lease: float, consumers: Sequence[Consumer]) -> None:
        self._queue = queue
        self._owner = owner
        self._lease = lease
        self._consumers = consumers
        self._loop_thread = threading.get_ident()
        self._turned = self._renewed = time.monotonic()
        self._told = False

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Look after the running loop for the time of a block."""
        every = min(LOOK_INTERVAL, self._lease / 6)
        with repeating(every, self._turn), pulsing(every, self._look):
            yield

    def _turn(self) -> None:
        self._turned = time.monotonic()
        self._told = False

    def _look(self) -> None:
        blocked = time.monotonic() - self._turned
        if blocked >= BLOCKED and not self._told:
            self._told = True
            _log.warning("the event loop has been blocked for %.0f s, %s", blocked, self._place())
        since = max(self._turned, self._renewed)  # a loop that turns sees to it itself
        if self._queue is not None and time.monotonic() - since >= self._lease / 3:
            self._renew(self._queue)

    def _renew(self, queue: Queue) -> None:
        running = [item for consumer in self._consumers for item in tuple(consumer.running.values())]
        if not running:
            return
        asked = time.monotonic()
        try:
            held = {(item.handle, item.token) for item in drive(queue.beat(self._owner, self._lease))}
        except MotiaError as error:
            _log.warning("the leases could not be renewed while the event loop is blocked: %s", error)
            return
        self._renewed = asked
        for item in running:
            if item.claim in held:
                item.lease.renewed(asked)

    def _place(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)
        steps = sorted(
            {item.delivery.subscription for each in self._consumers for item in tuple(each.running.values())}
        )
        where = f"in {frame.f_code.co_name} ({frame.f_code.co_filename}:{frame.f_lineno})" if frame else "somewhere"
        return f"{where}; running: {', '.join(steps[:10]) or 'no step'}"

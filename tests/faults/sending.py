"""Sending into a ground's database from the test's own process."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio

from motia import Motia, QueueUnavailable
from tests.faults.harness import Ground, eventually

BURST = 200
SENDERS = 6


def send(ground: Ground, *items: tuple[str, dict[str, Any]]) -> None:
    """Send messages in batches of 100; the worker's subscriptions must be there."""

    async def work() -> None:
        async with Motia(ground.url) as motia:
            for start in range(0, len(items), 100):
                await motia.enqueue_many(items[start : start + 100])

    anyio.run(work)


class Producer:
    """Sends numbered jobs from a thread, in tasks of one loop, whatever becomes of the server. Use ``producing``.

    Attributes:
        accepted: the numbers of those that were sent for certain.
        refused: seconds that each failed attempt took.
        crashed: what ended the thread, if anything did.
    """

    def __init__(self, url: str, interval: float) -> None:
        self.accepted: set[int] = set()
        self.refused: list[float] = []
        self.crashed: BaseException | None = None
        self.ended = threading.Event()
        self._url = url
        self._interval = interval
        self._numbers = itertools.count(1)

    def run(self) -> None:
        try:
            anyio.run(self._send_all)
        except BaseException as error:
            self.crashed = error

    async def _send_all(self) -> None:
        async with Motia(self._url) as motia, anyio.create_task_group() as tasks:
            for _ in range(SENDERS):
                tasks.start_soon(self._send, motia)

    async def _send(self, motia: Motia) -> None:
        while not self.ended.is_set():
            number = next(self._numbers)
            began = time.monotonic()
            try:
                await motia.enqueue("job", {"n": number, "seconds": 0.005})
                self.accepted.add(number)
            except QueueUnavailable:
                self.refused.append(time.monotonic() - began)
            await anyio.sleep(SENDERS * self._interval)


@contextmanager
def producing(ground: Ground, *, interval: float = 0.005) -> Iterator[Producer]:
    """A producer that sends for the time of a block."""
    producer = Producer(ground.url, interval)
    thread = threading.Thread(target=producer.run, daemon=True, name="producer")
    thread.start()
    try:
        yield producer
    finally:
        producer.ended.set()
        thread.join(30)
    assert producer.crashed is None, producer.crashed


def throughput(ground: Ground, first: int) -> float:
    """Jobs of 50 ms that a ground's worker ends per second, once it has all its slots filled."""
    wanted = range(first, first + BURST)
    send(ground, *(("job", {"n": number, "seconds": 0.05}) for number in wanted))
    eventually(lambda: ground.ends().keys() >= set(wanted), within=60, what="the burst handled")
    ends = sorted(entry.at for entry in ground.ledger() if entry.what == "end" and entry.number in wanted)
    return (len(ends) - 1) / (ends[-1] - ends[0])

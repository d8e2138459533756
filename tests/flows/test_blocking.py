"""A fifo step that waits for its dead letters: what a bank does with the movements of an account."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from motia import Motia, QueueConfig, Worker, queue, step
from motia.queues import statements
from motia.queues.base import DeadQuery
from motia.testing import MotiaTester

PLACES = ["sqlite", *(pytest.param(kind, marks=pytest.mark.service) for kind in ("postgresql", "mysql", "redis"))]
STRICT = QueueConfig(type="fifo", on_dead="block", max_retries=0)


class Bank:
    """Books movements; those of a closed account fail."""

    def __init__(self, url: str) -> None:
        self.booked: list[tuple[str, int]] = []
        self.closed: set[str] = set()

        @step(triggers=[queue("movement", config=STRICT)])
        async def book(data: Any) -> None:
            if data["account"] in self.closed:
                raise ValueError("the account is closed")
            self.booked.append((data["account"], data["number"]))

        self.motia = Motia(url, steps=[book])

    async def move(self, account: str, *numbers: int) -> None:
        for number in numbers:
            await self.motia.enqueue("movement", {"account": account, "number": number}, group=account)

    async def work(self) -> None:
        with anyio.fail_after(30):
            await Worker(self.motia).run(drain=True)


@pytest.mark.parametrize("place", PLACES, indirect=True)
async def test_movements_behind_a_dead_one_wait_for_it(place: str) -> None:
    bank = Bank(place)
    bank.closed.add("a")
    async with bank.motia:
        await bank.move("a", 1, 2, 3)
        await bank.move("b", 1)
        await bank.work()
        assert bank.booked == [("b", 1)]
        waiting = bank.motia.running.backend.waiting.queue
        stats = {item.id: item for item in await waiting.stats()}["book#movement"]
        assert (stats.ready, stats.blocked, stats.dead) == (0, 2, 1)
        bank.closed.clear()
        assert await waiting.redrive(DeadQuery(step="book")) == 1
        await bank.work()
    assert bank.booked == [("b", 1), ("a", 1), ("a", 2), ("a", 3)]


@pytest.mark.parametrize("place", PLACES[:-1], indirect=True)
async def test_a_death_after_the_look_for_dead_letters_holds_the_group(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker may commit it before the claim, which must see for itself: the look saves it the trouble only."""
    monkeypatch.setattr(statements, "HELD", "SELECT fifo_key FROM motia_delivery WHERE 1 = 0 AND '' <> :subscription")
    bank = Bank(place)
    bank.closed.add("a")
    async with bank.motia:
        await bank.move("a", 1, 2)
        await bank.work()
        assert len(await bank.motia.running.backend.waiting.queue.dead(DeadQuery())) == 1


@pytest.mark.parametrize("place", PLACES, indirect=True)
async def test_a_worker_goes_on_as_soon_as_the_dead_letter_is_gone(place: str) -> None:
    bank = Bank(place)
    bank.closed.add("a")
    async with bank.motia, Worker(bank.motia):
        waiting = bank.motia.running.backend.waiting.queue
        await bank.move("a", 1, 2)
        with anyio.fail_after(10):
            while not (letters := await waiting.dead(DeadQuery())):
                await anyio.sleep(0.01)
        bank.closed.clear()
        assert await waiting.discard(DeadQuery(ids=[letters[0].id])) == 1
        with anyio.fail_after(10):
            while not bank.booked:
                await anyio.sleep(0.01)
    assert bank.booked == [("a", 2)]


async def test_a_tester_is_idle_while_a_group_is_held() -> None:
    bank = Bank("memory:")
    bank.closed.add("a")
    async with MotiaTester(bank.motia) as t:
        for number in (1, 2):
            await t.enqueue("movement", {"account": "a", "number": number}, group="a")
        await t.advance(hours=1)
        assert (bank.booked, len(t.dead_letters)) == ([], 1)
        bank.closed.clear()
        await t.redrive("book")
        await t.wait_idle()
    assert bank.booked == [("a", 1), ("a", 2)]

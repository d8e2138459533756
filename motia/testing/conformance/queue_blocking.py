"""Queues: a dead letter that holds back the later ones of its group."""

from __future__ import annotations

from typing import Any

from motia.messages import Delivery
from motia.policies import MAX_CRASHES
from motia.queues.base import DeadQuery
from motia.testing.conformance.harness import Harness, demand, payloads, subscription


class QueueBlocking:
    """Fifo subscriptions that block: nothing overtakes what has died."""

    async def _held(self, harness: Harness, *sent: str, **options: Any) -> Delivery:
        """Send some to a subscription that blocks, and have the first one die."""
        await harness.subscribe(subscription(fifo=True, blocks=True, **options))
        await harness.send(*sent, group="g")
        (first,) = await harness.claim()
        assert await harness.settle(first, "dead", reason="failed")
        return first

    async def test_a_dead_letter_holds_its_group_back_until_it_was_run_again(self, harness: Harness) -> None:
        first = await self._held(harness, "1", "2", "3")
        await harness.send("4", group="g")
        assert await harness.claim() == []
        assert (await harness.other.exchange([], demand(by="w2"))).deliveries == []
        assert await harness.queue.redrive(DeadQuery(ids=[first.id])) == 1
        for expected in ("1", "2", "3", "4"):
            claimed = await harness.claim()
            assert payloads(claimed) == [expected]
            await harness.settle(claimed[0])
        assert await harness.claim() == []

    async def test_it_holds_its_group_back_again_when_it_dies_again(self, harness: Harness) -> None:
        first = await self._held(harness, "1", "2")
        for _ in range(2):
            await harness.queue.redrive(DeadQuery(ids=[first.id]))
            (again,) = await harness.claim()
            assert (again.id, again.attempt) == (first.id, 1)
            await harness.settle(again, "dead", reason="failed")
            assert await harness.claim() == []

    async def test_discarding_it_lets_the_group_go_on(self, harness: Harness) -> None:
        first = await self._held(harness, "1", "2", "3")
        assert await harness.other.discard(DeadQuery(ids=[first.id])) == 1
        (second,) = await harness.claim()
        assert second.payload == "2"
        await harness.settle(second)
        assert payloads(await harness.claim()) == ["3"]

    async def test_it_lets_the_group_go_on_when_it_is_too_old_to_be_kept(self, harness: Harness) -> None:
        await self._held(harness, "1", "2")
        assert await harness.queue.prune(60.0) == 0
        assert await harness.claim() == []
        await harness.advance(1.1 * harness.unit)
        assert await harness.queue.prune(harness.unit) == 1
        assert payloads(await harness.claim()) == ["2"]

    async def test_other_groups_and_subscriptions_go_on(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True, blocks=True), subscription("skips", fifo=True))
        await harness.send("1", "2", group="g")
        for delivery in await harness.claim(of=("s", "skips")):
            await harness.settle(delivery, "dead", reason="failed")
        await harness.send("3", group="h")
        found = {(item.subscription, item.payload) for item in await harness.claim(of=("s", "skips"))}
        assert found == {("skips", "2"), ("s", "3"), ("skips", "3")}

    async def test_without_a_group_the_whole_subscription_is_held(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True, blocks=True))
        await harness.send("1", "2")
        (first,) = await harness.claim()
        await harness.settle(first, "dead", reason="failed")
        assert await harness.claim() == []

    async def test_what_kills_its_workers_holds_its_group_back_too(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True, blocks=True))
        (sent, _) = await harness.send("1", "2", group="g")
        for crashes in range(MAX_CRASHES):
            assert len(await harness.claim(by="dead", suspects=crashes > 0)) == 1
            await harness.queue.abandon("dead")
        assert await harness.claim() == [] == await harness.claim(suspects=True)
        await harness.queue.redrive(DeadQuery(ids=[f"{sent.id}:s"]))
        assert payloads(await harness.claim()) == ["1"]

    async def test_what_waits_behind_it_keeps_its_delay(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True, blocks=True))
        await harness.send("1", group="g")
        await harness.send("2", group="g", delay=harness.unit)
        (first,) = await harness.claim()
        await harness.settle(first, "dead", reason="failed")
        await harness.queue.discard(DeadQuery(ids=[first.id]))
        assert await harness.claim() == []
        await harness.advance(1.1 * harness.unit)
        assert payloads(await harness.claim()) == ["2"]

    async def test_cancelling_what_waits_behind_it_does_not_let_the_next_one_go(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True, blocks=True))
        (_, second, _) = await harness.send("1", "2", "3", group="g")
        (first,) = await harness.claim()
        await harness.settle(first, "dead", reason="failed")
        assert await harness.queue.cancel(second.id)
        assert await harness.claim() == []
        await harness.queue.discard(DeadQuery(ids=[first.id]))
        assert payloads(await harness.claim()) == ["3"]

    async def test_counts_tell_apart_what_is_held(self, harness: Harness) -> None:
        await self._held(harness, "1", "2", "3")
        await harness.send("4", group="h")
        (stats,) = await harness.queue.stats()
        assert (stats.ready, stats.blocked, stats.dead) == (1, 2, 1)
        await harness.queue.redrive(DeadQuery())
        (stats,) = await harness.queue.stats()
        assert (stats.ready, stats.blocked, stats.dead) == (4, 0, 0)

    async def test_who_starts_to_block_is_held_by_what_died_before(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True))
        await harness.send("1", "2", "3", group="g")
        letters = []
        for _ in range(2):
            (delivery,) = await harness.claim()
            await harness.settle(delivery, "dead", reason="failed")
            letters.append(delivery.id)
        (third,) = await harness.claim()
        await harness.settle(third)
        await harness.subscribe(subscription(fifo=True, blocks=True))
        await harness.send("4", group="g")
        await harness.subscribe(subscription(fifo=True, blocks=True))
        assert await harness.claim() == []
        (stats,) = await harness.queue.stats()
        assert (stats.ready, stats.blocked, stats.dead) == (0, 1, 2)
        assert await harness.queue.redrive(DeadQuery(ids=letters[:1])) == 1
        (first,) = await harness.claim()
        await harness.settle(first)
        assert (first.payload, await harness.claim()) == ("1", [])
        assert await harness.queue.discard(DeadQuery(ids=letters[1:])) == 1
        assert payloads(await harness.claim()) == ["4"]

    async def test_all_of_a_group_that_died_are_run_again_in_order(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True))
        await harness.send("1", "2", "3", group="g")
        for kind in ("dead", "dead", "done"):
            (delivery,) = await harness.claim()
            await harness.settle(delivery, kind, reason="failed")
        await harness.subscribe(subscription(fifo=True, blocks=True))
        await harness.send("4", group="g")
        assert await harness.queue.redrive(DeadQuery()) == 2
        for expected in ("1", "2", "4"):
            claimed = await harness.claim()
            assert payloads(claimed) == [expected]
            await harness.settle(claimed[0])

    async def test_who_ceases_to_block_lets_everything_go(self, harness: Harness) -> None:
        first = await self._held(harness, "1", "2")
        await harness.subscribe(subscription(fifo=True))
        (second,) = await harness.claim()
        assert second.payload == "2"
        await harness.settle(second)
        await harness.queue.redrive(DeadQuery(ids=[first.id]))
        assert payloads(await harness.claim()) == ["1"]

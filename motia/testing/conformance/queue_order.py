"""Queues: priority, fifo groups, concurrency over workers."""

from __future__ import annotations

from motia.messages import Settlement
from motia.testing.conformance.harness import Harness, demand, payloads, subscription


class QueueOrder:
    """What comes first, and how much at once."""

    async def test_messages_come_in_the_order_they_were_sent(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        for number in range(5):
            await harness.send(str(number))
        assert payloads(await harness.claim()) == ["0", "1", "2", "3", "4"]

    async def test_higher_priority_comes_first(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("low", priority=-1)
        await harness.send("normal")
        await harness.send("high", priority=9)
        assert payloads(await harness.claim(2)) == ["high", "normal"]
        assert payloads(await harness.claim()) == ["low"]

    async def test_of_a_group_one_runs_at_a_time_and_in_order(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True))
        for number in range(3):
            await harness.send(str(number), group="g")
        for expected in ("0", "1", "2"):
            claimed = await harness.claim()
            assert payloads(claimed) == [expected]
            assert (await harness.other.exchange([], demand(by="w2"))).deliveries == []
            await harness.settle(claimed[0])

    async def test_groups_run_beside_each_other(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True))
        for number in range(2):
            for group in ("a", "b", "c"):
                await harness.send(f'"{group}{number}"', group=group)
        assert payloads(await harness.claim()) == ['"a0"', '"b0"', '"c0"']

    async def test_without_a_group_the_whole_subscription_is_one(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True))
        await harness.send("1", "2")
        assert payloads(await harness.claim()) == ["1"]

    async def test_a_standard_subscription_ignores_groups(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1", "2", group="g")
        assert payloads(await harness.claim()) == ["1", "2"]

    async def test_a_retry_holds_its_group_back(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True))
        await harness.send("1", "2", group="g")
        (first,) = await harness.claim()
        await harness.settle(first, "retry", delay=harness.unit, reason="failed")
        assert await harness.claim() == []
        await harness.advance(1.1 * harness.unit)
        (again,) = await harness.claim()
        assert again.payload == "1"
        await harness.settle(again)
        assert payloads(await harness.claim()) == ["2"]

    async def test_a_crash_holds_its_group_back(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True))
        await harness.send("1", "2", group="g")
        await harness.claim(by="dead")
        await harness.queue.abandon("dead")
        assert await harness.claim() == []
        (again,) = await harness.claim(suspects=True)
        assert again.payload == "1"

    async def test_a_dead_letter_lets_its_group_go_on(self, harness: Harness) -> None:
        await harness.subscribe(subscription(fifo=True))
        await harness.send("1", "2", group="g")
        (first,) = await harness.claim()
        await harness.settle(first, "dead", reason="failed")
        assert payloads(await harness.claim()) == ["2"]

    async def test_concurrency_bounds_all_workers_together(self, harness: Harness) -> None:
        await harness.subscribe(subscription(concurrency=3))
        await harness.send(*map(str, range(10)))
        mine = await harness.claim(2, by="w1")
        others = (await harness.other.exchange([], demand(100, by="w2"))).deliveries
        assert (len(mine), len(others)) == (2, 1)
        assert await harness.claim() == []
        exchange = await harness.queue.exchange([Settlement(mine[0].handle, mine[0].token, "done")], demand())
        assert len(exchange.deliveries) == 1

"""Queues: leases, fencing, crashes, retries, dead letters."""

from __future__ import annotations

import pytest

from motia.messages import Settlement
from motia.policies import MAX_CRASHES, OVERTIME
from motia.queues.base import DeadQuery
from motia.testing.conformance.harness import LEASE, Harness, message, payloads, subscription


class QueueFailures:
    """What holds when things go wrong."""

    @pytest.mark.parametrize("kind", ["done", "retry", "dead", "release", "park"])
    async def test_a_worker_that_outslept_its_lease_has_no_say(self, harness: Harness, kind: str) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        (zombie,) = await harness.claim(by="zombie", lease=harness.unit)
        await harness.advance(1.1 * harness.unit)
        assert await harness.queue.reap() == 1
        (mine,) = await harness.claim(by="w2", suspects=True)
        assert not await harness.settle(zombie, kind, reason="failed")
        assert await harness.settle(mine)

    async def test_a_transaction_of_a_zombie_does_not_settle(self, harness: Harness) -> None:
        if not harness.queue.capabilities.transactional:
            pytest.skip("this queue joins no transactions")
        await harness.subscribe(subscription())
        await harness.send("1")
        (zombie,) = await harness.claim(by="zombie")
        await harness.queue.abandon("zombie")
        (mine,) = await harness.claim(suspects=True)
        database = harness.queue.database  # type: ignore[attr-defined]  # transactional queues have one
        async with database.transaction() as transaction:
            settlement = Settlement(zombie.handle, zombie.token, "done")
            assert not await harness.queue.settle(settlement, via=transaction.connection)
            settlement = Settlement(mine.handle, mine.token, "done")
            assert await harness.queue.settle(settlement, via=transaction.connection)

    async def test_a_lease_holds_until_it_lapses(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        await harness.claim(lease=2 * harness.unit)
        assert await harness.queue.reap() == 0
        await harness.advance(2.1 * harness.unit)
        assert await harness.other.reap() == 1
        assert await harness.claim() == [], "a suspect is not claimed with the others"
        (again,) = await harness.claim(suspects=True)
        assert (again.attempt, again.crashes) == (2, 1)

    async def test_a_beat_renews_all_leases_of_an_owner(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1", "2", "3")
        mine = await harness.claim(2, by="w1", lease=harness.unit)
        await harness.claim(1, by="w2", lease=harness.unit)
        held = await harness.queue.beat("w1", 3.0)
        assert {item.handle for item in held} == {item.handle for item in mine}
        await harness.advance(1.2 * harness.unit)
        assert await harness.queue.reap() == 1
        assert {item.handle for item in await harness.queue.beat("w1", LEASE)} == {item.handle for item in mine}
        assert await harness.queue.beat("w2", LEASE) == []

    async def test_a_handler_past_its_limit_is_not_renewed(self, harness: Harness) -> None:
        await harness.subscribe(subscription(timeout=-OVERTIME - 5.0))
        await harness.send("1")
        await harness.claim(lease=harness.unit)
        (held,) = await harness.queue.beat("w1", LEASE)
        assert held.overdue > OVERTIME
        await harness.advance(1.1 * harness.unit)
        assert await harness.queue.reap() == 1

    async def test_a_dead_owners_work_is_back_at_once(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send(*map(str, range(5)))
        await harness.claim(3, by="dead")
        await harness.claim(2, by="alive")
        assert set(await harness.queue.owners()) == {"dead", "alive"}
        assert await harness.other.abandon("dead") == 3
        assert await harness.queue.suspects() == 3
        assert await harness.queue.owners() == ["alive"]
        assert len(await harness.claim(suspects=True)) == 3

    async def test_suspects_are_counted_where_they_can_be_claimed(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a"), subscription("b"))
        await harness.send("1", "2")
        await harness.claim(by="dead", of=("a", "b"))
        await harness.queue.abandon("dead")
        assert await harness.queue.suspects() == 4
        assert await harness.queue.suspects({"a", "c"}) == 2
        assert await harness.queue.suspects({"c"}) == 0
        await harness.queue.pause("a", True)
        assert await harness.queue.suspects() == 2
        assert await harness.queue.suspects({"a"}) == 0
        await harness.queue.pause("a", False)
        assert await harness.queue.suspects({"a"}) == 2

    async def test_the_third_crash_is_a_dead_letter(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1", traceparent="tp")
        died: list[tuple[str, str]] = []
        for crash in range(MAX_CRASHES):
            assert len(await harness.claim(by="w", suspects=crash > 0)) == 1
            assert died == []
            assert await harness.queue.abandon("w", lambda id, traceparent: died.append((id, traceparent))) == 1
        (letter,) = await harness.queue.dead(DeadQuery())
        assert (letter.reason, letter.crashes) == ("worker_lost", MAX_CRASHES)
        assert died == [(letter.id, "tp")]
        assert await harness.queue.suspects() == 0

    async def test_who_reaps_hears_of_the_dead_letters_that_come_of_it(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1", "2")
        for crash in range(MAX_CRASHES - 1):
            await harness.claim(by="w", suspects=crash > 0)
            await harness.queue.abandon("w")
        await harness.send("3")
        await harness.claim(by="w", lease=harness.unit)
        await harness.claim(by="w", lease=harness.unit, suspects=True)
        await harness.advance(1.2 * harness.unit)
        died: list[str] = []
        assert await harness.queue.reap(lambda id, traceparent: died.append(id)) == 3
        assert set(died) == {letter.id for letter in await harness.queue.dead(DeadQuery())}
        assert len(died) == 2

    async def test_handing_back_costs_no_attempt(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        (delivery,) = await harness.claim()
        assert await harness.settle(delivery, "release")
        (again,) = await harness.claim()
        assert (again.attempt, again.crashes) == (1, 0)
        assert again.token > delivery.token

    async def test_a_suspect_that_is_handed_back_stays_one(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        await harness.claim(by="w")
        await harness.queue.abandon("w")
        (delivery,) = await harness.claim(suspects=True)
        await harness.settle(delivery, "retry", delay=harness.unit, reason="failed")
        await harness.advance(1.1 * harness.unit)
        assert await harness.claim() == []
        (again,) = await harness.claim(suspects=True)
        assert (again.attempt, again.crashes) == (3, 1)

    async def test_parking_costs_no_attempt_and_remembers_since_when(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        (delivery,) = await harness.claim()
        assert delivery.parked is None
        await harness.settle(delivery, "park", delay=harness.unit, reason="schema", error="no")
        first = harness.now()
        assert await harness.claim() == []
        await harness.advance(1.1 * harness.unit)
        (again,) = await harness.claim()
        assert again.attempt == 1
        assert again.parked == pytest.approx(first, abs=0.5)
        await harness.settle(again, "park", delay=harness.unit, reason="schema")
        await harness.advance(1.1 * harness.unit)
        (third,) = await harness.claim()
        assert third.parked == again.parked

    async def test_a_retry_waits_its_delay(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        (delivery,) = await harness.claim()
        await harness.settle(delivery, "retry", delay=harness.unit, reason="failed", error="boom")
        exchange = await harness.queue.exchange([])
        assert exchange.next_due == pytest.approx(harness.unit, abs=0.2)
        assert await harness.claim() == []
        await harness.advance(1.1 * harness.unit)
        assert payloads(await harness.claim()) == ["1"]

    async def test_a_dead_letter_says_why(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send('{"n":1}', traceparent="tp")
        (delivery,) = await harness.claim()
        await harness.settle(delivery, "dead", reason="failed", error="Traceback: boom")
        (letter,) = await harness.queue.dead(DeadQuery())
        assert (letter.id, letter.reason, letter.error) == (delivery.id, "failed", "Traceback: boom")
        assert (letter.payload, letter.attempts, letter.traceparent) == ('{"n":1}', 1, "tp")
        assert letter.dead_at == pytest.approx(harness.now(), abs=1.0)

    async def test_redriving_starts_anew_with_the_same_id(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        (delivery,) = await harness.claim()
        await harness.settle(delivery, "dead", reason="failed")
        assert await harness.queue.redrive(DeadQuery(ids=[delivery.id])) == 1
        assert await harness.queue.redrive(DeadQuery(ids=[delivery.id])) == 0
        (again,) = await harness.claim()
        assert (again.id, again.attempt, again.crashes, again.payload) == (delivery.id, 1, 0, "1")
        assert again.token > delivery.token

    async def test_dead_letters_are_chosen_by_id_step_and_number(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a/t", step="a"), subscription("ab/t", step="ab"))
        await harness.send("1", "2", "3")
        for delivery in await harness.claim(of=("a/t", "ab/t")):
            await harness.settle(delivery, "dead", reason="failed")
        assert len(await harness.queue.dead(DeadQuery())) == 6
        assert {item.subscription for item in await harness.queue.dead(DeadQuery(step="a"))} == {"a/t"}
        assert len(await harness.queue.dead(DeadQuery(limit=2))) == 2
        assert await harness.queue.discard(DeadQuery(step="a")) == 3
        assert await harness.queue.discard(DeadQuery(ids=["unknown:a/t"])) == 0
        assert await harness.queue.redrive(DeadQuery()) == 3
        assert {item.subscription for item in await harness.claim(of=("a/t", "ab/t"))} == {"ab/t"}

    async def test_old_dead_letters_are_pruned(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.queue.publish([message("1", key="k", dedupe_window=harness.unit / 2)])
        (delivery,) = await harness.claim()
        await harness.settle(delivery, "dead", reason="failed")
        assert await harness.queue.prune(10.0) == 0
        await harness.advance(1.1 * harness.unit)
        assert await harness.queue.prune(harness.unit) == 1
        assert await harness.queue.dead(DeadQuery()) == []

    async def test_a_batch_is_sent_whole_or_not_at_all(self, harness: Harness) -> None:
        if not harness.queue.capabilities.transactional:
            pytest.skip("this queue joins no transactions")
        await harness.subscribe(subscription())
        database = harness.queue.database  # type: ignore[attr-defined]  # transactional queues have one
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as transaction:
                await harness.queue.publish([message("1"), message("2")], via=transaction.connection)
                raise ZeroDivisionError
        assert await harness.claim() == []
        async with database.transaction() as transaction:
            await harness.queue.publish([message("3"), message("4")], via=transaction.connection)
        assert payloads(await harness.claim()) == ["3", "4"]

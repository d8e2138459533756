"""Queues: fan-out, claims, delays, dedupe, schedules, counts."""

from __future__ import annotations

import json

import anyio
import pytest

from motia.messages import Message, Receipt, Settlement
from motia.queues.base import DeadQuery
from motia.testing.conformance.harness import Harness, demand, message, payloads, subscription

DAY = 86_400.0
AWKWARD = ("plain", 'quo"ted', "it's", "back\\slash", "{a,b}", "NULL", "", " ", "line\nbreak", "ü€𝄞", "%s %(id)s :id")


class QueueBasics:
    """What holds while nothing goes wrong."""

    async def test_every_subscription_gets_its_own_delivery(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a"), subscription("b"), subscription("c", "other"))
        (sent,) = await harness.send('{"n":1}')
        first, second = await harness.claim(of=("a", "b", "c"))
        assert {first.subscription, second.subscription} == {"a", "b"}
        assert {first.id, second.id} == {f"{sent.id}:a", f"{sent.id}:b"}
        assert await harness.settle(first)
        assert await harness.settle(second, "dead", reason="failed", error="x")
        assert [letter.subscription for letter in await harness.queue.dead(DeadQuery())] == [second.subscription]

    async def test_a_check_passes_and_leaves_everything_as_it_is(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        for queue in (harness.queue, harness.other, harness.queue):
            await queue.check()
        assert [item.ready for item in await harness.queue.stats()] == [1]

    async def test_a_message_sent_before_anyone_works_is_kept(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send('"kept"')
        assert payloads((await harness.other.exchange([], demand())).deliveries) == ['"kept"']

    async def test_a_later_subscription_gets_later_messages_only(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a"))
        await harness.send("1")
        await harness.subscribe(subscription("b"))
        await harness.send("2")
        assert payloads(await harness.claim(of=("b",))) == ["2"]
        assert payloads(await harness.claim(of=("a",))) == ["1", "2"]

    async def test_subscribing_again_forgets_what_the_same_step_no_longer_declares(self, harness: Harness) -> None:
        await harness.subscribe(subscription("x/t1", "t1", step="x"), subscription("x/t2", "t2", step="x"))
        await harness.subscribe(subscription("y/t2", "t2", step="y"))
        await harness.queue.subscribe([subscription("x/t1", "t1", step="x")], steps=["x"])
        assert await harness.queue.subscribers("t1") == 1
        assert await harness.queue.subscribers("t2") == 1

    async def test_what_waits_under_an_old_name_is_served_and_nothing_new_comes_to_it(self, harness: Harness) -> None:
        await harness.subscribe(subscription("old", step="old"))
        await harness.send('"before"')
        renamed = [subscription("new", step="new"), subscription("old", "$renamed", step="new")]
        await harness.queue.subscribe(renamed, steps=["new", "old"])
        await harness.send('"after"')
        found = {item.subscription: item.payload for item in await harness.claim(of=("new", "old"))}
        assert found == {"old": '"before"', "new": '"after"'}

    async def test_a_claim_takes_no_more_than_it_may(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send(*map(str, range(10)))
        assert len(await harness.claim(4)) == 4
        assert len(await harness.claim(100)) == 6
        assert await harness.claim(100) == []

    async def test_many_of_one_call_arrive_as_they_are_and_in_order(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a"), subscription("b", "other"))
        texts = [json.dumps({"n": n, "text": text}) for n, text in enumerate(AWKWARD)]
        unlike = [
            message('"urgent"', priority=1),
            message('"elsewhere"', topic="other"),
            message('"grouped"', group="g"),
        ]
        await harness.queue.publish([*(message(text) for text in texts), *unlike, *(message(text) for text in texts)])
        assert payloads(await harness.claim(100, of=("a",))) == ['"urgent"', *texts, '"grouped"', *texts]
        assert payloads(await harness.claim(100, of=("b",))) == ['"elsewhere"']

    async def test_sending_many_again_changes_nothing(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        messages = [message(str(n)) for n in range(5)]
        await harness.queue.publish(messages)
        await harness.queue.publish([*messages, message("5")])
        assert payloads(await harness.claim(100)) == list(map(str, range(6)))

    async def test_what_many_send_at_once_arrives_as_each_has_sent_it(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a"), subscription("b", "other"))
        sent = [
            message(json.dumps([n, text]), topic="other" if n > 30 else "t", traceparent=f"trace {n}")
            for n, text in enumerate(AWKWARD * 4)
        ]
        receipts: dict[str, Receipt] = {}

        async def send(one: Message) -> None:
            (receipts[one.id],) = await harness.queue.publish([one])

        async with anyio.create_task_group() as tasks:
            for one in sent:
                tasks.start_soon(send, one)
        assert receipts == {one.id: Receipt(one.id, duplicate=False) for one in sent}
        found = await harness.claim(100, of=("a", "b"))
        assert sorted((item.message_id, item.topic, item.payload, item.traceparent) for item in found) == sorted(
            (one.id, one.topic, one.payload, one.traceparent) for one in sent
        )

    async def test_what_one_worker_holds_no_other_can_claim(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send(*map(str, range(20)))
        taken: list[str] = []
        for _ in range(10):
            taken += payloads(await harness.claim(1, by="w1"))
            taken += payloads((await harness.other.exchange([], demand(1, by="w2"))).deliveries)
        assert sorted(taken) == sorted(map(str, range(20)))

    async def test_only_the_subscriptions_asked_for_are_claimed(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a"), subscription("b"))
        await harness.send("1")
        assert [item.subscription for item in await harness.claim(of=("b",))] == ["b"]

    async def test_a_busy_subscription_leaves_room_for_others(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a", "ta"), subscription("b", "tb"))
        await harness.send(*map(str, range(100)), topic="ta")
        await harness.send("1", topic="tb")
        assert "b" in {item.subscription for item in await harness.claim(10, of=("a", "b"))}

    async def test_a_claim_counts_the_attempt_and_grows_the_token(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        (first,) = await harness.claim()
        assert (first.attempt, first.token) == (1, 1)
        assert await harness.settle(first, "retry", delay=0.0, reason="failed", error="boom")
        (second,) = await harness.claim()
        assert second.attempt == 2
        assert second.token > first.token
        assert second.id == first.id

    async def test_done_is_forgotten(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        (delivery,) = await harness.claim()
        assert await harness.settle(delivery)
        assert not await harness.settle(delivery)
        (stats,) = await harness.queue.stats()
        assert (stats.ready, stats.scheduled, stats.running, stats.dead) == (0, 0, 0, 0)

    async def test_one_exchange_settles_and_claims(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1", "2")
        (first,) = await harness.claim(1)
        exchange = await harness.queue.exchange([Settlement(first.handle, first.token, "done")], demand(1))
        assert exchange.settled == [True]
        assert payloads(exchange.deliveries) == ["2"]

    @pytest.mark.parametrize(
        "payload",
        [
            '""',
            "null",
            '{"a":[1,2.5,-0.0,1e300]}',
            '"ünï 😀 \\" \\\\ \\n"',
            "18446744073709551615",
            "[" * 60 + "]" * 60,
        ],
    )
    async def test_a_payload_comes_out_as_it_went_in(self, harness: Harness, payload: str) -> None:
        await harness.subscribe(subscription())
        await harness.send(payload, traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
        (delivery,) = await harness.claim()
        assert delivery.payload == payload
        assert delivery.traceparent == "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

    async def test_sending_again_with_the_same_id_changes_nothing(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        again = message("1")
        await harness.queue.publish([again])
        receipts = await harness.queue.publish([again])
        assert receipts[0].message_id == again.id
        assert len(await harness.claim()) == 1

    async def test_a_dedupe_key_holds_for_its_window(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        first, second = (
            message("1", key="k", dedupe_window=harness.unit),
            message("2", key="k", dedupe_window=harness.unit),
        )
        assert await harness.queue.publish([first]) == [Receipt(first.id, False)]
        assert await harness.queue.publish([second]) == [Receipt(first.id, True)]
        assert await harness.queue.publish([first]) == [Receipt(first.id, False)]
        assert payloads(await harness.claim()) == ["1"]
        await harness.advance(1.1 * harness.unit)
        assert await harness.queue.publish([second]) == [Receipt(second.id, False)]
        assert payloads(await harness.claim()) == ["2"]

    async def test_a_dedupe_key_is_of_one_topic(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a", "ta"), subscription("b", "tb"))
        receipts = await harness.queue.publish([message("1", topic="ta", key="k"), message("2", topic="tb", key="k")])
        assert [receipt.duplicate for receipt in receipts] == [False, False]

    async def test_a_delayed_message_waits(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1", delay=harness.unit)
        exchange = await harness.queue.exchange([], demand())
        assert exchange.deliveries == []
        assert exchange.next_due == pytest.approx(harness.unit, abs=0.2)
        await harness.advance(1.1 * harness.unit)
        assert payloads(await harness.claim()) == ["1"]

    async def test_a_subscription_adds_its_own_delay(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a", delay=harness.unit), subscription("b"))
        await harness.send("1")
        assert [item.subscription for item in await harness.claim(of=("a", "b"))] == ["b"]
        await harness.advance(1.1 * harness.unit)
        assert [item.subscription for item in await harness.claim(of=("a", "b"))] == ["a"]

    async def test_a_point_in_time_wins_over_delays(self, harness: Harness) -> None:
        await harness.subscribe(subscription(delay=DAY))
        await harness.send("soon", at=harness.now() + harness.unit, delay=DAY)
        await harness.send("past", at=harness.now() - DAY)
        assert payloads(await harness.claim()) == ["past"]
        await harness.advance(1.1 * harness.unit)
        assert payloads(await harness.claim()) == ["soon"]

    async def test_scopes_select_messages(self, harness: Harness) -> None:
        await harness.subscribe(
            subscription("all"), subscription("group", group="g"), subscription("item", group="g", key="k")
        )
        everyone = ("all", "group", "item")
        await harness.send("1", scope=("g", "k"))
        assert {item.subscription for item in await harness.claim(of=everyone)} == {"all", "group", "item"}
        await harness.send("2", scope=("g", "other"))
        assert {item.subscription for item in await harness.claim(of=everyone)} == {"all", "group"}
        await harness.send("3", scope=("h", "k"))
        assert {item.subscription for item in await harness.claim(of=everyone)} == {"all"}

    async def test_a_paused_step_is_not_claimed(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        assert await harness.queue.pause("s", True) == 1
        assert await harness.claim() == []
        await harness.subscribe(subscription())
        assert await harness.claim() == [], "subscribing again must not resume a paused step"
        await harness.queue.pause("s", False)
        assert payloads(await harness.claim()) == ["1"]
        assert await harness.queue.pause("nobody", True) == 0

    async def test_stats_count_each_state(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1", "2", "3")
        await harness.send("later", delay=DAY)
        running, dead = await harness.claim(2)
        await harness.settle(dead, "dead", reason="failed")
        (stats,) = await harness.queue.stats()
        assert (stats.ready, stats.scheduled, stats.running, stats.dead) == (1, 1, 1, 1)
        assert running.attempt == 1

    async def test_stats_name_deliveries_that_no_subscription_is_left_for(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        await harness.send("1")
        await harness.queue.subscribe([], steps=["s"])
        (stats,) = await harness.queue.stats()
        assert (stats.id, stats.step, stats.ready) == ("s", "", 1)

    async def test_a_tick_fires_once(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        now = harness.now()
        assert await harness.queue.tick("c", now, [])
        assert await harness.queue.tick("c", now + 60, [message("tick")])
        assert not await harness.other.tick("c", now + 60, [message("again")])
        assert not await harness.other.tick("c", now + 30, [message("older")])
        assert payloads(await harness.claim()) == ["tick"]
        assert (await harness.queue.schedules())["c"] == (now + 60, False)

    async def test_a_paused_schedule_does_not_fire(self, harness: Harness) -> None:
        now = harness.now()
        await harness.queue.tick("c", now, [])
        await harness.queue.pause_schedule("c", True, now)
        assert not await harness.queue.tick("c", now + 60, [message("tick")])
        await harness.queue.pause_schedule("c", False, now + 90)
        assert not await harness.queue.tick("c", now + 80, [message("tick")]), (
            "what passed meanwhile is not made up for"
        )
        assert await harness.queue.tick("c", now + 120, [message("tick")])

    async def test_cancel_forgets_what_waits(self, harness: Harness) -> None:
        await harness.subscribe(subscription("a"), subscription("b"))
        (ready,) = await harness.send("1")
        (later,) = await harness.send("2", delay=DAY)
        assert await harness.queue.cancel(ready.id)
        assert await harness.queue.cancel(later.id)
        assert not await harness.queue.cancel(later.id)
        assert await harness.claim(of=("a", "b")) == []
        assert (await harness.queue.exchange([], demand())).next_due is None

    async def test_cancel_asks_what_runs_to_stop(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        (sent,) = await harness.send("1")
        (delivery,) = await harness.claim()
        assert await harness.queue.cancel(sent.id)
        (held,) = await harness.queue.beat("w1", 30.0)
        assert (held.handle, held.cancel_requested) == (delivery.handle, True)
        assert await harness.settle(delivery), "if done comes first, it is done"

    async def test_a_listener_is_told_of_a_message(self, harness: Harness) -> None:
        """A hint, but one that a healthy backend gives at once."""
        await harness.subscribe(subscription())
        told = anyio.Event()
        with harness.queue.listen(told.set):
            for _ in range(200):  # a listener may need a moment to be heard
                await harness.send("1")
                with anyio.move_on_after(0.05):
                    await told.wait()
                    break
        assert told.is_set()

    async def test_a_listener_for_suspects_is_told_of_one(self, harness: Harness) -> None:
        await harness.subscribe(subscription())
        told = anyio.Event()
        with harness.queue.listen(told.set, suspects=True):
            for _ in range(200):
                await harness.send("1")
                assert await harness.claim(by="dead")
                await harness.queue.abandon("dead")
                with anyio.move_on_after(0.05):
                    await told.wait()
                    break
        assert told.is_set()

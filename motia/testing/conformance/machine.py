"""A Hypothesis state machine: any order of publish, claim, beat, settle, cancel, redrive, pause and death.

Every step is done to a queue and to a model of it, and the two must agree; at the end everything must come to an end.
Needs Hypothesis::

    class MyMachine(QueueMachine):
        def open(self):
            return my_queue

    TestMyMachine = MyMachine.TestCase

One queue may serve all examples: each has subscriptions of its own.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from motia.concurrency import drive
from motia.messages import Delivery, Message, Receipt, Settlement, Subscription, new_id
from motia.queues.base import DeadQuery, Demand, Queue
from motia.testing.conformance.harness import LEASE
from motia.testing.conformance.model import Model, Modelled

T = TypeVar("T")
SOON, FAR = 0.001, 3600.0
_examples = itertools.count(1)
any_index = st.integers(0, 10**6)


class QueueMachine(RuleBasedStateMachine):
    """See the module. Override ``open``, and the rest where the defaults do not fit."""

    def open(self) -> Queue:
        """The queue, migrated; empty, or used by earlier examples only."""
        raise NotImplementedError

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one call. The default is for drivers that never suspend."""
        return drive(work)

    def wait(self) -> None:
        """Let ``SOON`` pass by the clock of the queue."""
        time.sleep(2 * SOON)

    @initialize()
    def begin(self) -> None:
        self.name = f"e{next(_examples)}x{new_id()[-6:]}"
        self.topic = f"{self.name}-t"
        self.subscriptions = [
            Subscription(f"{self.name}-plain", self.topic, f"{self.name}-plain"),
            Subscription(f"{self.name}-fifo", self.topic, f"{self.name}-fifo", fifo=True),
            Subscription(f"{self.name}-narrow", self.topic, f"{self.name}-narrow", concurrency=2),
            Subscription(f"{self.name}-strict", self.topic, f"{self.name}-strict", fifo=True, blocks=True),
        ]
        self.owners = [f"{self.name}-w{number}" for number in range(3)]
        self.model = Model()
        self.messages: list[Message] = []
        self.held: list[tuple[Modelled, Delivery]] = []  # whoever it belongs to now
        self.queue = self.open()
        self.run(self.queue.subscribe(self.subscriptions, steps=[item.step for item in self.subscriptions]))

    @rule(
        delay=st.sampled_from([0.0, 0.0, 0.0, SOON, FAR]),
        group=st.sampled_from([None, "g", "h"]),
        priority=st.sampled_from([0, 0, 0, -1, 5]),
        key=st.sampled_from([None, None, None, "k", "l"]),
    )
    def publish(self, delay: float, group: str | None, priority: int, key: str | None) -> None:
        payload = str(len(self.messages))
        message = Message(new_id(), self.topic, payload, key=key, group=group, priority=priority, delay=delay)
        expected = self.model.publish(message, self.subscriptions, later=delay == FAR)
        receipt = self.run(self.queue.publish([message]))[0]
        assert receipt == Receipt(expected, expected != message.id)
        if not receipt.duplicate:
            self.messages.append(message)

    @precondition(lambda self: self.messages)
    @rule(index=any_index)
    def publish_again(self, index: int) -> None:
        """The sender did not hear the answer."""
        message = self.messages[index % len(self.messages)]
        if all(item.state != "gone" for item in self.model.of_message(message.id)):
            self.run(self.queue.publish([message]))

    @rule(
        owner=st.integers(0, 2),
        limit=st.integers(1, 5),
        which=st.sets(st.integers(0, 3), min_size=1),
        suspects=st.booleans(),
        lapsed=st.sampled_from([False, False, True]),
    )
    def claim(self, owner: int, limit: int, which: set[int], suspects: bool, lapsed: bool) -> None:
        ids = frozenset(self.subscriptions[index].id for index in which)
        demand = Demand(self.owners[owner], limit, ids, 0.0 if lapsed else LEASE, suspects)
        exchange = self._exchange([], demand)
        found = exchange.deliveries
        assert len(found) <= limit
        if not found and not exchange.more:
            assert not self.model.surely_claimable(demand), "nothing was claimed, though there is something"
        for delivery in found:
            self.model.claimed(delivery, demand, lapsed=lapsed)
            self.held.append((self.model.deliveries[delivery.id], delivery))
        if not suspects and not exchange.more:
            self.model.not_passed_over([delivery.id for delivery in found])

    def _exchange(self, settlements: list[Settlement], demand: Demand | None = None) -> Any:
        self.wait()  # what was sent or retried with a short delay is due
        return self.run(self.queue.exchange(settlements, demand))

    @precondition(lambda self: self.held)
    @rule(
        index=any_index,
        kind=st.sampled_from(["done", "done", "retry", "release", "park", "dead"]),
        delay=st.sampled_from([0.0, SOON, FAR]),
    )
    def settle(self, index: int, kind: Any, delay: float) -> None:
        """A worker's word, the owner's or a zombie's."""
        self._settle(*self.held[index % len(self.held)], kind, delay)

    def _settle(self, item: Modelled, delivery: Delivery, kind: Any, delay: float) -> None:
        settlement = Settlement(delivery.handle, delivery.token, kind, delay, "failed", "boom")
        settled = self.run(self.queue.exchange([settlement])).settled
        mine = item.state == "running" and item.token == delivery.token
        assert settled == [mine], "the word of a zombie has no effect, that of the owner always has"
        if mine:
            item.attempt -= kind in {"release", "park"}
            later = kind in {"retry", "park"} and delay == FAR
            item.back("gone" if kind == "done" else "dead" if kind == "dead" else "scheduled" if later else "ready")

    @precondition(lambda self: self.model.of("running"))
    @rule(index=any_index, kind=st.sampled_from(["done", "retry", "release", "park", "dead"]))
    def take_over(self, index: int, kind: Any) -> None:
        """A worker is taken for dead, another one claims what it held, and then the first one speaks after all."""
        running = self.model.of("running")
        first = self.owners.index(running[index % len(running)].owner)
        stale = [pair for pair in self.held if pair[0] in self.model.running_of(self.owners[first])]
        self.kill(first)
        self.claim((first + 1) % 3, 5, {0, 1, 2, 3}, True, False)
        for item, delivery in stale:
            self._settle(item, delivery, kind, 0.0)

    @rule(owner=st.integers(0, 2))
    def beat(self, owner: int) -> None:
        held = self.run(self.queue.beat(self.owners[owner], LEASE))
        expected = self.model.running_of(self.owners[owner])
        assert {item.token: item.cancel_requested for item in held} == {
            item.token: item.asked_to_stop for item in expected
        }
        for item in expected:
            item.lapsed = False

    @rule()
    def reap(self) -> None:
        self.wait()
        lapsed = [item for item in self.model.of("running") if item.lapsed]
        assert self.run(self.queue.reap()) == len(lapsed)
        for item in lapsed:
            item.crash()

    @rule(owner=st.integers(0, 2))
    def kill(self, owner: int) -> None:
        """The worker dies, and somebody who knows says so."""
        running = self.model.running_of(self.owners[owner])
        assert (self.owners[owner] in self.run(self.queue.owners())) == bool(running)
        assert self.run(self.queue.abandon(self.owners[owner])) == len(running)
        for item in running:
            item.crash()

    @precondition(lambda self: self.messages)
    @rule(index=any_index)
    def cancel(self, index: int) -> None:
        items = self.model.of_message(self.messages[index % len(self.messages)].id)
        open_ones = [item for item in items if item.waits or item.state == "running"]
        assert self.run(self.queue.cancel(items[0].message.id)) == bool(open_ones)
        for item in open_ones:
            if item.state == "running":
                item.asked_to_stop = True
            else:
                item.state = "gone"

    @rule(index=any_index, back=st.booleans())
    def redrive_or_discard(self, index: int, back: bool) -> None:
        dead = self.model.of("dead")
        for subscription in self.subscriptions:
            letters = self.run(self.queue.dead(DeadQuery(step=subscription.step)))
            assert {letter.id for letter in letters} == {item.id for item in dead if item.subscription is subscription}
        if not dead:
            return
        self._redrive_or_discard(dead[index % len(dead)], back)

    def _redrive_or_discard(self, item: Modelled, back: bool) -> None:
        query = DeadQuery(ids=[item.id])
        assert self.run(self.queue.redrive(query) if back else self.queue.discard(query)) == 1
        item.attempt = item.crashes = 0
        item.moved = not item.subscription.blocks
        item.back("ready" if back else "gone")

    @rule(index=st.integers(0, 3), paused=st.booleans())
    def pause(self, index: int, paused: bool) -> None:
        subscription = self.subscriptions[index]
        assert self.run(self.queue.pause(subscription.step, paused)) == 1
        (self.model.paused.add if paused else self.model.paused.discard)(subscription.id)

    @invariant()
    def counts_agree(self) -> None:
        found = {item.id: item for item in self.run(self.queue.stats())}
        for subscription in self.subscriptions:
            stats = found[subscription.id]
            mine = [item for item in self.model.deliveries.values() if item.subscription is subscription]
            expected = [
                sum(item.waits for item in mine),
                sum(item.state == "running" for item in mine),
                sum(item.state == "dead" for item in mine),
            ]
            waiting = stats.ready + stats.scheduled + stats.blocked
            assert [waiting, stats.running, stats.dead] == expected, subscription.id
            behind = [item for item in mine if item.waits and self.model.is_held(item)]
            surely = sum(item.state != "scheduled" for item in behind)
            assert surely <= stats.blocked <= len(behind), "what waits behind a dead letter is counted apart"

    def teardown(self) -> None:
        """Everything comes to an end, each once."""
        if not hasattr(self, "queue"):
            return
        try:
            for subscription in self.subscriptions:
                self.pause(self.subscriptions.index(subscription), False)
            for message, due in [(item.message, item.state) for item in self.model.deliveries.values()]:
                if due == "scheduled":
                    self.cancel(self.messages.index(message))
            for owner in range(3):
                self.kill(owner)
            for letter in self.model.of("dead"):
                if letter.subscription.blocks:
                    self._redrive_or_discard(letter, back=False)
            self._finish_all()
        finally:
            self._clean_up()

    def _finish_all(self) -> None:
        """Claim and finish until nothing waits; every round must bring it nearer."""
        while waiting := self.model.of("ready", "suspect"):
            before = len(waiting)
            for suspects in (False, True):
                self.claim(0, 5, {0, 1, 2, 3}, suspects, False)
            for item, delivery in self.held:
                if item.state == "running" and item.token == delivery.token:
                    self._settle(item, delivery, "done", 0.0)
            assert len(self.model.of("ready", "suspect")) < before, "what waits is never claimed"
        assert self.model.of("running", "scheduled") == []

    def _clean_up(self) -> None:
        for owner in self.owners:
            self.run(self.queue.abandon(owner))
        for message in self.messages:
            self.run(self.queue.cancel(message.id))
        for subscription in self.subscriptions:
            self.run(self.queue.discard(DeadQuery(step=subscription.step)))
        self.run(self.queue.subscribe([], steps=[item.step for item in self.subscriptions]))

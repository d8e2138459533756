"""When to fetch, and what is running.

A turn with the queue says what became of finished deliveries and claims as many as there are free slots; nothing is
claimed ahead. Between turns the consumer sleeps until a slot is freed, the queue hints at something new, a scheduled
delivery falls due, or two and a half seconds have passed.

Deliveries run in slots: tasks that are kept, because making a task costs more than running a short handler. A slot
whose handler was cancelled, or left context variables behind, is not used again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Collection
from contextvars import copy_context

import anyio
from anyio.abc import TaskGroup

from motia.concurrency import Alarm
from motia.dispatcher import Dispatcher
from motia.errors import QueueUnavailable, StorageError
from motia.leases import Lease
from motia.logs import deliveries
from motia.messages import Delivery, Exchange, Settlement
from motia.plans import Plan
from motia.policies import REAP_INTERVAL, reconnect_delay
from motia.queues.base import Demand, Queue
from motia.worker.running import Claim, Running, interrupted, measure

POLL = 2.5
"""Seconds between looks at a queue that is silent; where it holds nothing but suspects, which somebody takes back and
tells of, the looks are as rare as those for lapsed leases."""
GATHER = 0.01
"""Seconds that a finished delivery may wait to be told of with others, or with the next claim, while the queue is
empty."""
REFILL = 0.002
"""Seconds that free slots may wait for others to be free, while there is more to claim."""
SLICE = 0.001
"""Seconds after which handlers that never wait let the rest of the event loop have a turn."""
STOPPING_RETRY = 1.0
"""Longest wait in seconds before a queue that is away is told again, while the worker ends."""
HAND_BACK = 2.0
"""Seconds for handing back what ran when the consumer itself is cancelled."""
_log = logging.getLogger("motia.worker")
_spread = random.Random()  # noqa: S311  # only spreads the workers


class Consumer:
    """Claims deliveries and runs them.

    Attributes:
        running: by claim.
        unsure: a turn has failed, so the queue may hold deliveries for us that we have never heard of.

    Args:
        queue: where they come from.
        dispatcher: runs them.
        owner: who we are to the queue.
        limit: deliveries at once.
        subscriptions: the ones we serve.
        lease: seconds; see ``Demand``.
        suspects: serve deliveries whose worker died, instead of the others.
    """

    def __init__(
        self,
        queue: Queue,
        dispatcher: Dispatcher,
        owner: str,
        *,
        limit: int,
        subscriptions: Collection[str],
        lease: float,
        suspects: bool = False,
    ) -> None:
        self.running: dict[Claim, Running] = {}
        self.unsure = False
        self._queue = queue
        self._dispatcher = dispatcher
        self._limit = limit
        # Half runs while a server is asked for the other half; an embedded backend leaves no time for that.
        self._kept_busy = limit // 2 if queue.capabilities.remote else 0
        self._poll = REAP_INTERVAL if suspects else POLL
        self._demand = (owner, frozenset(subscriptions), lease, suspects)
        self._settlements: list[Settlement] = []
        self._alarm = Alarm()
        self._inbox: deque[Running] = deque()
        self._idle: list[asyncio.Event] = []
        self._slots = 0
        self._waking = False
        self._ended = False
        self._stopping = False
        self._draining = False
        self._backlog = False
        self._failures = 0
        self._yielded = 0.0

    def knows(self, claim: Claim) -> bool:
        """Whether a delivery runs here, or has run and the queue is yet to be told."""
        return claim in self.running or any((item.handle, item.token) == claim for item in self._settlements)

    def stop(self) -> None:
        """Claim nothing more, hand back what has not started; ``run`` ends when everything running is settled."""
        self._stopping = True
        while self._inbox:
            running = self._inbox.popleft()
            running.lease.verdict = "released"
            self._settle(running, self._interrupted(running))
        self._alarm.set()

    def drain(self) -> None:
        """End ``run`` as soon as there is nothing to claim and nothing running."""
        self._draining = True
        self._alarm.set()

    def release(self) -> None:
        """Cancel what runs and hand it back, with its attempt not counted."""
        self.stop()
        for running in list(self.running.values()):
            running.cancel("released")

    def abandon(self) -> int:
        """After ``release``: hand back what did not heed its cancellation, as threads do not, and wait for it no more.

        Returns:
            How many deliveries that were. What goes on of them can change nothing.
        """
        left = list(self.running.values())
        for running in left:
            settlement = self._interrupted(running)
            running.lease.verdict = "lost"
            self._settle(running, settlement)
            if running.task is not None:
                running.task.cancel()
        return len(left)

    async def run(self) -> None:
        """Consume until ``stop``. Where it is cancelled, what ran is handed back, its attempt not counted."""
        try:
            await self._run()
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(HAND_BACK, shield=True):
                await self._hand_back()
            raise

    async def _hand_back(self) -> None:
        self.stop()
        settlements = tuple(self._settlements)
        try:
            await self._queue.exchange(settlements)
        except (QueueUnavailable, StorageError) as error:
            _log.warning("%s to come back by lapsing leases: %s", deliveries(len(settlements)), error)
        else:
            del self._settlements[: len(settlements)]

    async def _run(self) -> None:
        self._ended = False
        async with anyio.create_task_group() as tasks:
            try:
                with self._queue.listen(self._hear, suspects=self._demand[3]):
                    await self._consume(tasks)
            finally:
                self._ended = True
                for event in self._idle:
                    event.set()
                self._idle.clear()

    def _hear(self) -> None:
        """There may be something to claim. Where we know that already, we wait for more free slots."""
        if not (self._backlog and self._alarm.is_timed):
            self._alarm.set()

    async def _consume(self, tasks: TaskGroup) -> None:
        while not self._finished():
            asked = time.monotonic()
            exchange = await self._turn()
            if exchange is None:
                continue
            for delivery in exchange.deliveries:
                self._accept(delivery, asked)
            self._wake_one(tasks)
            if self._draining and not exchange.deliveries and not self.running and not self._settlements:
                return
            await self._rest(exchange)
            self._cancel_overdue()

    def _finished(self) -> bool:
        return self._stopping and not self.running and not self._settlements

    async def _turn(self) -> Exchange | None:
        """One exchange; None when the queue could not be reached and it is time to try again."""
        free = 0 if self._stopping else min(self._limit - len(self.running), self._limit - self._kept_busy)
        owner, subscriptions, lease, suspects = self._demand
        demand = Demand(owner, free, subscriptions, lease, suspects) if free > 0 else None
        settlements = tuple(self._settlements)
        try:
            exchange = await self._queue.exchange(settlements, demand)
        except (QueueUnavailable, StorageError) as error:
            self.unsure = True
            await self._unreachable(error)
            return None
        del self._settlements[: len(settlements)]
        self._failures = 0
        self._backlog = exchange.more or (demand is not None and len(exchange.deliveries) >= free)
        for settlement, kept in zip(settlements, exchange.settled, strict=True):
            if not kept:
                _log.warning("lease_lost: delivery %s was settled by another worker", settlement.handle)
        return exchange

    async def _unreachable(self, error: Exception) -> None:
        """Wait before the next try. What is finished is kept, and said again when the queue is back."""
        self._failures += 1
        delay = reconnect_delay(self._failures, _spread)
        if self._stopping:
            delay = min(delay, STOPPING_RETRY)
        _log.warning("the queue cannot be reached, next try in %.1f s: %s", delay, error)
        with anyio.move_on_after(delay):
            while not self._stopping:
                await self._alarm.wait(delay)
            await anyio.sleep(STOPPING_RETRY)

    async def _rest(self, exchange: Exchange) -> None:
        if self._finished() or (self._backlog and self._may_refill()):
            return
        timeout = self._poll * _spread.uniform(0.9, 1.1)
        if exchange.next_due is not None and len(self.running) < self._limit:
            timeout = min(timeout, exchange.next_due + 0.001)
        now = time.monotonic()  # what has not started yet does so now
        ends = [item.deadline or now + item.limit for item in self.running.values() if item.lease.verdict is None]
        if ends:
            timeout = min(timeout, max(0.0, min(ends) - now) + 0.001)
        await self._alarm.wait(timeout)

    def _cancel_overdue(self) -> None:
        now = time.monotonic()
        for running in self.running.values():
            if running.deadline is not None and running.deadline <= now and running.lease.verdict is None:
                _log.error("step %r ran longer than %g s", running.delivery.subscription, running.limit)
                running.cancel("timeout")

    def _accept(self, delivery: Delivery, since: float) -> None:
        plan = self._dispatcher.registry.plans.get(delivery.subscription)
        owner, _, seconds, _ = self._demand
        lease = Lease(owner, seconds, since)
        limit, bounded = (plan.config.run_limit, plan.config.concurrency is not None) if plan else (900.0, False)
        running = Running(delivery, limit, time.monotonic(), lease, bounded)
        self.running[running.claim] = running
        self._inbox.append(running)

    def _wake_one(self, tasks: TaskGroup) -> None:
        """Have one more slot look at the inbox; it wakes the next one before it runs anything itself."""
        if not self._inbox or self._waking:
            return
        if self._idle:
            self._waking = True
            self._idle.pop().set()
        elif self._slots < self._limit:
            self._waking = True
            self._slots += 1
            tasks.start_soon(self._slot, tasks)

    async def _next(self) -> Running | None:
        """The next delivery to run; None when there will be none."""
        while not self._inbox:
            if self._ended:
                return None
            await self._park()
        return self._inbox.popleft()

    async def _park(self) -> None:
        """Wait to be woken."""
        event = asyncio.Event()
        self._idle.append(event)
        try:
            await event.wait()
        finally:
            self._waking = False

    async def _give_way(self) -> None:
        """Let the rest of the event loop have a turn. One slot stays awake: with many, its turns would be long."""
        if self._waking:
            await self._park()
        else:
            self._waking = True
            try:
                await asyncio.sleep(0)
            finally:
                self._waking = False
        self._yielded = time.monotonic()

    async def _slot(self, tasks: TaskGroup) -> None:
        """Run deliveries one after another."""
        self._waking = False
        clean = copy_context()
        task = asyncio.current_task()
        running: Running | None = None
        try:
            with anyio.CancelScope() as scope:
                while (running := self._inbox.popleft() if self._inbox else await self._next()) is not None:
                    self._wake_one(tasks)
                    running.scope, running.task = scope, task
                    running.deadline = time.monotonic() + running.limit
                    settlement = await self._dispatcher.on_message(running.delivery, running.lease)
                    if running.lease.verdict is not None and settlement is not None and settlement.kind != "done":
                        settlement = self._interrupted(running)  # it failed because it was told to end
                    self._settle(running, settlement)
                    if scope.cancel_called or copy_context() != clean:
                        break
                    if self._alarm.is_set or time.monotonic() - self._yielded > SLICE:
                        await self._give_way()
        finally:
            if running is not None and running.claim in self.running:  # whatever ends a slot, its delivery is settled
                self._settle(running, self._interrupted(running))
            self._slots -= 1
            self._wake_one(tasks)

    def _settle(self, running: Running, settlement: Settlement | None) -> None:
        if self.running.pop(running.claim, None) is None:
            return  # abandoned, and settled then
        if settlement is not None:
            self._settlements.append(settlement)
        measure(running, settlement, self._plan(running))
        hurried = not self.running and (self._draining or self._is_awaited(running))
        if hurried or self._stopping or (self._backlog and self._may_refill()):
            self._alarm.set()
        else:
            self._alarm.set_within(REFILL if self._backlog else GATHER)

    def _is_awaited(self, running: Running) -> bool:
        """Whether others may only start once the queue knows what became of this one."""
        return running.delivery.group is not None or running.bounded

    def _may_refill(self) -> bool:
        return len(self.running) <= self._kept_busy

    def _interrupted(self, running: Running) -> Settlement | None:
        return interrupted(running, self._plan(running))

    def _plan(self, running: Running) -> Plan | None:
        return self._dispatcher.registry.plans.get(running.delivery.subscription)

"""The queue over a SQL database."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from motia.clock import Clock, boot_id
from motia.concurrency import Bell, damped
from motia.databases.base import Connection, Database, joined
from motia.databases.checking import check
from motia.databases.migrations import Migrated
from motia.messages import (
    RELAY_TOPIC,
    RELAY_WINDOW,
    DeadLetter,
    Delivery,
    Exchange,
    Held,
    Message,
    Receipt,
    ScheduleState,
    Settlement,
    Subscription,
    SubscriptionStats,
    Unfinished,
)
from motia.policies import MAX_CRASHES, OVERTIME
from motia.queues import statements as sql
from motia.queues.base import (
    MAX_LISTED,
    MAX_LOOKED,
    MAX_SHOWN,
    Capabilities,
    DeadQuery,
    Demand,
    Died,
    UnfinishedQuery,
    unheard,
)
from motia.queues.group_commit import GroupCommit
from motia.queues.rows import (
    dead_params,
    message_params,
    seconds_left,
    settlement_params,
    sorted_deliveries,
    stats_of,
    subscription_of,
    subscription_params,
)
from motia.queues.schema import SCHEMA

CAPABILITIES = Capabilities()
GLANCE = 0.25
"""Seconds between looks for suspects while messages come in: another process may have taken one back."""
_LOST = "the worker died or lost its lease while it ran this"


class SqlQueue(Migrated):
    """See ``motia.queues.base.Queue`` for what each method promises.

    Args:
        database: where the tables are.
        clock: the backend's clock, for a database that has none of its own.
        capabilities: what the database adds or lacks.
        patience: seconds in which a message is sent; given where what tasks of an event loop send at the same time is
            worth a commit together.
    """

    part, versions = "queue", SCHEMA

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        capabilities: Capabilities = CAPABILITIES,
        patience: float | None = None,
    ) -> None:
        self.database = database
        self.capabilities = capabilities
        self._together = None if patience is None else GroupCommit(self._publish_within, patience)
        self._clock = clock
        self._boot = boot_id()
        self._turn = 0
        self._suspicion = Bell()

    async def subscribe(self, subscriptions: Sequence[Subscription], *, steps: Collection[str]) -> None:
        changed, gone = await self._differences(subscriptions, steps)
        if changed or gone:
            await self._subscribe(changed, gone)

    async def _differences(
        self, subscriptions: Sequence[Subscription], steps: Collection[str]
    ) -> tuple[list[Subscription], list[str]]:
        """What is to be written, and the ids of what is to go."""
        wanted = {item.id: item for item in subscriptions}
        known = {row[0]: subscription_of(row) for row in await self.database.read(_all_subscriptions)}
        changed = [item for item in subscriptions if known.get(item.id) != item]
        gone = [item.id for item in known.values() if item.step in set(steps) and item.id not in wanted]
        return changed, gone

    async def _subscribe(self, changed: Sequence[Subscription], gone: Sequence[str]) -> None:
        async def work(connection: Connection) -> None:
            await connection.run_many(sql.SUBSCRIBE, [subscription_params(item) for item in changed])
            await connection.run_many(sql.UNSUBSCRIBE, [{"id": id} for id in gone])

        await self.database.write(work)

    async def subscribers(self, topic: str) -> int:
        async def work(connection: Connection) -> int:
            return int((await connection.rows(sql.SUBSCRIBERS, {"topic": topic}))[0][0])

        return await self.database.read(work)

    async def publish(self, messages: Sequence[Message], *, via: Connection | None = None) -> list[Receipt]:
        if via is not None:
            receipts = await self._publish(via, messages)
            await via.announce()
            return receipts
        if self._together is not None and self._is_plain(messages) and joined(self.database) is None:
            return [await self._together.send(messages[0])]
        return await self._publish_within(messages)

    async def _publish_within(self, messages: Sequence[Message], seconds: float | None = None) -> list[Receipt]:
        single = self._is_one_statement(messages)
        receipts = await self.database.write(
            lambda connection: self._publish(connection, messages), single=single, within=seconds
        )
        self.database.announce()
        return receipts

    async def _publish(self, connection: Connection, messages: Sequence[Message]) -> list[Receipt]:
        now = self._clock.now()
        receipts: list[Receipt] = []
        new: list[Message] = []
        for message in messages:
            first = await self._first(connection, message, now)
            receipts.append(Receipt(first or message.id, duplicate=first not in {None, message.id}))
            if first is None:
                new.append(message)
        await self._insert(connection, new, now)
        return receipts

    def _is_one_statement(self, messages: Sequence[Message]) -> bool:
        return self._is_plain(messages)

    def _is_plain(self, messages: Sequence[Message]) -> bool:
        """Whether it is one message, and no other has to be looked for."""
        return len(messages) == 1 and messages[0].key is None and not messages[0].relayed

    async def _insert(self, connection: Connection, messages: Sequence[Message], now: float) -> None:
        if len(messages) == 1:
            await connection.run(sql.PUBLISH, message_params(messages[0], now))
        elif messages:
            await connection.run_many(sql.PUBLISH, [message_params(message, now) for message in messages])

    async def _first(self, connection: Connection, message: Message, now: float) -> str | None:
        """The id of the message that was published in place of this one, maybe itself; None when it is new."""
        if message.relayed:
            params = {"topic": RELAY_TOPIC, "key": message.id, "id": message.id, "now": now, "window": RELAY_WINDOW}
            if not await connection.run(sql.DEDUPE, params):
                return message.id
        if message.key is None:
            return None
        params = {"topic": message.topic, "key": message.key, "id": message.id, "now": now}
        changed = await connection.run(sql.DEDUPE, params | {"window": message.dedupe_window})
        first = str((await connection.rows(sql.DEDUPE_FIRST, params))[0][0])
        # MySQL counts what was found too, if the caller's connection asks for it
        return None if changed and first == message.id else first

    async def exchange(self, settlements: Sequence[Settlement], demand: Demand | None = None) -> Exchange:
        if not settlements:
            quiet = await self._peek(demand)
            if quiet is not None:
                return quiet

        async def work(connection: Connection) -> Exchange:
            settled = await self._settle_all(connection, settlements)
            now = {"now": self._clock.now()}
            next_due = (await connection.rows(sql.NEXT_DUE, now))[0][0]
            if next_due is not None and next_due <= 0:
                await connection.run(sql.PROMOTE, now)
                next_due = (await connection.rows(sql.NEXT_DUE, now))[0][0]
            deliveries = await self._claim(connection, demand) if demand and demand.limit > 0 else []
            return Exchange(settled, deliveries, seconds_left(next_due))

        return await self.database.write(work)

    async def _peek(self, demand: Demand | None) -> Exchange | None:
        """The exchange when there is nothing to do, found without taking the write lock; None when there is."""

        async def work(connection: Connection) -> Exchange | None:
            next_due, waiting = (await connection.rows(sql.PEEK, {"now": self._clock.now()}))[0]
            if next_due is not None and next_due <= 0:
                return None
            if waiting and demand and demand.limit > 0 and await self._present(connection, demand):
                return None
            return Exchange([], [], seconds_left(next_due))

        return await self.database.read(work)

    async def _settle_all(self, connection: Connection, settlements: Sequence[Settlement]) -> list[bool]:
        now = self._clock.now()
        done = [[item.handle, item.token] for item in settlements if item.kind == "done"]
        gone: set[Any] = set()
        if len(done) > 1:
            gone = {row[0] for row in await connection.rows(sql.DONE_ALL, {"held": json.dumps(done)})}
        return [
            item.handle in gone
            if len(done) > 1 and item.kind == "done"
            else await connection.run(sql.SETTLE[item.kind], settlement_params(item, now)) == 1
            for item in settlements
        ]

    async def settle(self, settlement: Settlement, *, via: Connection) -> bool:
        return (await self._settle_all(via, [settlement]))[0]

    async def _present(self, connection: Connection, demand: Demand) -> list[tuple[Any, ...]]:
        """The served subscriptions that have something to claim and may run more of it."""
        lane = "suspect" if demand.suspects else "ready"
        rows = await connection.rows(sql.PRESENT[lane])
        return [row for row in rows if row[0] in demand.subscriptions and (row[3] is None or row[3] > 0)]

    async def _claim(self, connection: Connection, demand: Demand) -> list[Delivery]:
        present = await self._present(connection, demand)
        bounded = sorted(row[0] for row in present if row[1] or row[3] is not None)
        for subscription in bounded:  # counting what runs needs others not to claim meanwhile
            await connection.lock(f"subscription {subscription}")
        if bounded:
            present = await self._present(connection, demand)
        if not present:
            return []
        self._turn = (self._turn + 1) % len(present)  # whoever is first gets the remainder, so take turns
        present = present[self._turn :] + present[: self._turn]
        claimed: list[Delivery] = []
        for position, (subscription, order, timeout, free) in enumerate(present):
            left = demand.limit - len(claimed)
            share = -(-left // (len(present) - position))
            limit = share if free is None else min(share, free)
            if limit > 0:
                claimed += await self._claim_from(connection, demand, subscription, order, timeout, limit)
        return claimed

    async def _claim_from(
        self, connection: Connection, demand: Demand, subscription: str, order: int, timeout: float, limit: int
    ) -> list[Delivery]:
        params: dict[str, Any] = {
            "subscription": subscription,
            "limit": limit,
            "owner": demand.owner,
            "lease": demand.lease,
            "timeout": timeout,
            "mono": self._clock.monotonic(),
            "boot": self._boot,
        }
        if order == sql.BLOCKING and (held := await connection.rows(sql.HELD, {"subscription": subscription})):
            order = sql.HOLDING
            params["ids"] = json.dumps([row[0] for row in held])
        return sorted_deliveries(
            await connection.rows(sql.CLAIM["suspect" if demand.suspects else "ready", order], params)
        )

    @contextmanager
    def listen(self, notify: Callable[[], None], *, suspects: bool = False) -> Iterator[None]:
        """A database tells of everything; the rare suspects are not looked for at each message."""
        with self._suspicion.listen(notify), self.database.listen(damped(notify, GLANCE) if suspects else notify):
            yield

    async def beat(self, owner: str, lease: float) -> list[Held]:
        params = {"owner": owner, "lease": lease, "mono": self._clock.monotonic(), "overtime": OVERTIME}
        rows = await self.database.write(lambda connection: connection.rows(sql.BEAT, params))
        return [Held(handle, token, bool(cancel), overdue) for handle, token, cancel, overdue in rows]

    async def owners(self) -> list[str]:
        return [row[0] for row in await self.database.read(lambda connection: connection.rows(sql.OWNERS))]

    async def reap(self, died: Died = unheard) -> int:
        params = self._crash_params()
        lapsed = await self.database.read(lambda connection: connection.rows(sql.LAPSED, params))
        return await self._take_back(sql.REAP, params, died) if lapsed[0][0] else 0

    async def suspects(self, of: Collection[str] | None = None) -> int:
        found = await self.database.read(lambda connection: connection.rows(sql.SUSPECTS))
        return sum(count for subscription, count in found if of is None or subscription in of)

    async def abandon(self, owner: str, died: Died = unheard) -> int:
        return await self._take_back(sql.ABANDON, self._crash_params() | {"owner": owner}, died)

    def _crash_params(self) -> dict[str, Any]:
        return {
            "boot": self._boot,
            "mono": self._clock.monotonic(),
            "now": self._clock.now(),
            "max_crashes": MAX_CRASHES,
            "error": _LOST,
        }

    async def _take_back(self, statement: str, params: dict[str, Any], died: Died) -> int:
        total = 0
        while rows := await self.database.write(lambda connection: connection.rows(statement, params)):
            total += len(rows)
            for state, message, subscription, traceparent in rows:
                if state == "dead":
                    died(f"{message}:{subscription}", traceparent)
        if total:
            self._suspicion.ring()
            self.database.announce()
        return total

    async def cancel(self, message_id: str) -> bool:
        async def work(connection: Connection) -> int:
            params = {"id": message_id}
            return await connection.run(sql.CANCEL_WAITING, params) + await connection.run(sql.CANCEL_RUNNING, params)

        return await self.database.write(work) > 0

    async def unfinished(self, query: UnfinishedQuery) -> list[Unfinished]:
        params = {
            "subscription": query.subscription,
            "limit": min(query.limit, MAX_LISTED),
            "most": MAX_SHOWN,
            "looked": MAX_LOOKED,
        }
        statement = sql.UNFINISHED[query.state, query.last]
        rows = await self.database.read(lambda connection: connection.rows(statement, params), long=True)
        return [Unfinished._make(row) for row in rows]

    async def dead(self, query: DeadQuery) -> list[DeadLetter]:
        params = dead_params(query)
        rows = await self.database.read(lambda connection: connection.rows(sql.DEAD, params), long=True)
        return [DeadLetter._make(row) for row in rows]

    async def redrive(self, query: DeadQuery) -> int:
        params = dead_params(query) | {"now": self._clock.now()}
        count = await self.database.write(lambda connection: connection.run(sql.REDRIVE, params))
        self.database.announce()
        return count

    async def discard(self, query: DeadQuery) -> int:
        params = dead_params(query)
        count = await self.database.write(lambda connection: connection.run(sql.DISCARD, params))
        self.database.announce()
        return count

    async def pause(self, step: str, paused: bool) -> int:
        params = {"step": step, "paused": int(paused)}

        async def work(connection: Connection) -> int:
            await connection.run(sql.PAUSE, params)
            return int((await connection.rows(sql.OF_STEP, params))[0][0])

        count = await self.database.write(work)
        self.database.announce()
        return count

    async def stats(self) -> list[SubscriptionStats]:
        rows = await self.database.read(lambda connection: connection.rows(sql.STATS), long=True)
        return stats_of(rows)

    async def tick(self, schedule: str, moment: float, messages: Sequence[Message]) -> bool:
        async def work(connection: Connection) -> bool:
            if not await connection.run(sql.TICK, {"id": schedule, "moment": moment}):
                return False
            await self._publish(connection, messages)
            return True

        fired = await self.database.write(work)
        if fired and messages:
            self.database.announce()
        return fired

    async def schedules(self) -> dict[str, ScheduleState]:
        rows = await self.database.read(lambda connection: connection.rows(sql.SCHEDULES))
        return {id: ScheduleState(last_tick, bool(paused)) for id, last_tick, paused in rows}

    async def pause_schedule(self, schedule: str, paused: bool, now: float) -> None:
        params = {"id": schedule, "paused": int(paused), "moment": now}
        await self.database.write(lambda connection: connection.run(sql.PAUSE_SCHEDULE, params))

    async def prune(self, dead_for: float) -> int:
        params = {"now": self._clock.now(), "dead_for": dead_for}

        async def work(connection: Connection) -> int:
            await connection.run(sql.PRUNE_DEDUPE, params)
            return await connection.run(sql.PRUNE_DEAD, params)

        if count := await self.database.write(work):
            self.database.announce()
        return count

    async def check(self) -> None:
        await check(self.database)

    async def close(self) -> None:
        await self.database.close()


async def _all_subscriptions(connection: Connection) -> list[tuple[Any, ...]]:
    return await connection.rows(sql.SUBSCRIPTIONS)

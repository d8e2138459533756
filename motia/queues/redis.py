"""The queue on Redis: streams with a consumer group per subscription; see ``motia.databases.redis_scripts``."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from operator import itemgetter
from typing import Any, Protocol

from motia.databases import redis_scripts as lua
from motia.databases.base import Connection
from motia.errors import InvalidName
from motia.messages import (
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

CAPABILITIES = Capabilities(transactional=False, remote=True)
PORTION = 250
"""Deliveries that one script settles, and as many that it claims: nobody else is served meanwhile."""
_EVERYTHING = 2**53
_LOST = "the worker died or lost its lease while it ran this"
_log = logging.getLogger("motia.queue")


class Driver(Protocol):
    """How scripts reach the server: on an event loop, or on the caller's thread."""

    server: Any

    async def call(self, script: str, arguments: Sequence[Any] = ()) -> Any: ...

    async def command(self, *words: Any) -> Any: ...


class RedisQueue:
    """See ``motia.queues.base.Queue`` for what each method promises."""

    capabilities = CAPABILITIES

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._turn = 0

    async def migrate(self) -> None:
        """There are no tables; say what of the server's settings would lose messages."""
        settings = {}
        for name in ("save", "appendonly", "maxmemory", "maxmemory-policy"):
            found = await self._driver.command("CONFIG", "GET", name)
            settings[name] = _value_of(found)
        if settings["appendonly"] == "no" and settings["save"] == "":
            _log.warning("this Redis keeps nothing on disk: a restart loses all messages; turn its appendonly on")
        elif settings["appendonly"] == "no":
            _log.warning("this Redis saves now and then: a crash loses the messages since; turn its appendonly on")
        if settings["maxmemory"] not in {None, "0"} and settings["maxmemory-policy"] != "noeviction":
            _log.warning("this Redis may evict messages when its memory is full; set maxmemory-policy to noeviction")

    async def subscribe(self, subscriptions: Sequence[Subscription], *, steps: Collection[str]) -> None:
        wanted = [{**asdict(item), "scope_group": item.group, "scope_key": item.key} for item in subscriptions]
        await self._driver.call(lua.SUBSCRIBE, [json.dumps(wanted), json.dumps(sorted(steps))])

    async def subscribers(self, topic: str) -> int:
        return int(await self._driver.command("HLEN", f"{self._driver.server.prefix}topic:{topic}") or 0)

    async def publish(self, messages: Sequence[Message], *, via: Connection | None = None) -> list[Receipt]:
        if via is not None:
            via.messages.extend(messages)  # type: ignore[attr-defined]  # Outgoing: the script of a change sends them
            return [Receipt(message.id) for message in messages]
        first = await self._driver.call(lua.PUBLISH, message_arguments(messages))
        self._driver.server.announce()
        return [
            Receipt(id.decode(), duplicate=id.decode() != message.id)
            for id, message in zip(first, messages, strict=True)
        ]

    async def exchange(self, settlements: Sequence[Settlement], demand: Demand | None = None) -> Exchange:
        """As many scripts as it takes for each to be short; only the last one claims, and no more than a portion."""
        settled: list[bool] = []
        while len(settlements) > PORTION:
            settled += (await self._exchange(settlements[:PORTION], None)).settled
            settlements = settlements[PORTION:]
        if demand is None or demand.limit <= PORTION:
            found = await self._exchange(settlements, demand)
            more = False
        else:
            found = await self._exchange(settlements, replace(demand, limit=PORTION))
            more = len(found.deliveries) == PORTION
        return Exchange(settled + found.settled, found.deliveries, found.next_due, more) if settled or more else found

    async def _exchange(self, settlements: Sequence[Settlement], demand: Demand | None) -> Exchange:
        self._turn = (self._turn + 1) % 1_000_000
        wanted = demand or Demand("", 0, ())
        others = [at for at, item in enumerate(settlements) if item.kind != "done"]
        done = [at for at, item in enumerate(settlements) if item.kind == "done"]
        told = json.dumps([_told(settlements[at]) for at in others])
        arguments: list[Any] = [told, wanted.owner, wanted.lease, int(wanted.suspects), self._turn, wanted.limit]
        arguments += (len(wanted.subscriptions), *wanted.subscriptions)
        for at in done:
            arguments += settlements[at][:2]
        found, claimed, due = await self._driver.call(lua.EXCHANGE, arguments)
        settled = [True] * len(settlements)
        if found:
            order = others + done
            for at in found:
                settled[order[at]] = False
        return Exchange(settled, _deliveries(claimed), max(0.0, float(due)) if due else None)

    async def settle(self, settlement: Settlement, *, via: Connection) -> bool:
        return (await self.exchange([settlement])).settled[0]

    def listen(self, notify: Callable[[], None], *, suspects: bool = False) -> AbstractContextManager[None]:
        kind = "suspects" if suspects else "queue"
        listening: AbstractContextManager[None] = self._driver.server.listen(kind, notify)
        return listening

    async def beat(self, owner: str, lease: float) -> list[Held]:
        rows = await self._driver.call(lua.BEAT, [owner, lease, OVERTIME])
        return [Held(row[0].decode(), row[1], row[2] == 1, float(row[3])) for row in rows]

    async def owners(self) -> list[str]:
        found = await self._driver.command("SMEMBERS", f"{self._driver.server.prefix}owners")
        return sorted(owner.decode() for owner in found)

    async def reap(self, died: Died = unheard) -> int:
        return await self._all_of(lua.REAP, [MAX_CRASHES, _LOST], died)

    async def suspects(self, of: Collection[str] | None = None) -> int:
        found = await self._driver.call(lua.SUSPECTS)
        counts = zip(found[::2], found[1::2], strict=True)
        return sum(int(count) for name, count in counts if of is None or name.decode() in of)

    async def abandon(self, owner: str, died: Died = unheard) -> int:
        return await self._all_of(lua.ABANDON, [MAX_CRASHES, _LOST, owner], died)

    async def _all_of(self, script: str, arguments: Sequence[Any], died: Died) -> int:
        total, count = 0, 1
        while count:
            count, *dead = await self._driver.call(script, arguments)
            total += count
            for id, traceparent in zip(dead[::2], dead[1::2], strict=True):
                died(id.decode(), traceparent.decode())
        if total:
            self._driver.server.announce()
        return total

    async def cancel(self, message_id: str) -> bool:
        return int(await self._driver.call(lua.CANCEL, [message_id])) > 0

    async def unfinished(self, query: UnfinishedQuery) -> list[Unfinished]:
        limit = min(query.limit, MAX_LISTED)
        asked = [query.subscription, query.state, limit, int(query.last), MAX_SHOWN, MAX_LOOKED]
        return [_unfinished(query.subscription, row) for row in await self._driver.call(lua.UNFINISHED, asked)]

    async def dead(self, query: DeadQuery) -> list[DeadLetter]:
        rows = await self._driver.call(lua.DEAD, [_dead_query(query)])
        return [_dead_letter(row) for row in rows]

    async def redrive(self, query: DeadQuery) -> int:
        count = int(await self._driver.call(lua.REDRIVE, [_dead_query(query)]))
        self._driver.server.announce()
        return count

    async def discard(self, query: DeadQuery) -> int:
        count = int(await self._driver.call(lua.DISCARD, [_dead_query(query)]))
        self._driver.server.announce()
        return count

    async def pause(self, step: str, paused: bool) -> int:
        count = int(await self._driver.call(lua.PAUSE, [step, int(paused)]))
        self._driver.server.announce()
        return count

    async def stats(self) -> list[SubscriptionStats]:
        found = json.loads(await self._driver.call(lua.STATS))
        rows = sorted(found.items()) if found else []
        return [
            SubscriptionStats(
                id,
                item.get("topic", ""),
                item.get("step", ""),
                item["ready"],
                item["scheduled"],
                item["running"],
                item["dead"],
                bool(item.get("paused")),
                item["blocked"],
            )
            for id, item in rows
            if "step" in item or item["ready"] + item["blocked"] + item["scheduled"] + item["running"] + item["dead"]
        ]

    async def tick(self, schedule: str, moment: float, messages: Sequence[Message]) -> bool:
        fired = int(await self._driver.call(lua.TICK, [schedule, repr(moment), *message_arguments(messages)]))
        if fired and messages:
            self._driver.server.announce()
        return fired == 1

    async def schedules(self) -> dict[str, ScheduleState]:
        prefix = self._driver.server.prefix
        last = await self._driver.command("HGETALL", f"{prefix}cron")
        off = {item.decode() for item in await self._driver.command("SMEMBERS", f"{prefix}cronoff")}
        pairs = last.items() if isinstance(last, dict) else zip(last[::2], last[1::2], strict=True)
        return {id.decode(): ScheduleState(float(moment), id.decode() in off) for id, moment in pairs}

    async def pause_schedule(self, schedule: str, paused: bool, now: float) -> None:
        await self._driver.call(lua.PAUSE_SCHEDULE, [schedule, int(paused), repr(now)])

    async def prune(self, dead_for: float) -> int:
        total = 0
        while count := int(await self._driver.call(lua.PRUNE, [dead_for])):
            total += count
        return total

    async def check(self) -> None:
        """By a write: a server that is full, cannot save, or is a replica refuses it."""
        await self._driver.call(lua.CHECK)

    async def close(self) -> None:
        await self._driver.server.close()


def message_arguments(messages: Sequence[Message]) -> list[str]:
    """Messages as the scripts take them.

    Raises:
        InvalidName: a topic or group holds a zero byte, which ends it on the server.
    """
    found: list[str] = []
    for item in messages:
        for name in (item.topic, item.group):
            if name is not None and "\0" in name:
                raise InvalidName(f"expected a topic or group without NUL, got {name!r}", name)
        found += (item.id, item.topic, item.payload, item.traceparent, _options(item))
    return found


def _options(item: Message) -> str:
    options: dict[str, Any] = {}
    if item.key is not None:
        options |= {"key": item.key, "window": item.dedupe_window}
    if item.relayed:
        options["relayed"] = RELAY_WINDOW
    if item.group is not None:
        options["group"] = item.group
    if item.priority:
        options["priority"] = item.priority
    if item.delay:
        options["delay"] = item.delay
    if item.at is not None:
        options["at"] = item.at
    if item.scope != (None, None):
        options |= {"scope_group": item.scope[0], "scope_key": item.scope[1]}
    return json.dumps(options) if options else ""


def _told(item: Settlement) -> list[Any]:
    return [item.handle, item.token, item.kind, item.delay, item.reason or "", item.error or ""]


def _deliveries(claimed: Sequence[tuple[bytes, int, Sequence[Any]]]) -> list[Delivery]:
    """What an exchange has claimed: for each subscription the token before the first, and its deliveries."""
    ranked = []
    for name, before, rows in claimed:
        subscription = name.decode()
        ranked += [_delivery(subscription, token, row) for token, row in enumerate(rows, before + 1)]
    if any(rank for rank, _ in ranked):
        ranked.sort(key=itemgetter(0))
    return [delivery for _, delivery in ranked]


def _delivery(subscription: str, token: int, row: Any) -> tuple[int, Delivery]:
    """A delivery and its rank, lower is sooner. The script `forms` says how it is written."""
    text, attempt, crashes, changed, parked = (row, 1, 0, b"", b"") if isinstance(row, bytes) else row
    kind, id, topic, traceparent, created, priority, due, group, _, payload = text.decode().split("\0", 9)
    return -int(priority), Delivery(
        f"{id}:{subscription}",
        id,
        subscription,
        topic,
        payload,
        traceparent,
        token,
        attempt,
        crashes,
        float(changed or due),
        float(created),
        group if kind == "=" else None,
        float(parked) if parked else None,
    )


def _unfinished(subscription: str, row: Sequence[Any]) -> Unfinished:
    """What the script `unfinished` tells of a delivery; the end of a long text is not there."""
    text, length, attempt, crashes, changed, owner, reason, error = row
    kind, id, topic, traceparent, created, priority, due, group, _, payload = text.split(b"\0", 9)
    size = length - len(text) + len(payload)
    return Unfinished(
        id.decode(),
        subscription,
        topic.decode(),
        payload.decode() if size <= MAX_SHOWN else None,
        size,
        traceparent.decode(),
        int(attempt),
        int(crashes),
        float(changed or due),
        float(created),
        group.decode() if kind == b"=" else None,
        int(priority),
        owner.decode() or None,
        reason.decode() or None,
        error.decode() or None,
    )


def _dead_query(query: DeadQuery) -> str:
    limit = _EVERYTHING if query.limit is None else query.limit
    return json.dumps({"ids": None if query.ids is None else list(query.ids), "step": query.step, "limit": limit})


def _dead_letter(row: Sequence[bytes]) -> DeadLetter:
    id, subscription, topic, attempts, crashes, reason, error, payload, traceparent, dead_at = (
        item.decode() for item in row
    )
    return DeadLetter(
        id,
        subscription,
        topic,
        int(attempts),
        int(crashes),
        reason,
        error or None,
        payload,
        traceparent,
        float(dead_at),
    )


def _value_of(found: Any) -> str | None:
    """The one value of a ``CONFIG GET``; None where the server does not tell."""
    if isinstance(found, dict):
        found = [item for pair in found.items() for item in pair]
    if not found or len(found) < 2:
        return None
    value = found[1]
    return value.decode() if isinstance(value, bytes) else str(value)

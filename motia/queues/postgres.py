"""The queue on PostgreSQL: a worker's usual turn, and the usual sending of many, as one statement, which is one round
trip and one commit.

Everything else is ``SqlQueue``'s, and so is the turn when something other than ``done`` is to be said, or for
subscriptions that want an order or a bound, which needs locks.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from motia.databases.base import Connection
from motia.messages import Delivery, Exchange, Message, Settlement
from motia.queues import statements as sql
from motia.queues.base import Demand
from motia.queues.rows import message_params, sorted_deliveries
from motia.queues.sql import SqlQueue

# The commit need not wait for the disk: a crash of the server may undo a claim or an acknowledgement, and then the
# delivery runs again, which it may at any time. What was published is on disk.
# `IS NOT DISTINCT FROM` keeps the planner from the index of what runs, which is long with dead entries, to the key.
# All parts of a statement see the same rows, so what is promoted here is claimed by another one. `present` steps
# through the index from one subscription to the next, however many deliveries each has.
TURN = """
WITH RECURSIVE
done AS (
    DELETE FROM motia_delivery d
    USING unnest(CAST(:handles AS bigint[]), CAST(:tokens AS integer[])) AS held (seq, token)
    WHERE d.seq = held.seq AND d.token = held.token AND d.state IS NOT DISTINCT FROM 'running'
    RETURNING d.seq
),
due AS (
    UPDATE motia_delivery SET state = CASE WHEN crashes > 0 THEN 'suspect' ELSE 'ready' END
    WHERE seq = ANY (ARRAY(
        SELECT seq FROM motia_delivery WHERE state = 'scheduled' AND due_at <= :now
        ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED))
    RETURNING seq
),
present (id) AS (
    SELECT min(subscription_id) FROM motia_delivery WHERE state = 'ready'
    UNION ALL
    SELECT (SELECT min(subscription_id) FROM motia_delivery WHERE state = 'ready' AND subscription_id > present.id)
    FROM present WHERE present.id IS NOT NULL
),
served AS (
    SELECT s.id, s.timeout, s.fifo = 1 OR s.concurrency IS NOT NULL AS bounded
    FROM present JOIN motia_subscription s ON s.id = present.id
    WHERE s.paused = 0 AND s.id = ANY (CAST(:subscriptions AS text[]))
),
share AS (
    SELECT ceil(CAST(CAST(:limit AS integer) AS numeric) / greatest(1, count(*))) AS size FROM served WHERE NOT bounded
),
chosen AS (
    SELECT q.seq, served.timeout FROM served CROSS JOIN LATERAL (
        SELECT seq FROM motia_delivery WHERE state = 'ready' AND subscription_id = served.id
        ORDER BY priority DESC, seq LIMIT (SELECT size FROM share) FOR UPDATE SKIP LOCKED
    ) q WHERE NOT served.bounded LIMIT CAST(:limit AS integer)
),
claimed AS (
    UPDATE motia_delivery d SET
        state = 'running', token = token + 1, attempt = attempt + 1, owner = :owner, boot = :boot,
        lease_until = :mono + CAST(:lease AS double precision), deadline = :mono + chosen.timeout, cancel_requested = 0
    FROM chosen WHERE d.seq = chosen.seq
    RETURNING d.seq, message_id, subscription_id, topic, payload, traceparent, token, attempt, crashes, due_at,
              created_at, fifo_key, parked_at, priority
)
SELECT *, NULL AS found FROM claimed
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       CAST(json_build_object(
           'done', (SELECT json_agg(seq) FROM done),
           'due', (SELECT count(*) FROM due),
           'share', (SELECT size FROM share),
           'bounded', (SELECT json_agg(id) FROM served WHERE bounded),
           'commit', (SELECT set_config('synchronous_commit', 'off', true)),
           'next', (SELECT min(due_at) - :now FROM motia_delivery WHERE state = 'scheduled' AND due_at > :now)
       ) AS text)
"""
# Messages that differ in id, payload and trace alone. The arrays are text first: a caller's driver may want lists.
_PUBLISH_ALIKE = (
    sql.PUBLISH.replace(":id,", "m.id,")
    .replace(":payload", "m.payload")
    .replace(":traceparent", "m.traceparent")
    .replace(
        "FROM motia_subscription s",
        "FROM unnest(CAST(CAST(:ids AS text) AS text[]), CAST(CAST(:payloads AS text) AS text[]), "
        "CAST(CAST(:traceparents AS text) AS text[])) "
        "WITH ORDINALITY AS m (id, payload, traceparent, position) CROSS JOIN motia_subscription s",
    )
    .replace("ON CONFLICT", "ORDER BY m.position ON CONFLICT")
)


class PostgresQueue(SqlQueue):
    """See ``motia.queues.base.Queue`` for what each method promises."""

    def _is_one_statement(self, messages: Sequence[Message]) -> bool:
        if len(messages) == 1:
            return self._is_plain(messages)
        plain = all(message.key is None and not message.relayed for message in messages)
        return plain and len({_likeness(message) for message in messages}) == 1

    async def _insert(self, connection: Connection, messages: Sequence[Message], now: float) -> None:
        alike = [list(group) for _, group in groupby(messages, _likeness)] if len(messages) > 1 else []
        if not alike or 2 * len(alike) > len(messages):
            await super()._insert(connection, messages, now)
            return
        for group in alike:
            params = message_params(group[0], now)
            params["ids"] = _texts([message.id for message in group])
            params["payloads"] = _texts([message.payload for message in group])
            params["traceparents"] = _texts([message.traceparent for message in group])
            await connection.run(_PUBLISH_ALIKE, params)

    async def exchange(self, settlements: Sequence[Settlement], demand: Demand | None = None) -> Exchange:
        if (demand and demand.suspects) or any(item.kind != "done" for item in settlements):
            return await super().exchange(settlements, demand)
        limit = demand.limit if demand else 0
        params = {
            "handles": _numbers([item.handle for item in settlements]),
            "tokens": _numbers([item.token for item in settlements]),
            "subscriptions": list(demand.subscriptions) if demand and limit > 0 else [],
            "limit": limit,
            "owner": demand.owner if demand else None,
            "lease": demand.lease if demand else 0.0,
        }
        rows = await self.database.write(lambda connection: connection.rows(TURN, params), single=True)
        found: dict[str, Any] = json.loads(rows.pop()[-1])
        gone = set(found["done"] or ())
        deliveries = sorted_deliveries(rows)
        turn = Exchange([item.handle in gone for item in settlements], deliveries, found["next"])
        if demand is None or len(deliveries) >= limit:
            return turn
        if found["bounded"]:
            rest = replace(demand, limit=limit - len(deliveries), subscriptions=found["bounded"])
            deliveries += await self.database.write(lambda connection: self._claim(connection, rest))
        if found["due"] and len(deliveries) < limit:
            promoted = await self.exchange([], replace(demand, limit=limit - len(deliveries)))
            deliveries += promoted.deliveries
            return turn._replace(next_due=promoted.next_due, more=promoted.more)
        return turn._replace(more=_was_cut(deliveries, limit, found["share"]))


def _likeness(message: Message) -> Message:
    return message._replace(id="", payload="", traceparent="")


def _numbers(values: Sequence[int]) -> str:
    """An array in PostgreSQL's own words, which psycopg would find one value at a time."""
    return f"{{{','.join(map(str, values))}}}"


def _texts(values: Sequence[str]) -> str:
    quoted = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return '{"' + '","'.join(quoted) + '"}'


def _was_cut(deliveries: Sequence[Delivery], limit: int, share: int) -> bool:
    """Whether a subscription got its whole share while others left some of theirs."""
    if len(deliveries) >= limit:
        return False
    return any(count >= share for count in Counter(item.subscription for item in deliveries).values())

"""The SQL of the queue, written for SQLite and kept to what a server's dialect can be made of word by word.

``:now`` is wall time, ``:mono`` the clock of leases, ``:boot`` the run of the machine that clock belongs to. All
reckoning with time is done here, so that a server can put its own clock in their place. ``seq IN (… /*locked*/)`` is a
choice of rows that nobody else holds.
"""

from __future__ import annotations

PUBLISH = """
INSERT INTO motia_delivery
    (message_id, subscription_id, topic, payload, traceparent, state, priority, fifo_key, due_at, created_at)
SELECT :id, s.id, :topic, :payload, :traceparent,
       CASE WHEN coalesce(:at, :now + :delay + s.delay) > :now THEN 'scheduled' ELSE 'ready' END,
       :priority, CASE WHEN s.fifo = 1 THEN coalesce(:group, '') END,
       coalesce(:at, :now + :delay + s.delay), :now
FROM motia_subscription s
WHERE s.topic = :topic
  AND (s.scope_group IS NULL OR s.scope_group = :scope_group)
  AND (s.scope_key IS NULL OR s.scope_key = :scope_key)
ON CONFLICT (message_id, subscription_id) DO NOTHING
"""

DEDUPE = """
INSERT INTO motia_dedupe (topic, dedupe_key, message_id, expires_at) VALUES (:topic, :key, :id, :now + :window)
ON CONFLICT (topic, dedupe_key) DO UPDATE SET message_id = excluded.message_id, expires_at = excluded.expires_at
WHERE motia_dedupe.expires_at <= :now
"""
DEDUPE_FIRST = "SELECT message_id FROM motia_dedupe WHERE topic = :topic AND dedupe_key = :key"

SUBSCRIBERS = "SELECT count(*) FROM motia_subscription WHERE topic = :topic"
SUBSCRIPTIONS = """
SELECT id, topic, step, scope_group, scope_key, fifo, delay, concurrency, timeout, blocks FROM motia_subscription
"""
SUBSCRIBE = """
INSERT INTO motia_subscription (id, topic, step, scope_group, scope_key, fifo, delay, concurrency, timeout, blocks)
VALUES (:id, :topic, :step, :scope_group, :scope_key, :fifo, :delay, :concurrency, :timeout, :blocks)
ON CONFLICT (id) DO UPDATE SET
    topic = excluded.topic, step = excluded.step, scope_group = excluded.scope_group, scope_key = excluded.scope_key,
    fifo = excluded.fifo, delay = excluded.delay, concurrency = excluded.concurrency, timeout = excluded.timeout,
    blocks = excluded.blocks
"""
UNSUBSCRIBE = "DELETE FROM motia_subscription WHERE id = :id"

# Until the next scheduled delivery falls due; below zero when it is time.
NEXT_DUE = "SELECT min(due_at) - :now FROM motia_delivery WHERE state = 'scheduled'"
PEEK = """
SELECT (SELECT min(due_at) - :now FROM motia_delivery WHERE state = 'scheduled'),
       EXISTS (SELECT 1 FROM motia_delivery WHERE state = 'ready')
           OR EXISTS (SELECT 1 FROM motia_delivery WHERE state = 'suspect')
"""
PROMOTE = """
UPDATE motia_delivery SET state = CASE WHEN crashes > 0 THEN 'suspect' ELSE 'ready' END
WHERE seq IN (
    SELECT seq FROM motia_delivery WHERE state = 'scheduled' AND due_at <= :now ORDER BY due_at LIMIT 1000 /*locked*/)
"""

_PRESENT = """
WITH RECURSIVE present (id) AS (
    SELECT min(subscription_id) FROM motia_delivery WHERE state = '{lane}'
    UNION ALL
    SELECT (SELECT min(subscription_id) FROM motia_delivery WHERE state = '{lane}' AND subscription_id > present.id)
    FROM present WHERE present.id IS NOT NULL
)
SELECT s.id, s.fifo + s.fifo * s.blocks, s.timeout,
       s.concurrency - (SELECT count(*) FROM motia_delivery r WHERE r.state = 'running' AND r.subscription_id = s.id
                        AND s.concurrency IS NOT NULL)
FROM present JOIN motia_subscription s ON s.id = present.id
WHERE s.paused = 0
"""
_CLAIM = """
UPDATE motia_delivery SET
    state = 'running', token = token + 1, attempt = attempt + 1, owner = :owner, boot = :boot,
    lease_until = :mono + :lease, deadline = :mono + :timeout, cancel_requested = 0
WHERE seq IN (
    SELECT q.seq FROM motia_delivery q WHERE q.state = '{lane}' AND q.subscription_id = :subscription {in_order}
    ORDER BY {order} LIMIT :limit /*locked*/)
RETURNING seq, message_id, subscription_id, topic, payload, traceparent, token, attempt, crashes, due_at, created_at,
          fifo_key, parked_at, priority
"""
_IN_ORDER = """
    AND NOT EXISTS (
        SELECT 1 FROM motia_delivery e
        WHERE e.subscription_id = q.subscription_id AND e.fifo_key = q.fifo_key AND e.seq <> q.seq
          AND (e.state = 'running' OR (e.seq < q.seq AND e.state IN ('ready', 'scheduled', 'suspect'{dead})))
    )
"""
# By `fifo` and `blocks` added up: what has no order, what has one, and what its dead letters hold back besides. The
# last is for a subscription that has some: long groups behind them are passed over, without a look at each delivery.
HELD = """
SELECT d.fifo_key FROM motia_delivery d
WHERE d.state = 'dead' AND d.subscription_id = :subscription AND d.fifo_key IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM motia_delivery e
    WHERE e.subscription_id = d.subscription_id AND e.fifo_key = d.fifo_key AND e.seq < d.seq)
"""
UNORDERED, IN_ORDER, BLOCKING, HOLDING = range(4)
_STRICT = _IN_ORDER.format(dead=", 'dead'")
_ORDERED = {
    UNORDERED: "",
    IN_ORDER: _IN_ORDER.format(dead=""),
    BLOCKING: _STRICT,
    HOLDING: "AND q.fifo_key NOT IN (SELECT value FROM json_each(:ids))" + _STRICT,
}
# Of suspects the least suspicious first: an innocent one that was hit twice waits until the trouble is over.
_ORDERS = {"ready": "q.priority DESC, q.seq", "suspect": "q.crashes, q.priority DESC, q.seq"}
PRESENT = {lane: _PRESENT.format(lane=lane) for lane in _ORDERS}
CLAIM = {
    (lane, kind): _CLAIM.format(lane=lane, order=order, in_order=in_order)
    for lane, order in _ORDERS.items()
    for kind, in_order in _ORDERED.items()
}

_MINE = "WHERE seq = :handle AND token = :token AND state = 'running'"
_FREE = "owner = NULL, boot = NULL, lease_until = NULL, deadline = NULL"
_BACK = "CASE WHEN crashes > 0 THEN 'suspect' ELSE 'ready' END"
DONE_ALL = """
DELETE FROM motia_delivery
WHERE state = 'running' AND (seq, token) IN (SELECT value ->> 0, value ->> 1 FROM json_each(:held))
RETURNING seq
"""
SETTLE = {
    "done": f"DELETE FROM motia_delivery {_MINE}",
    "retry": f"""
        UPDATE motia_delivery SET state = 'scheduled', due_at = :now + :delay, reason = :reason, error = :error, {_FREE}
        {_MINE}
    """,
    "dead": f"""
        UPDATE motia_delivery SET state = 'dead', dead_at = :now, reason = :reason, error = :error, {_FREE} {_MINE}
    """,
    "release": f"UPDATE motia_delivery SET state = {_BACK}, attempt = attempt - 1, {_FREE} {_MINE}",
    "park": f"""
        UPDATE motia_delivery SET state = 'scheduled', due_at = :now + :delay, attempt = attempt - 1,
            parked_at = coalesce(parked_at, :now), reason = :reason, error = :error, {_FREE}
        {_MINE}
    """,
}

# Who is past its deadline and did not heed the cancellation is not renewed: its lease lapses, as a crash.
BEAT = """
UPDATE motia_delivery
SET lease_until = CASE WHEN :mono > deadline + :overtime THEN lease_until ELSE :mono + :lease END
WHERE state = 'running' AND owner = :owner
RETURNING seq, token, cancel_requested, :mono - deadline
"""
OWNERS = "SELECT DISTINCT owner FROM motia_delivery WHERE state = 'running'"
_CRASH = """
UPDATE motia_delivery SET
    state = CASE WHEN crashes + 1 >= :max_crashes THEN 'dead' ELSE 'suspect' END,
    dead_at = CASE WHEN crashes + 1 >= :max_crashes THEN :now END,
    crashes = crashes + 1, reason = 'worker_lost', error = :error,
    owner = NULL, lease_until = NULL, deadline = NULL
WHERE seq IN (SELECT seq FROM motia_delivery WHERE state = 'running' AND {lost} LIMIT 500 /*locked*/)
RETURNING state, message_id, subscription_id, traceparent
"""
LAPSED = "SELECT count(*) FROM motia_delivery WHERE state = 'running' AND (boot <> :boot OR lease_until < :mono)"
REAP = _CRASH.format(lost="(boot <> :boot OR lease_until < :mono)")
ABANDON = _CRASH.format(lost="owner = :owner")

SUSPECTS = """
SELECT subscription_id, count(*) FROM motia_delivery
WHERE state = 'suspect' AND subscription_id NOT IN (SELECT id FROM motia_subscription WHERE paused = 1)
GROUP BY subscription_id
"""

_SEEN = """
SELECT d.message_id, d.subscription_id, d.topic, CASE WHEN length(d.payload) <= :most THEN d.payload END,
       length(d.payload), d.traceparent, d.attempt, d.crashes, d.due_at, d.created_at, d.fifo_key, d.priority, d.owner,
       d.reason, d.error
"""
# What is far behind others of other subscriptions is not gone through: there is one index of due times for all.
_SCHEDULED = f"""{_SEEN}
FROM (SELECT q.seq AS found FROM (
          SELECT seq, subscription_id, due_at FROM motia_delivery WHERE state = 'scheduled'
          ORDER BY due_at {{turn}} LIMIT :looked) q
      WHERE q.subscription_id = :subscription ORDER BY q.due_at {{turn}}, q.seq {{turn}} LIMIT :limit) chosen
JOIN motia_delivery d ON d.seq = chosen.found ORDER BY d.due_at {{turn}}, d.seq {{turn}}
"""
_IN_TURN = {
    ("ready", False): "d.priority DESC, d.seq",
    ("ready", True): "d.priority, d.seq DESC",
    ("suspect", False): "d.crashes, d.priority DESC, d.seq",
    ("suspect", True): "d.crashes DESC, d.priority, d.seq DESC",
    ("running", False): "d.seq",
    ("running", True): "d.seq DESC",
}
UNFINISHED = {
    (state, last): f"""{_SEEN}
FROM motia_delivery d WHERE d.state = '{state}' AND d.subscription_id = :subscription ORDER BY {order} LIMIT :limit
"""
    for (state, last), order in _IN_TURN.items()
} | {("scheduled", last): _SCHEDULED.format(turn="DESC" if last else "") for last in (False, True)}

CANCEL_WAITING = """
DELETE FROM motia_delivery WHERE message_id = :id AND state IN ('ready', 'scheduled', 'suspect')
"""
# Always a change, so that every database counts it.
CANCEL_RUNNING = """
UPDATE motia_delivery SET cancel_requested = cancel_requested + 1 WHERE message_id = :id AND state = 'running'
"""

DEAD_WHERE = """
    state = 'dead'
    AND (:all_ids = 1 OR message_id || ':' || subscription_id IN (SELECT value FROM json_each(:ids)))
    AND (:all_steps = 1 OR subscription_id IN (SELECT id FROM motia_subscription WHERE step = :step)
         OR subscription_id = :step OR substr(subscription_id, 1, length(:step) + 1) = :step || '#')
"""
DEAD = f"""
SELECT message_id || ':' || subscription_id, subscription_id, topic, attempt, crashes, reason, error, payload,
       traceparent, dead_at
FROM motia_delivery WHERE {DEAD_WHERE} ORDER BY dead_at DESC, seq DESC LIMIT :limit
"""
_DEAD_SEQS = f"SELECT seq FROM motia_delivery WHERE {DEAD_WHERE} ORDER BY dead_at DESC, seq DESC LIMIT :limit"
REDRIVE = f"""
UPDATE motia_delivery SET state = 'ready', attempt = 0, crashes = 0, due_at = :now, dead_at = NULL, parked_at = NULL
WHERE seq IN ({_DEAD_SEQS} /*locked*/)
"""
DISCARD = f"DELETE FROM motia_delivery WHERE seq IN ({_DEAD_SEQS} /*locked*/)"
PRUNE_DEAD = "DELETE FROM motia_delivery WHERE state = 'dead' AND dead_at < :now - :dead_for"
PRUNE_DEDUPE = "DELETE FROM motia_dedupe WHERE expires_at <= :now"

PAUSE = "UPDATE motia_subscription SET paused = :paused WHERE step = :step"
OF_STEP = "SELECT count(*) FROM motia_subscription WHERE step = :step"
# The last part: what would be ready, were it not for a dead letter; the few dead letters are looked up first.
STATS = """
SELECT s.id, s.topic, s.step, s.paused, d.state, count(d.seq)
FROM motia_subscription s LEFT JOIN motia_delivery d ON d.subscription_id = s.id
GROUP BY s.id, s.topic, s.step, s.paused, d.state
UNION ALL
SELECT d.subscription_id, d.topic, '', 0, d.state, count(*)
FROM motia_delivery d WHERE d.subscription_id NOT IN (SELECT id FROM motia_subscription)
GROUP BY d.subscription_id, d.topic, d.state
UNION ALL
SELECT held.id, held.topic, held.step, held.paused, 'blocked', count(*)
FROM (SELECT s.id, s.topic, s.step, s.paused, e.fifo_key, min(e.seq) AS first
      FROM motia_subscription s JOIN motia_delivery e ON e.subscription_id = s.id
      WHERE s.blocks = 1 AND e.state = 'dead' AND e.fifo_key IS NOT NULL
      GROUP BY s.id, s.topic, s.step, s.paused, e.fifo_key) held
JOIN motia_delivery q ON q.subscription_id = held.id AND q.fifo_key = held.fifo_key AND q.seq > held.first
WHERE q.state IN ('ready', 'suspect')
GROUP BY held.id, held.topic, held.step, held.paused
"""

TICK = """
INSERT INTO motia_schedule (id, last_tick) VALUES (:id, :moment)
ON CONFLICT (id) DO UPDATE SET last_tick = excluded.last_tick
WHERE motia_schedule.last_tick < excluded.last_tick AND motia_schedule.paused = 0
"""
SCHEDULES = "SELECT id, last_tick, paused FROM motia_schedule"
PAUSE_SCHEDULE = """
INSERT INTO motia_schedule (id, last_tick, paused) VALUES (:id, :moment, :paused)
ON CONFLICT (id) DO UPDATE SET paused = excluded.paused,
    last_tick = CASE WHEN excluded.last_tick > motia_schedule.last_tick THEN excluded.last_tick
                     ELSE motia_schedule.last_tick END
"""

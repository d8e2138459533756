"""PostgreSQL's plans for what runs all the time: whatever is stored, a statement looks at what it wants and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from motia import Motia, queue, step
from motia.databases.postgres import SESSION
from motia.databases.postgres_dialect import translate
from motia.queues import statements as sql
from motia.queues.postgres import TURN

pytestmark = [pytest.mark.service, pytest.mark.parametrize("place", ["postgresql"], indirect=True)]
STORED = """
INSERT INTO motia_delivery
    (message_id, subscription_id, topic, payload, traceparent, state, due_at, created_at, dead_at)
SELECT 'stored' || n, CASE WHEN n % 3 = 2 THEN 'another' ELSE 'busy#busy' END, 'busy', '1', '',
       CASE n % 3 WHEN 0 THEN 'dead' WHEN 1 THEN 'scheduled' ELSE 'ready' END,
       extract(epoch FROM now()) + 10000, extract(epoch FROM now()), extract(epoch FROM now())
FROM generate_series(1, 6000) AS n
"""
PARAMS = {
    "handles": "{}",
    "tokens": "{}",
    "subscriptions": ["busy#busy"],
    "subscription": "busy#busy",
    "limit": 10,
    "owner": "me",
    "lease": 30.0,
    "timeout": 30.0,
    "overtime": 5.0,
    "max_crashes": 3,
    "error": "x",
}
OFTEN = {
    "turn": TURN,
    "promote": sql.PROMOTE,
    "next due": sql.NEXT_DUE,
    "peek": sql.PEEK,
    "present": sql.PRESENT["ready"],
    "claim": sql.CLAIM["ready", False],
    "claim in order": sql.CLAIM["ready", True],
    "beat": sql.BEAT,
    "owners": sql.OWNERS,
    "lapsed": sql.LAPSED,
    "reap": sql.REAP,
    "suspects": sql.SUSPECTS,
}


@step("busy", triggers=[queue("busy")])
async def busy(data: Any) -> None: ...


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def looked_at(node: dict[str, Any]) -> float:
    """Rows of deliveries that a scan came by."""
    if node.get("Relation Name") != "motia_delivery" or "Scan" not in node["Node Type"]:
        return 0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


@pytest.mark.parametrize("analysed", [False, True], ids=["never analysed", "analysed"])
async def test_what_is_stored_is_not_looked_through(place: str, analysed: bool) -> None:
    async with Motia(place, steps=[busy]) as motia:
        await motia.enqueue_many([("busy", n) for n in range(20)])
    with psycopg.connect(place, autocommit=True) as native:
        native.execute(SESSION)
        native.execute(STORED)
        if analysed:
            native.execute("ANALYZE motia_delivery")
        for name, statement in OFTEN.items():
            explain = "EXPLAIN (ANALYZE, FORMAT JSON) " + translate(statement)
            (answer,) = native.execute(explain, PARAMS).fetchone() or ()
            assert sum(map(looked_at, nodes(answer[0]["Plan"]))) < 200, name

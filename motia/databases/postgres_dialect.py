"""Our statements in the words of PostgreSQL, with the server's clock in them."""

from __future__ import annotations

import re
from functools import lru_cache

CHANNEL = "motia"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(:name, 7))"
NOTIFY = "SELECT pg_notify(:channel, '')"
HINT = "SELECT set_config('synchronous_commit', 'off', true), pg_notify(:channel, '')"
"""The same in a transaction of its own, which need not wait for the disk."""
SETTINGS = "".join(f"SET enable_{way} = off;" for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"))
"""Every statement of ours has its index. A plan made while the tables were empty must not outlive that."""
_CLOCK = "date_part('epoch', statement_timestamp())"
_WORDS = {"now": _CLOCK, "mono": _CLOCK, "boot": "'server'"}
_NAME = re.compile(r"(?<!:):([a-z_]+)")


def spoken(sql: str) -> str:
    """A statement of ours in PostgreSQL's words, with our parameters."""
    if "/*locked*/" in sql:
        sql = sql.replace(" seq IN (", " seq = ANY (ARRAY(").replace("/*locked*/)", "FOR UPDATE SKIP LOCKED))")
    sql = sql.replace(
        "SELECT value ->> 0, value ->> 1 FROM json_each(:held)",
        "SELECT CAST(value ->> 0 AS bigint), CAST(value ->> 1 AS integer) "
        "FROM json_array_elements(CAST(:held AS json))",
    ).replace("SELECT value FROM json_each(:ids)", "SELECT json_array_elements_text(CAST(:ids AS json))")
    return _NAME.sub(lambda name: _WORDS.get(name[1], name[0]), sql)


@lru_cache(maxsize=512)
def translate(sql: str) -> str:
    """The same with psycopg's parameters."""
    return _NAME.sub(r"%(\1)s", spoken(sql))

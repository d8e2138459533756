"""Our statements in the words of MariaDB and MySQL.

One of ours becomes a short program where they have no word for it: what is to change is chosen and locked first, then
changed by its key, then read. Keys are ``VARBINARY``, compared byte by byte as SQLite and PostgreSQL compare text.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

_NOW = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) / 1e6)"
_WORDS = {"now": _NOW, "mono": _NOW, "boot": "'server'"}


def listed(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters, with those that are JSON lists in our statements as lists of values."""
    if "held" in params:
        held = [tuple(item) for item in json.loads(params["held"])]
        return {**params, "held": held, "held_keys": [item[0] for item in held]}
    if "ids" in params:
        return {**params, "ids": json.loads(params["ids"]) or [None]}
    return params


class Program(NamedTuple):
    """One of our statements, ready for ``%(name)s`` parameters.

    Attributes:
        choose: selects and locks the keys of the rows to change; None where ``act`` says it all.
        act: with ``%(chosen)s`` for those keys.
        read: reads the changed rows back; None where nothing is wanted of them but their keys.
        upsert: ``act`` counts a changed row twice.
    """

    choose: str | None
    act: str
    read: str | None
    upsert: bool = False


@lru_cache(maxsize=512)
def compile_statement(sql: str) -> Program:
    """The program for one of our statements."""
    text = sql.strip()
    if text.startswith("CREATE"):
        return Program(None, _definition(text), None)
    text = (
        text.replace("/*for update*/", "FOR UPDATE")
        .replace(
            "(seq, token) IN (SELECT value ->> 0, value ->> 1 FROM json_each(:held))",
            "seq IN :held_keys AND (seq, token) IN :held",
        )
        .replace("IN (SELECT value FROM json_each(:ids))", "IN :ids")
    )
    text = _PRESENT.sub(_PROBED, _concatenated(text))
    body, _, wanted = text.partition("RETURNING")
    chosen = _LOCKED.search(body)
    if chosen:
        act = body[: chosen.start()] + "seq IN :chosen" + body[chosen.end() :]
        choose = f"{chosen['choice']} FOR UPDATE SKIP LOCKED"
    elif wanted:
        head, _, condition = body.partition("WHERE")
        act = f"{head} WHERE seq IN :chosen"
        choose = f"SELECT seq FROM motia_delivery WHERE {condition} FOR UPDATE"
    else:
        upserted = _upsert(body)
        return Program(None, _named(upserted), None, upsert=upserted != body)
    if wanted.strip() == "seq":
        return Program(_named(choose), _named(act), None)
    read = f"SELECT {wanted} FROM motia_delivery WHERE seq IN :chosen" if wanted else None
    return Program(_named(choose), _named(act), _named(read) if read else None)


LOCK = "INSERT INTO motia_lock (slot) VALUES (:slot) ON CONFLICT (slot) DO NOTHING"
_SLOTS = 4096


def slot_of(name: str) -> int:
    """The row that stands for a lock of this name. Two names may share one, and then only wait for each other."""
    return zlib.crc32(name.encode()) % _SLOTS


Execute = Callable[[str, Mapping[str, Any]], Awaitable[tuple[int, list[tuple[Any, ...]]]]]
"""Runs one statement; how many rows it changed, and its rows."""


async def run_program(execute: Execute, sql: str, params: Mapping[str, Any]) -> tuple[int, list[tuple[Any, ...]]]:
    """Run one of our statements as the program it is here; how many rows it changed, and its rows."""
    program = compile_statement(sql)
    values = listed(params)
    if program.choose is None:
        count, rows = await execute(program.act, values)
        return (min(count, 1) if program.upsert else count), texts(rows)
    chosen = [row[0] for row in (await execute(program.choose, values))[1]]
    if not chosen:
        return 0, []
    values = {**values, "chosen": chosen}
    count, _ = await execute(program.act, values)
    if program.read is None:
        return count, [(key,) for key in chosen]
    return count, texts((await execute(program.read, values))[1])


def texts(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows with their keys as text: they are stored as bytes."""
    return [tuple(value.decode() if type(value) is bytes else value for value in row) for row in rows]


# A correlated `>` is no range of an index here, so each subscription is probed for, instead of the walk from one to the
# next.
_PRESENT = re.compile(
    r"WITH RECURSIVE present .*?state = '(\w+)'.*?\)\n(SELECT s\.id.*)FROM present JOIN motia_subscription s "
    r"ON s\.id = present\.id\nWHERE",
    re.DOTALL,
)
_PROBED = (
    r"\2FROM motia_subscription s WHERE EXISTS "
    r"(SELECT 1 FROM motia_delivery p WHERE p.state = '\1' AND p.subscription_id = s.id) AND"
)
_LOCKED = re.compile(r"seq IN \((?P<choice>\s*SELECT.*?)/\*locked\*/\)", re.DOTALL)
_NAME = re.compile(r":([a-z_]+)")
_CONFLICT = re.compile(r"INSERT INTO (?P<table>\w+).*?(?P<rest>ON CONFLICT \((?P<key>\w+).*?\) DO .*)", re.DOTALL)
_EXCLUDED = re.compile(r"excluded\.(\w+)")
_JOINED = re.compile(r"((?::?[\w.]+|'[^']*')(?: \|\| (?::?[\w.]+|'[^']*'))+)")


def _named(sql: str) -> str:
    return _NAME.sub(lambda name: _WORDS.get(name[1], f"%({name[1]})s"), sql)


def _concatenated(sql: str) -> str:
    return _JOINED.sub(lambda found: f"CONCAT({found[1].replace(' || ', ', ')})", sql)


def _upsert(sql: str) -> str:
    """``ON CONFLICT`` in their words. Assignments are made in order, so a condition's own column must come last."""
    found = _CONFLICT.search(sql)
    if found is None:
        return sql
    table, rest = found["table"], found["rest"]
    if rest.rstrip().endswith("DO NOTHING"):
        untouched = f"{table}.{found['key']}"
        return sql.replace(rest, f"ON DUPLICATE KEY UPDATE {untouched} = {untouched}")
    assignments, _, condition = rest.partition("DO UPDATE SET")[2].partition("WHERE")
    changes = []
    for assignment in _split(assignments):
        column, _, value = assignment.partition("=")
        value = f"IF({condition}, {value}, {table}.{column})" if condition else value
        changes.append(f"{column.strip()} = {value.strip()}")
    return sql.replace(rest, "ON DUPLICATE KEY UPDATE " + _EXCLUDED.sub(r"VALUES(\1)", ", ".join(changes)))


def _split(assignments: str) -> list[str]:
    return re.split(r",\s*(?=\w+ = )", assignments.strip())


KEY_SIZES = {
    "id": 1500,
    "subscription_id": 1500,
    "topic": 800,
    "fifo_key": 1000,
    "scope_group": 1000,
    "scope_key": 1000,
    "group_id": 1000,
    "item_key": 1000,
    "item_id": 1000,
    "dedupe_key": 1000,
    "delivery_id": 1600,
}
"""Longest keys in bytes: see ``motia.messages.MAX_NAME``, and the 3,072 that an index may have."""
LONG_TEXT = "LONGTEXT CHARACTER SET utf8mb4"
_LONG = {"payload", "error", "value", "data", "words", "brief", "body", "message"}
_COVERED = {"motia_delivery_suspect", "motia_delivery_running", "motia_delivery_dead"}
"""Indexes of few rows, which the one of ``ready`` serves here: without partial indexes each costs every update."""
_COLUMN = re.compile(r"(?P<name>\w+) TEXT")
_INDEX = re.compile(r"CREATE INDEX (\w+) ON (\w+) \((.*?)\)(?:\s+WHERE (.*))?\s*$", re.DOTALL)


def _definition(sql: str) -> str:
    if index := _INDEX.match(sql):
        name, table, columns, condition = index.groups()
        if name in _COVERED:
            return "DO 0"
        state = "state, " if condition and condition.startswith("state =") else ""
        return f"CREATE INDEX {name} ON {table} ({state}{columns})"
    sql = re.sub(r"CREATE TABLE (?!IF NOT)", "CREATE TABLE IF NOT EXISTS ", sql)
    sql = sql.replace("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT AUTO_INCREMENT PRIMARY KEY")
    sql = _COLUMN.sub(lambda found: f"{found['name']} {_type(found['name'])}", sql).replace(" REAL", " DOUBLE")
    return sql.replace(" WITHOUT ROWID", "") + " ENGINE = InnoDB"


def _type(column: str) -> str:
    return LONG_TEXT if column in _LONG else f"VARBINARY({KEY_SIZES.get(column, 255)})"

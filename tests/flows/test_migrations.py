"""Tables: made by whoever comes first, brought up to date while others work, and shown before that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest

from motia import Motia, MotiaSettings, StorageError, Worker, queue, step
from motia.app import pending_statements
from motia.backends import open_backend
from motia.clock import SystemClock
from motia.databases import migrations
from motia.messages import Message, Settlement, Subscription, new_id
from motia.queues import schema
from motia.queues.base import Demand
from motia.queues.sql import SqlQueue

EVERYWHERE = ["sqlite", *(pytest.param(kind, marks=pytest.mark.service) for kind in ("postgresql", "mysql"))]
everywhere = pytest.mark.parametrize("place", EVERYWHERE, indirect=True)
APP = """
from motia import Motia, queue, step

@step(triggers=[queue("t")])
async def note(data): ...

motia = Motia(steps=[note])
"""

NAMED_TWICE = """
import asyncio, pymysql
pymysql.install_as_MySQLdb()
from MySQLdb.converters import conversions

from motia import Motia
from motia.queues import schema
from motia.queues.sql import SqlQueue

async def opened():
    await Motia().open()

for versions in [*schema.SCHEMA[:1], ("CREATE TABLE motia_broken (",)], schema.SCHEMA:
    SqlQueue.versions = tuple(versions)
    try:
        asyncio.run(opened())
    except pymysql.Error as error:
        print(type(error).__name__, error.args[0])
"""


def command(folder: Path, url: str, *words: str) -> subprocess.Popen[str]:
    (folder / "migrated.py").write_text(APP)
    return subprocess.Popen(
        [sys.executable, "-m", "motia", words[0], "migrated:motia", *words[1:]],
        cwd=folder,
        env={**os.environ, "MOTIA_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@everywhere
@pytest.mark.timeout(120)
def test_many_processes_at_once(place: str, tmp_path: Path) -> None:
    processes = [command(tmp_path, place, "migrate") for _ in range(6)]
    for process in processes:
        printed, _ = process.communicate(timeout=100)
        assert (process.returncode, printed) == (0, "the tables are up to date\n")


@everywhere
def test_the_plan_says_what_would_be_done_and_does_nothing(place: str, tmp_path: Path) -> None:
    first, _ = command(tmp_path, place, "migrate", "--plan").communicate(timeout=50)
    again, _ = command(tmp_path, place, "migrate", "--plan").communicate(timeout=50)
    assert first == again
    for table in ("motia_subscription", "motia_delivery", "motia_state"):
        assert f"CREATE TABLE {'IF NOT EXISTS ' if place.startswith('mysql') else ''}{table} (" in first
    assert ("autovacuum" in first) == place.startswith("postgresql")
    assert ("ENGINE = InnoDB" in first) == place.startswith("mysql")
    command(tmp_path, place, "migrate").communicate(timeout=50)
    left, _ = command(tmp_path, place, "migrate", "--plan").communicate(timeout=50)
    assert left == "the tables are up to date\n"


@everywhere
async def test_an_upgrade_while_a_worker_works(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer version adds its step to the tables; the older worker goes on, and may even be started again."""
    seen: list[int] = []

    @step(triggers=[queue("t")])
    async def note(data: Any) -> None:
        seen.append(data)
        await anyio.sleep(0.005)

    async with Motia(place, steps=[note]) as old, Worker(old, concurrency=4):
        await old.enqueue_many([("t", n) for n in range(60)])
        with monkeypatch.context() as newer:
            statements = ("ALTER TABLE motia_delivery ADD COLUMN added INTEGER",)
            newer.setattr(SqlQueue, "versions", (*schema.SCHEMA, statements))
            assert await pending_statements(Motia(place)) == list(statements)
            async with Motia(place, steps=[note]) as new:
                await new.enqueue_many([("t", n) for n in range(60, 120)])
        async with Motia(place, steps=[note]):
            pass
        with anyio.fail_after(30):
            while len(seen) < 120:
                await anyio.sleep(0.01)
    assert sorted(seen) == list(range(120))


EARLIER = """
INSERT INTO motia_subscription (id, topic, step, scope_group, scope_key, fifo, delay, concurrency, timeout)
VALUES (:id, :topic, :step, NULL, NULL, 1, 0, NULL, :timeout)
ON CONFLICT (id) DO UPDATE SET topic = excluded.topic, fifo = excluded.fifo, timeout = excluded.timeout
"""
"""How a subscription was written before version 3, and still is by workers that run on."""


@everywhere
async def test_tables_without_blocks_are_brought_up_to_date(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits there stays, the earlier statements go on, and what they write of a subscription is all but that."""
    backend = open_backend(place, SystemClock(), 5.0)
    queue = backend.waiting.queue
    assert isinstance(queue, SqlQueue)
    params = {"id": "s#t", "topic": "t", "step": "s", "timeout": 60.0}
    sent = Message(new_id(), "t", "1", group="g")
    try:
        with monkeypatch.context() as earlier:
            earlier.setattr(SqlQueue, "versions", schema.SCHEMA[:2])
            await queue.migrate()
        await queue.database.write(lambda connection: connection.run(EARLIER, params))
        await queue.publish([sent])
        await queue.migrate()
        assert await queue.subscribers("t") == 1
        strict = Subscription("s#t", "t", "s", fifo=True, timeout=60.0, blocks=True)
        await queue.subscribe([strict], steps=["s"])
        await queue.database.write(lambda connection: connection.run(EARLIER, params))
        assert await queue._differences([strict], ["s"]) == ([], [])
        await queue.publish([Message(new_id(), "t", "2", group="g")])
        (first,) = (await queue.exchange([], Demand("w", 5, ["s#t"]))).deliveries
        assert first.message_id == sent.id
        dead = Settlement(first.handle, first.token, "dead", reason="failed")
        assert (await queue.exchange([dead], Demand("w", 5, ["s#t"]))).deliveries == []
    finally:
        await queue.close()


@pytest.mark.service
@pytest.mark.parametrize("place", ["mysql"], indirect=True)
async def test_a_column_that_was_made_and_not_recorded(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their tables change outside of transactions: a migration may die in between."""
    queue = open_backend(place, SystemClock(), 5.0).waiting.queue
    assert isinstance(queue, SqlQueue)
    try:
        with monkeypatch.context() as earlier:
            earlier.setattr(SqlQueue, "versions", schema.SCHEMA[:2])
            await queue.migrate()
        await queue.database.write(lambda connection: connection.run(schema.SCHEMA[2][0]))
        await queue.migrate()
        assert await queue.pending() == []
    finally:
        await queue.close()


@everywhere
async def test_what_fails_halfway_is_made_up_for(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(SqlQueue, "versions", (*schema.SCHEMA, ("CREATE TABLE motia_broken (",)))
        with pytest.raises(Exception, match=r"(?i)syntax|incomplete"):
            await Motia(place).open()
    async with Motia(place) as motia:
        await motia.enqueue("nobody")
    assert await pending_statements(Motia(place)) == []


@pytest.mark.service
@pytest.mark.parametrize("place", ["mysql"], indirect=True)
def test_an_error_is_known_where_the_driver_has_a_second_name(place: str, tmp_path: Path) -> None:
    """Django asks PyMySQL for `MySQLdb`, which imports some of its modules a second time, with other error classes."""
    (tmp_path / "named_twice.py").write_text(NAMED_TWICE)
    done = subprocess.run(
        [sys.executable, tmp_path / "named_twice.py"],
        check=False,
        env={**os.environ, "MOTIA_URL": place},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stdout) == (0, "ProgrammingError 1064\n"), done.stderr


@pytest.mark.service
@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
async def test_autovacuum_has_its_settings_on_our_tables(place: str) -> None:
    async with Motia(place):
        with psycopg.connect(place) as connection:
            found = connection.execute(
                "SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                "current_schema()::regnamespace AND relname IN ('motia_delivery', 'motia_dedupe', 'motia_state')"
            ).fetchall()
    assert len(found) == 3
    for table, options in found:
        assert "autovacuum_vacuum_scale_factor=0.01" in (options or ()), table


@pytest.mark.service
@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
async def test_a_role_that_may_not_make_tables_can_start_when_they_are_there(place: str) -> None:
    async with Motia(place):
        pass
    schema_name = place.rpartition("%3D")[2]
    role = schema_name + "_role"
    with psycopg.connect(place, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN")
        try:
            admin.execute(f"GRANT USAGE ON SCHEMA {schema_name} TO {role}")
            admin.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema_name} TO {role}")
            async with Motia(place.replace("//postgres@", f"//{role}@")) as motia:
                await motia.enqueue("nobody")
        finally:
            admin.execute(f"DROP OWNED BY {role}")
            admin.execute(f"DROP ROLE {role}")


@everywhere
async def test_without_tables_that_nobody_may_make_the_error_names_the_command(place: str) -> None:
    """The setting is off, so that a deploy says when: what the driver says of a missing table helps nobody."""

    @step(triggers=[queue("t")])
    async def note(data: Any) -> None: ...

    app = Motia(place, steps=[note], settings=MotiaSettings(auto_migrate=False))
    with pytest.raises(
        StorageError, match="tables are missing, and the setting auto_migrate is off: run `motia migrate`"
    ):
        await app.open()
    async with Motia(place, steps=[note]), app:
        await app.enqueue("t", 1)


def test_a_statement_for_one_database_is_not_run_on_others() -> None:
    versions = (("CREATE TABLE a (b TEXT)", "/*postgres*/ ALTER TABLE a SET (fillfactor = 70)"),)
    assert migrations.schema_for(versions, "sqlite") == (("CREATE TABLE a (b TEXT)",),)
    assert migrations.schema_for(versions, "postgres")[0][1] == "ALTER TABLE a SET (fillfactor = 70)"

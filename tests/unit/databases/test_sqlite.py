"""The SQLite driver: locks, transactions of callers, forks, and several processes at once."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from motia import (
    ConfigError,
    CorruptStore,
    FlowContext,
    Motia,
    MotiaSettings,
    QueueUnavailable,
    StorageError,
    Worker,
    queue,
    step,
)
from motia.databases.sqlite import AsyncSqlite, SyncSqlite
from motia.databases.sqlite_files import SqliteFile

INSERT = "INSERT INTO seen VALUES (:n)"


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[SqliteFile]:
    file = SqliteFile(str(tmp_path / "x.db"), busy_timeout=0.3)
    with closing(sqlite3.connect(file.path)) as native:
        native.execute("CREATE TABLE seen (n INTEGER)")
    yield file
    file.close()


def seen(file: SqliteFile) -> list[int]:
    with closing(sqlite3.connect(file.path)) as native:
        return [row[0] for row in native.execute("SELECT n FROM seen ORDER BY n")]


@pytest.mark.parametrize("driver", [AsyncSqlite, SyncSqlite])
async def test_a_transaction_commits_and_its_savepoints_roll_back(file: SqliteFile, driver: Any) -> None:
    database = driver(file)
    async with database.transaction() as outer:
        await outer.connection.run(INSERT, {"n": 1})
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as inner:
                await inner.connection.run(INSERT, {"n": 2})
                raise ZeroDivisionError
        async with database.transaction() as inner:
            await inner.connection.run(INSERT, {"n": 3})
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as outer:
            await outer.connection.run(INSERT, {"n": 4})
            raise ZeroDivisionError
    assert seen(file) == [1, 3]


@pytest.mark.parametrize("driver", [AsyncSqlite, SyncSqlite])
async def test_a_lock_that_never_frees_is_an_error_in_time(file: SqliteFile, driver: Any) -> None:
    async def insert(connection: Any) -> int:
        return int(await connection.run(INSERT, {"n": 1}))

    with closing(sqlite3.connect(file.path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(QueueUnavailable, match=r"stayed locked for 0\.3 s, so nothing was written"):
            await driver(file).write(insert)
        with pytest.raises(QueueUnavailable):
            async with driver(file).transaction():
                pytest.fail("the lock was never free")
        holder.execute("ROLLBACK")
    assert await driver(file).write(insert) == 1


async def test_the_event_loop_goes_on_while_a_lock_is_waited_for(file: SqliteFile) -> None:
    async def insert(connection: Any) -> int:
        return int(await connection.run(INSERT, {"n": 7}))

    with closing(sqlite3.connect(file.path, isolation_level=None, check_same_thread=False)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(AsyncSqlite(file).write, insert)
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
            holder.execute("ROLLBACK")  # only a loop that goes on can come here
    assert seen(file) == [7]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("not a database, " * 100)
    file = SqliteFile(str(path))

    async def look(connection: Any) -> Any:
        return await connection.rows("SELECT 1")

    with pytest.raises(CorruptStore, match=r"x\.db"):
        file.insist(look, write=False)
    with pytest.raises(ConfigError, match="folder"):
        SqliteFile(str(tmp_path / "no" / "x.db")).connect()
    with pytest.raises(ConfigError, match="synchronous expected NORMAL"):
        SqliteFile("x", synchronous="maybe")


async def test_what_nobody_refers_to_is_closed(tmp_path: Path) -> None:
    """Python 3.13 warns of every connection that is not."""
    natives: list[sqlite3.Connection] = []

    async def work(connection: Any) -> None:
        natives.append(connection.native)

    database = AsyncSqlite(SqliteFile(str(tmp_path / "x.db")))
    await database.write(work)
    await database.read(work)
    del database
    gc.collect()
    for native in natives:
        with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
            native.execute("SELECT 1")


def test_a_forked_child_never_uses_its_parents_connection(tmp_path: Path) -> None:
    script = """
import os, sys
from motia.concurrency import drive
from motia.databases.sqlite import SyncSqlite
from motia.databases.sqlite_files import SqliteFile
file = SqliteFile(sys.argv[1]); database = SyncSqlite(file)
async def work(connection): await connection.run("CREATE TABLE IF NOT EXISTS t (n)"); return id(connection.native)
mine = drive(database.write(work))
if (child := os.fork()) == 0:
    os._exit(0 if drive(database.write(work)) != mine else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert drive(database.write(work)) == mine
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "x.db")], check=True)


def test_eight_processes_create_the_same_file_at_once(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from motia import Motia, queue, step
@step("s", triggers=[queue("t")])
async def s(data): ...
async def main():
    sys.stdin.readline()
    async with Motia(sys.argv[1], steps=[s]) as motia:
        await motia.enqueue("t", {})
asyncio.run(main())
"""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    started = [
        subprocess.Popen([sys.executable, "-c", script, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=30)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 8, errors
    with closing(sqlite3.connect(tmp_path / "x.db")) as native:
        assert native.execute("SELECT count(*) FROM motia_delivery").fetchone() == (8,)


@step("s", triggers=[queue("t")])
async def s(data: Any, ctx: FlowContext[Any]) -> None:
    await ctx.state.set("ran", str(data), True)


async def test_a_message_rides_the_callers_transaction(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with Motia(f"sqlite:///{path}", steps=[s]) as motia:
        with closing(sqlite3.connect(path)) as mine:
            mine.execute("CREATE TABLE orders (id)")
            mine.execute("INSERT INTO orders VALUES (1)")
            await motia.enqueue("t", 1, connection=mine)
            mine.rollback()
            mine.execute("INSERT INTO orders VALUES (2)")
            await motia.enqueue("t", 2, connection=mine)
            mine.commit()
            await Worker(motia).run(drain=True)
            assert await motia.state.keys("ran") == ["2"]
            assert mine.execute("SELECT id FROM orders").fetchall() == [(2,)]


async def test_another_process_is_heard_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    script = """
import asyncio, sys
from motia import Motia
async def main():
    async with Motia(sys.argv[1]) as motia: await motia.enqueue("t", 1)
asyncio.run(main())
"""
    async with Motia(url, steps=[s], settings=MotiaSettings(auto_migrate=True)) as motia:
        database = motia.running.backend.waiting.database
        assert database is not None
        heard = anyio.Event()
        with database.listen(heard.set):
            await anyio.run_process([sys.executable, "-c", script, url], env={**os.environ})
            with anyio.fail_after(5):
                await heard.wait()


async def test_a_file_that_is_removed_while_in_use_takes_nothing_more(tmp_path: Path) -> None:
    async with Motia(f"sqlite:///{tmp_path / 'x.db'}", steps=[s]) as motia:
        await motia.enqueue("t", 1)
        kept = tmp_path / "kept.db"
        (tmp_path / "x.db").rename(kept)
        with pytest.raises(StorageError, match="removed or replaced while it was in use"):
            await motia.enqueue("t", 2)
        kept.rename(tmp_path / "x.db")
        await motia.enqueue("t", 3)
        counts = {item.id: item.ready for item in await motia.running.backend.waiting.queue.stats()}
    assert counts["s#t"] == 2


async def test_a_relative_path_means_the_folder_in_which_the_app_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    async with Motia("sqlite:///x.db", steps=[s]) as motia:
        monkeypatch.chdir(tmp_path / "elsewhere")
        await motia.enqueue("t", 1)
        assert await motia.state.get("g", "k") is None
    assert list((tmp_path / "elsewhere").iterdir()) == []

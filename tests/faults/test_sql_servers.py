"""What SQL servers and the ways to them may do to us: silence, restarts, poolers, forks, cancellations."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.to_thread
import psycopg
import pytest

from motia import FlowContext, Motia, MotiaSettings, QueueUnavailable, Worker, queue, step
from motia.backends import open_backend
from motia.clock import SystemClock
from motia.concurrency import drive
from motia.databases import mysql, postgres
from motia.databases.base import VANISHED, Connection, Database
from tests.faults.servers import OwnPostgres, Server

SQL = ["postgresql", "mysql"]
pytestmark = pytest.mark.service
own = pytest.mark.parametrize("server", SQL, indirect=True)
DEADLINE = 1.0
PROMPT = DEADLINE + 2.0
"""Seconds within which everything ends: the deadline, and a busy machine."""


def settings(**more: Any) -> MotiaSettings:
    return MotiaSettings(busy_timeout=DEADLINE, **more)


def blocking(place: str) -> Database:
    found = open_backend(place, SystemClock(), 5.0).blocking
    assert found is not None
    assert found.database is not None
    return found.database


async def refused(motia: Motia, times: list[float]) -> None:
    began = time.monotonic()
    with pytest.raises(QueueUnavailable):
        await motia.enqueue("t", 1)
    times.append(time.monotonic() - began)


@own
async def test_everybody_hears_of_a_silent_server_in_time(server: Server) -> None:
    """However many wait, with connections at hand and without; and the next call after it works."""
    async with Motia(server.url(), settings=settings()) as motia:
        async with anyio.create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(motia.enqueue, "t", 1)
        server.pause()
        times: list[float] = []
        for _ in range(2):
            async with anyio.create_task_group() as tasks:
                for _ in range(60):
                    tasks.start_soon(refused, motia, times)
        server.resume()
        print(f"\n{len(times)} refused, slowest after {max(times):.2f} s of a deadline of {DEADLINE:g} s")
        assert max(times) <= PROMPT
        await motia.enqueue("t", 1)


@own
async def test_blocking_callers_hear_of_it_too(server: Server) -> None:
    async with Motia(server.url(), settings=settings()) as motia:

        def send() -> float:
            began = time.monotonic()
            with pytest.raises(QueueUnavailable):
                motia.blocking.bridge(motia.blocking.enqueue("t", 1))
            return time.monotonic() - began

        motia.blocking.bridge(motia.blocking.enqueue("t", 1))
        server.pause()
        assert await anyio.to_thread.run_sync(send) <= PROMPT
        server.resume()
        motia.blocking.bridge(motia.blocking.enqueue("t", 1))


@own
async def test_a_transaction_of_a_handler_ends_in_time_too(server: Server) -> None:
    ended: list[BaseException] = []

    @step(triggers=[queue("t")])
    async def pausing(data: Any, ctx: FlowContext) -> None:
        try:
            async with ctx.transaction():
                await ctx.enqueue("u", 1)
                server.pause()
                await ctx.enqueue("u", 2)
        except Exception as error:
            ended.append(error)
            raise

    async with Motia(server.url(), steps=[pausing], settings=settings()) as motia, Worker(motia):
        await motia.enqueue("t", 1)
        with anyio.fail_after(20):
            while not ended:
                await anyio.sleep(0.02)
        server.resume()
    assert isinstance(ended[0], QueueUnavailable)


@pytest.mark.parametrize("place", SQL, indirect=True)
async def test_whoever_vanishes_lets_go(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction whose client says nothing any more is dropped by the server, with its locks."""
    monkeypatch.setattr(postgres, "SESSION", postgres.SESSION.replace(f"'{VANISHED}s'", "'1s'"))
    monkeypatch.setattr(mysql, "VANISHED", 1)
    async with Motia(place):
        pass  # makes the tables
    gone, heir = (blocking(place) for _ in range(2))
    locked, taken = threading.Event(), threading.Event()

    async def vanish(connection: Connection) -> None:
        await connection.lock("a group")
        locked.set()
        taken.wait(30)  # and the server hears nothing

    async def take(connection: Connection) -> None:
        await connection.lock("a group")

    def take_over() -> None:
        assert locked.wait(10)
        drive(heir.write(take, within=20))
        taken.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, take_over)
        with pytest.raises(QueueUnavailable):
            await anyio.to_thread.run_sync(lambda: drive(gone.write(vanish, within=0.1)))
    assert taken.is_set()
    await gone.close()
    await heir.close()


@pytest.mark.parametrize("place", SQL, indirect=True)
async def test_a_handler_that_thinks_keeps_its_transaction(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SESSION", postgres.SESSION.replace(f"'{VANISHED}s'", "'1s'"))
    monkeypatch.setattr(mysql, "VANISHED", 1)
    async with Motia(place):
        pass  # makes the tables
    database = blocking(place)
    async with database.transaction() as transaction:
        await transaction.connection.lock("a group")
        await anyio.sleep(2.5)  # the time itself
        await transaction.connection.lock("another")
    await database.close()


@own
async def test_a_restart_costs_no_call(server: Server) -> None:
    """The connections in the pool have ended, which shows before they are used."""
    async with Motia(server.url(), settings=settings()) as motia:
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(motia.enqueue, "t", 1)
        motia.blocking.bridge(motia.blocking.enqueue("t", 1))
        server.restart()
        for _ in range(12):
            await motia.enqueue("t", 1)
        motia.blocking.bridge(motia.blocking.enqueue("t", 1))


@own
async def test_a_call_waits_for_a_server_that_comes_back(server: Server) -> None:
    async with Motia(server.url(), settings=MotiaSettings(busy_timeout=20)) as motia:
        server.kill()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(motia.enqueue, "t", 1)
            await anyio.sleep(0.3)  # it has tried by now
            await anyio.to_thread.run_sync(server.start)


@pytest.mark.parametrize("place", SQL, indirect=True)
async def test_a_cancelled_call_never_leaves_its_answer_to_another(place: str) -> None:
    database = open_backend(place, SystemClock(), 5.0).waiting.database
    assert database is not None
    spread = random.Random(5)
    answers = 0

    async def ask(number: int, patience: float) -> None:
        nonlocal answers
        with anyio.move_on_after(patience):
            rows = await database.read(lambda connection: connection.rows(f"SELECT {number}"))
            assert rows == [(number,)]
            answers += 1

    async with anyio.create_task_group() as tasks:
        for number in range(600):
            tasks.start_soon(ask, number, spread.choice([10.0, spread.uniform(0, 0.02)]))
            if number % 20 == 0:
                await anyio.sleep(0.005)
    assert 0 < answers <= 600
    await ask(-1, 10.0)
    await database.close()


@pytest.mark.parametrize("place", SQL, indirect=True)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(place: str) -> None:
    """gunicorn --preload: what the parent has opened is the parent's."""
    database = blocking(place)
    assert session(database) == (first := session(database)), "it is kept"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            wrong = sum(value(database, number) != number for number in range(300))
            os.write(writer, f"{session(database)} {wrong}".encode())
        finally:
            os._exit(0)
    wrong = sum(value(database, -number) != -number for number in range(300))
    os.waitpid(child, 0)
    theirs, wrong_there = os.read(reader, 100).decode().split()
    os.close(reader)
    os.close(writer)
    assert (wrong, wrong_there) == (0, "0")
    assert theirs != str(first)
    assert session(database) == first, "the parent's is still open"
    drive(database.close())


def value(database: Database, number: int) -> int:
    return int(drive(database.read(lambda connection: connection.rows(f"SELECT {number}")))[0][0])


def session(database: Database) -> int:
    name = "connection_id" if database.dialect == "mysql" else "pg_backend_pid"
    return int(drive(database.read(lambda connection: connection.rows(f"SELECT {name}()")))[0][0])


async def works(url: str) -> None:
    """Messages from another handle, at once, delayed and in a transaction, are handled."""
    seen: list[Any] = []

    @step(triggers=[queue("t")])
    async def note(data: Any, ctx: FlowContext) -> None:
        async with ctx.transaction():
            await ctx.state.update("seen", "count", [{"type": "increment"}])
        seen.append(data)

    async with Motia(url, steps=[note]) as motia, Worker(motia), Motia(url) as other:
        for number in range(30):
            await other.enqueue("t", number)
        await other.enqueue("t", 30, delay=0.2)
        await other.enqueue("t", 31, key="k")
        assert (await other.enqueue("t", 32, key="k")).duplicate
        with anyio.fail_after(20):
            while len(seen) < 32:
                await anyio.sleep(0.01)
        assert sorted(seen) == list(range(32))
        assert await motia.state.get("seen", "count") == 32


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
async def test_notify_is_only_a_hint(place: str) -> None:
    with psycopg.connect(place) as watching:
        await works(f"{place}&notify=off")
        listening = watching.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'").fetchone()
        assert listening is not None


class Pgbouncer(Server):
    """A pooler in transaction mode, before a PostgreSQL of ours."""

    binary = "pgbouncer"
    user = "postgres"
    target = 0

    @classmethod
    def found(cls) -> str | None:
        return shutil.which(cls.binary, path=f"{os.environ.get('PATH', '')}:/usr/sbin")

    def url(self, port: int | None = None) -> str:
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/postgres"

    def prepare(self) -> None:
        self.own(self.folder)
        (self.folder / "users").write_text('"postgres" ""\n')
        (self.folder / "pgbouncer.ini").write_text(
            f"[databases]\npostgres = host=127.0.0.1 port={self.target} dbname=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {self.folder / 'users'}\n"
            "pool_mode = transaction\ndefault_pool_size = 4\nmax_client_conn = 100\n"
        )

    def command(self) -> Sequence[str]:
        return [str(self.found()), str(self.folder / "pgbouncer.ini")]

    def ask(self) -> None:
        with psycopg.connect(self.url(), connect_timeout=2, prepare_threshold=None) as connection:
            connection.execute("SELECT 1")


@pytest.fixture
def pooler(server: OwnPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pgbouncer]:
    if Pgbouncer.found() is None:
        pytest.skip("pgbouncer is not installed")
    with _running_pooler(server) as made:
        yield made


@contextmanager
def _running_pooler(server: Server) -> Iterator[Pgbouncer]:
    folder = server.folder / "pooler"
    folder.mkdir()
    made = Pgbouncer(folder)
    made.target = server.port
    made.prepare()
    made.start()
    try:
        yield made
    finally:
        made.kill()


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
async def test_behind_a_pooler_in_transaction_mode(server: Server, pooler: Pgbouncer) -> None:
    """LISTEN is swallowed there, and no session belongs to us: neither prepared statements nor settings."""
    await works(f"{pooler.url()}?prepare=off")
    with psycopg.connect(server.url()) as direct:
        found = direct.execute("SELECT count(*) FROM motia_delivery").fetchone()
    assert found == (0,)
    with psycopg.connect(pooler.url(), prepare_threshold=None) as shared:
        assert shared.execute("SHOW enable_seqscan").fetchone() == ("on",), "nothing of ours is left to others"

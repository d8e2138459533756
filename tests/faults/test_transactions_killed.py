"""kill -9 around commits: of a handler's transaction, and of the relay between two systems."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest

from motia import Motia, MotiaSettings
from tests.conftest import server_url
from tests.faults.harness import Ground, eventually
from tests.faults.sending import send
from tests.places import PLACES

APP = """
import os, signal
from motia import Motia, queue, step

LEDGER = os.open(os.environ["LEDGER"], os.O_APPEND | os.O_CREAT | os.O_WRONLY)

def note(what, data, ctx):
    os.write(LEDGER, f"{what} {data['n']} {ctx.attempt} {os.getpid()} 0\\n".encode())

def die_if(moment, data, ctx):
    if data.get("die") == moment and ctx.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)

@step("book", triggers=[queue("book")])
async def book(data, ctx):
    note("start", data, ctx)
    async with ctx.transaction():
        await ctx.state.update("account", "balance", [{"type": "increment", "by": 1}])
        await ctx.enqueue("booked", {"n": data["n"]})
        die_if("before", data, ctx)
    die_if("after", data, ctx)

@step("sync-book", triggers=[queue("sync-book")])
def sync_book(data, ctx):
    note("start", data, ctx)
    with ctx.transaction():
        ctx.state.update("account", "balance", [{"type": "increment", "by": 1}])
        ctx.enqueue("booked", {"n": data["n"]})
        die_if("before", data, ctx)
    die_if("after", data, ctx)

@step("booked", triggers=[queue("booked")])
async def booked(data, ctx):
    note("end", data, ctx)

motia = Motia(steps=[book, sync_book, booked])
"""
SQL = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.service),
    pytest.param("mysql", marks=[pytest.mark.service, pytest.mark.slow]),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", SQL, indirect=True)
def test_a_death_before_the_commit_runs_again_and_one_after_it_never(ground: Ground) -> None:
    (ground.folder / "faulty.py").write_text(APP)
    deaths = {1: "after", 2: "before", 3: "after", 4: "before"}
    ground.command("migrate")
    ground.worker("-c", "1")
    topics = ["book", "sync-book"]
    send(ground, *((topics[n > 2], {"n": n, "die": deaths.get(n)}) for n in range(1, 9)))
    eventually(lambda: len(ground.ends()) == 8, within=60, what="everything booked")
    starts = Counter(entry.number for entry in ground.ledger() if entry.what == "start")
    assert starts == {n: 2 if deaths.get(n) == "before" else 1 for n in range(1, 9)}
    assert set(ground.ends().values()) == {1}, "what was sent was sent once"
    eventually(lambda: waiting(ground) == 0, within=20, what="nothing left")
    assert balance(ground) == 8
    assert ground.dead_letters() == []


def waiting(ground: Ground) -> int:
    stats = json.loads(ground.command("queues", "list", "--json"))
    return sum(item[state] for item in stats for state in ("ready", "running", "scheduled"))


def balance(ground: Ground) -> Any:
    async def read() -> Any:
        async with Motia(ground.url) as motia:
            return await motia.state.get("account", "balance")

    return anyio.run(read)


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.service)])
def apart(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Ground, Callable[[], Any]]]:
    """A ground whose queue is one system, and a way to connect to the other one, where the outbox is."""
    if request.param == "sqlite":
        data = tmp_path / "data.db"
        ground = Ground(tmp_path, f"sqlite:///{tmp_path / 'queue.db'}", {"MOTIA_OUTBOX": f"sqlite:///{data}"})
        yield ground, lambda: sqlite3.connect(data, timeout=20)
        ground.close()
        return
    with PLACES["redis"](server_url("redis")) as queue, PLACES["postgresql"](server_url("postgresql")) as place:
        ground = Ground(tmp_path, queue, {"MOTIA_OUTBOX": place})
        yield ground, lambda: psycopg.connect(place)
        ground.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_killed_relays_lose_nothing_and_send_nothing_twice(apart: tuple[Ground, Callable[[], Any]], kills: int) -> None:
    ground, connect = apart
    (ground.folder / "faulty.py").write_text(APP)
    ground.command("migrate")
    spread = random.Random(3)
    sent = 0

    async def write(connection: Any) -> None:
        nonlocal sent
        async with Motia(ground.url, settings=MotiaSettings(outbox=ground.environment["MOTIA_OUTBOX"])) as motia:
            for kept in (True, False, True, True):
                for _ in range(40):
                    await motia.enqueue("booked", {"n": sent if kept else -1}, connection=connection)
                    sent += kept
                connection.commit() if kept else connection.rollback()

    workers = [ground.worker("-c", "4") for _ in range(2)]
    with closing(connect()) as connection:
        for number in range(kills):
            anyio.run(write, connection)
            time.sleep(spread.uniform(0.0, 0.3))  # the random moment itself
            workers[number % 2].kill()
            workers[number % 2].wait()
            workers[number % 2] = ground.worker("-c", "4")
    ends = eventually(
        lambda: found if (found := ground.ends()).keys() >= set(range(sent)) else None,
        within=90,
        what="every committed message handled",
    )
    print(f"\n{kills} kills, {sent} committed, lost 0, handled twice {sum(ends.values()) - len(ends)}")
    assert ends.keys() == set(range(sent)), "what was rolled back never existed"
    assert set(ends.values()) == {1}

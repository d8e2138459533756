"""The queue on PostgreSQL, beside raw psycopg doing the same batches, and the peers on their documented settings."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import psycopg
from pgqueuer import PgQueuer, Queries
from pgqueuer.db import PsycopgDriver
from pgqueuer.models import Job
from procrastinate import App, PsycopgConnector

from benchmarks.apart import Figures, apart
from benchmarks.queues import (
    BATCH,
    CROWDS,
    DATA,
    FIGURES,
    LIVE,
    MESSAGES,
    PAYLOAD,
    PINGS,
    SINGLE,
    Consumed,
    send_at_once,
)
from benchmarks.tables import AFTER, Found, heading, median, middle, percentile, shown, table
from motia import FlowContext, Motia, Worker, queue, step

URL = os.environ.get("MOTIA_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")
PROCRASTINATE_MESSAGES = 1_000


@asynccontextmanager
async def place(name: str) -> AsyncIterator[str]:
    """A URL to a schema of one's own, dropped afterwards."""
    schema = f"motia_bench_{name}"
    async with await psycopg.AsyncConnection.connect(URL, autocommit=True) as admin:
        await admin.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        await admin.execute(f"CREATE SCHEMA {schema}")
        try:
            yield f"{URL}?options=-csearch_path%3D{schema}"
        finally:
            await admin.execute(f"DROP SCHEMA {schema} CASCADE")


async def raw(url: str) -> dict[str, float]:
    """One table; batches claimed in one transaction and deleted in another, as every queue must."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as database:
        await database.execute(
            "CREATE TABLE jobs (id bigserial PRIMARY KEY, state smallint NOT NULL DEFAULT 0, payload text)"
        )
        await database.execute("CREATE INDEX ready ON jobs (id) WHERE state = 0")
        insert = "INSERT INTO jobs (payload) VALUES (%s)"
        began = time.perf_counter()
        for _ in range(SINGLE):
            await database.execute(insert, (PAYLOAD,))
        single = SINGLE / (time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range((MESSAGES - SINGLE) // BATCH):
            async with database.transaction(), database.cursor() as cursor:
                await cursor.executemany(insert, [(PAYLOAD,)] * BATCH)
        batched = (MESSAGES - SINGLE) / (time.perf_counter() - began)
        consumed = await raw_consume(database)
        await database.execute("INSERT INTO jobs (payload) SELECT %s FROM generate_series(1, %s)", (PAYLOAD, MESSAGES))
        await database.execute("SET synchronous_commit = off")
        unwaited = await raw_consume(database)
    return {"enqueue": single, "batch": batched, "consume": consumed, "unwaited": unwaited}


async def raw_consume(database: Any) -> float:
    began = time.perf_counter()
    while claimed := await raw_claim(database):
        await database.execute("DELETE FROM jobs WHERE id = ANY(%s)", ([row[0] for row in claimed],))
    return MESSAGES / (time.perf_counter() - began)


async def raw_claim(database: Any) -> list[Any]:
    cursor = await database.execute(
        "UPDATE jobs SET state = 1 WHERE id = ANY(ARRAY(SELECT id FROM jobs WHERE state = 0 ORDER BY id LIMIT %s "
        "FOR UPDATE SKIP LOCKED)) RETURNING *",
        (BATCH,),
    )
    rows: list[Any] = await cursor.fetchall()
    return rows


def _counting(found: Consumed) -> Callable[[Job], Awaitable[None]]:
    async def one(job: Job) -> None:
        found.one()

    return one


async def pgqueuer(url: str) -> dict[str, float]:
    """PgQueuer with psycopg, batches of 100, as its benchmark page runs it."""
    backlog, live, latencies = Consumed(MESSAGES), Consumed(LIVE), list[float]()
    crowds = {name: Consumed(LIVE) for name in CROWDS}
    payload = PAYLOAD.encode()
    async with AsyncExitStack() as stack:
        theirs, *ours = [
            await stack.enter_async_context(await psycopg.AsyncConnection.connect(url, autocommit=True))
            for _ in range(1 + max(CROWDS.values()))
        ]
        senders = [Queries(PsycopgDriver(connection)) for connection in ours]
        queries = senders[0]
        await queries.install()
        began = time.perf_counter()
        for _ in range(SINGLE):
            await queries.enqueue(["job"], [payload], [0])
        single = SINGLE / (time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range((MESSAGES - SINGLE) // BATCH):
            await queries.enqueue(["job"] * BATCH, [payload] * BATCH, [0] * BATCH)
        batched = (MESSAGES - SINGLE) / (time.perf_counter() - began)
        app = PgQueuer(PsycopgDriver(theirs))

        @app.entrypoint("job")
        async def job(job: Job) -> None:
            backlog.one()

        @app.entrypoint("live")
        async def live_job(job: Job) -> None:
            live.one()

        for name, found in crowds.items():
            app.entrypoint(name)(_counting(found))

        @app.entrypoint("ping")
        async def ping(job: Job) -> None:
            assert job.payload
            latencies.append(time.perf_counter() - float(job.payload))

        running = asyncio.create_task(app.run(batch_size=BATCH))
        await backlog.all.wait()
        for _ in range(LIVE):
            await queries.enqueue(["live"], [payload], [0])
        await live.all.wait()
        for name, count in CROWDS.items():
            await send_at_once([partial(each.enqueue, [name], [payload], [0]) for each in senders[:count]])
            await crowds[name].all.wait()
        for _ in range(PINGS):
            await asyncio.sleep(0.005)
            await queries.enqueue(["ping"], [str(time.perf_counter()).encode()], [0])
        await asyncio.sleep(0.5)
        app.shutdown.set()
        await asyncio.wait_for(running, 60)
    return {
        "enqueue": single,
        "batch": batched,
        "consume": backlog.rate,
        "live": live.rate,
        **{name: found.rate for name, found in crowds.items()},
        "p50": percentile(latencies, 0.5) * 1000,
        "p99": percentile(latencies, 0.99) * 1000,
    }


async def procrastinate(url: str) -> dict[str, float]:
    """Procrastinate, 100 jobs at once; fewer messages, because it is slower by two orders."""
    backlog = Consumed(PROCRASTINATE_MESSAGES)
    app = App(connector=PsycopgConnector(conninfo=url))

    @app.task(name="job")
    async def job(data: Any) -> None:
        backlog.one()

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        began = time.perf_counter()
        for _ in range(PROCRASTINATE_MESSAGES // 2):
            await job.defer_async(data=DATA)
        single = PROCRASTINATE_MESSAGES / 2 / (time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(PROCRASTINATE_MESSAGES // 2 // BATCH):
            await job.batch_defer_async(*[{"data": DATA}] * BATCH)
        batched = PROCRASTINATE_MESSAGES / 2 / (time.perf_counter() - began)
        running = asyncio.create_task(
            app.run_worker_async(concurrency=100, install_signal_handlers=False, delete_jobs="successful")
        )
        await backlog.all.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return {"enqueue": single, "batch": batched, "consume": backlog.rate}


SYSTEMS = {
    "raw psycopg": ("benchmarks.postgres_queue", "raw"),
    "motia": ("benchmarks.queues", "ours"),
    "PgQueuer": ("benchmarks.postgres_queue", "pgqueuer"),
    "Procrastinate": ("benchmarks.postgres_queue", "procrastinate"),
}
ROUNDS = {"Procrastinate": 1}
"""The others are measured three times, in turns; the median counts."""
ACKNOWLEDGES = {"motia": AFTER, "PgQueuer": AFTER, "Procrastinate": AFTER}
STORED, CLAIMED, TURNS = 1_000_000, 10_000, 5
STATES = ("fresh", "analysed", "million")
AIMS = {("raw psycopg", "enqueue"): 0.7, ("raw psycopg", "batch"): 0.4, ("raw psycopg", "consume"): 0.6,
        ("PgQueuer", "consume"): 1.0, ("PgQueuer", "live"): 3.0, ("PgQueuer", "crowd"): 3.0,
        ("PgQueuer", "throng"): 3.0}  # fmt: skip
"""Ratios that we want; beside each other's names and figures."""


async def stored(urls: str) -> Figures:
    """Messages consumed per second from a fresh table, from one that was analysed, and beside a million stored rows.

    Args:
        urls: one for each, with a space between them. The tables take turns; the median counts.
    """
    rates: dict[str, list[float]] = {state: [] for state in STATES}
    for turn in range(TURNS):
        for (state, found), url in zip(rates.items(), urls.split(), strict=True):
            found.append(await one_turn(url, state, turn))
    return {state: median(found) for state, found in rates.items()}


async def one_turn(url: str, state: str, turn: int) -> float:
    """The rate of one worker that finds its messages in a table of this kind."""
    motia = Motia(url, steps=[nothing])
    counted.append(Consumed(CLAIMED))
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
        if state == "fresh":
            await admin.execute(_ANEW)
        async with motia:
            if state == "million" and turn == 0:
                for statement in (_FILL, "VACUUM ANALYZE motia_delivery", "CHECKPOINT"):
                    await admin.execute(statement)
            for _ in range(CLAIMED // BATCH):
                await motia.enqueue_many([("nothing", DATA)] * BATCH)
            if state == "analysed":
                await admin.execute("ANALYZE motia_delivery")
            async with Worker(motia).running():
                await counted[-1].all.wait()
    return counted[-1].rate


counted: list[Consumed] = []


@step("nothing", triggers=[queue("nothing")])
async def nothing(data: Any, ctx: FlowContext[Any]) -> None:
    counted[-1].one()


_ANEW = """
DO $$ DECLARE here text := current_schema(); BEGIN
    EXECUTE format('DROP SCHEMA %I CASCADE', here); EXECUTE format('CREATE SCHEMA %I', here);
END $$
"""
# Dead letters and what is due in ten days, of the subscription that is served; and what is ready for another one.
_FILL = f"""
INSERT INTO motia_delivery
    (message_id, subscription_id, topic, payload, traceparent, state, due_at, created_at, dead_at)
SELECT 'stored-' || n, CASE WHEN n % 3 = 2 THEN 'another' ELSE s.id END, 'nothing', '{PAYLOAD}', '',
       CASE n % 3 WHEN 0 THEN 'dead' WHEN 1 THEN 'scheduled' ELSE 'ready' END,
       extract(epoch FROM now()) + 864000, extract(epoch FROM now()), extract(epoch FROM now())
FROM generate_series(1, {STORED}) AS n, motia_subscription s WHERE s.topic = 'nothing'
"""


async def measure() -> dict[str, Figures]:
    found: dict[str, list[Figures]] = {name: [] for name in SYSTEMS}
    for turn in range(3):
        for name, (module, function) in SYSTEMS.items():
            if turn < ROUNDS.get(name, 3):
                async with place(function) as url:
                    found[name].append(apart(module, function, url))
    return {name: middle(runs) for name, runs in found.items()}


async def measure_stored() -> Figures:
    async with place("fresh") as fresh, place("analysed") as analysed, place("million") as million:
        return apart("benchmarks.postgres_queue", "stored", f"{fresh} {analysed} {million}")


def notes(found: dict[str, Figures], states: Figures) -> list[str]:
    """What the table does not say."""
    motia, peer = found["motia"], found["PgQueuer"]
    live = ", ".join(
        f"{name} {motia[key]:.0f}/s, PgQueuer {peer[key]:.0f}/s (ratio {motia[key] / peer[key]:.1f})"
        for key, name in (("live", "by one sender"), *((key, f"by {count} senders") for key, count in CROWDS.items()))
    )
    rates = [states[state] for state in STATES]
    unwaited = found["raw psycopg"]["unwaited"]
    return [
        f"{LIVE} sent one at a time while the worker runs: {live}. One sender waits for a commit each time, so no "
        f"queue can pass what raw psycopg inserts: {found['raw psycopg']['enqueue']:.0f}/s here.",
        f"Consumed per second, {CLAIMED} messages, the median of {TURNS} turns: fresh table {states['fresh']:.0f}, "
        f"analysed {states['analysed']:.0f}, beside {STORED} stored rows {states['million']:.0f}; the slowest is "
        f"{min(rates) / max(rates):.2f} of the fastest.",
        f"Raw psycopg with synchronous_commit off, as motia claims and acknowledges: {unwaited:.0f}/s, of which motia "
        f"consumes {motia['consume'] / unwaited:.2f}.",
        f"Procrastinate: {PROCRASTINATE_MESSAGES} messages, once.",
    ]


def main() -> Found:
    heading(
        "PostgreSQL queue",
        f"Messages per second, {MESSAGES} messages ({PROCRASTINATE_MESSAGES} for Procrastinate), no-op async handlers, "
        f"one process, psycopg. live: {LIVE} sent one at a time while the worker runs; crowd, throng: the same by "
        f"{' and '.join(map(str, CROWDS.values()))} senders at once. "
        "p50, p99: enqueue to handler start in milliseconds, idle. MiB: of the process.",
    )
    found = asyncio.run(measure())
    columns = (*FIGURES, *CROWDS, "p50", "p99", "memory")
    rows = [[name, *(shown(key, row.get(key)) for key in columns)] for name, row in found.items()]
    for other in ("raw psycopg", "PgQueuer"):
        ratios = [found["motia"][key] / found[other][key] if key in found[other] else None for key in columns]
        rows.append([f"motia / {other}", *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios)])
        rows.append(["aim", *(str(AIMS.get((other, key), "")) for key in columns)])
    table(["", "enqueue one by one", f"enqueue by {BATCH}", "consume", "live", *CROWDS, "p50", "p99", "MiB"], rows)
    said = notes(found, asyncio.run(measure_stored()))
    print("".join(f"\n{line}\n" for line in said))
    return Found("PostgreSQL", "raw psycopg", found, ACKNOWLEDGES, said)

"""The queue on SQLite, beside a loop of raw ``sqlite3`` doing the same batches, and Huey's SQLite."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.apart import Figures, apart, resident
from benchmarks.queues import BATCH, CROWDS, FIGURES, LIVE, MESSAGES, PAYLOAD, SINGLE
from benchmarks.tables import Found, heading, middle, shown, table

HUEY_MESSAGES = 5_000


def raw(url: str) -> Figures:
    """One table, batches claimed and deleted: what SQLite itself allows."""
    database = sqlite3.connect(folder_of(url) / "raw.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, state INTEGER DEFAULT 0, payload TEXT)")
    database.execute("CREATE INDEX ready ON jobs (id) WHERE state = 0")
    insert = "INSERT INTO jobs (payload) VALUES (?)"
    began = time.perf_counter()
    for _ in range(SINGLE):
        database.execute("BEGIN IMMEDIATE")
        database.execute(insert, (PAYLOAD,))
        database.execute("COMMIT")
    single = SINGLE / (time.perf_counter() - began)
    began = time.perf_counter()
    for _ in range((MESSAGES - SINGLE) // BATCH):
        database.execute("BEGIN IMMEDIATE")
        database.executemany(insert, [(PAYLOAD,)] * BATCH)
        database.execute("COMMIT")
    batched = (MESSAGES - SINGLE) / (time.perf_counter() - began)
    began = time.perf_counter()
    while claimed := raw_claim(database):
        database.execute("BEGIN IMMEDIATE")
        database.executemany("DELETE FROM jobs WHERE id = ?", [(row[0],) for row in claimed])
        database.execute("COMMIT")
    return {"enqueue": single, "batch": batched, "consume": MESSAGES / (time.perf_counter() - began)}


def raw_claim(database: sqlite3.Connection) -> list[Any]:
    database.execute("BEGIN IMMEDIATE")
    rows = database.execute(
        "UPDATE jobs SET state = 1 WHERE id IN (SELECT id FROM jobs WHERE state = 0 ORDER BY id LIMIT ?) RETURNING *",
        (BATCH,),
    ).fetchall()
    database.execute("COMMIT")
    return rows


def huey(url: str) -> Figures:
    """Huey on SQLite with the consumer of its documentation, one thread, which did best."""
    folder = folder_of(url)
    environment = {**os.environ, "HUEY_FOLDER": str(folder), "HUEY_MESSAGES": str(HUEY_MESSAGES)}
    produce = "from benchmarks.huey_sqlite import produce; produce()"
    produced = subprocess.run(
        [sys.executable, "-c", produce], capture_output=True, text=True, check=True, env=environment
    ).stdout
    consumer = subprocess.Popen(
        [sys.executable, "-m", "huey.bin.huey_consumer", "benchmarks.huey_sqlite.queue", "-w", "1"],
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    result = folder / "huey.result"
    deadline = time.monotonic() + 120
    while not result.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    memory = resident(consumer.pid)
    consumer.terminate()
    consumer.wait(30)
    return {"enqueue": float(produced), "consume": float(result.read_text()), "memory": memory}


def folder_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///")).parent


SYSTEMS = {
    "raw sqlite3": ("benchmarks.sqlite_queue", "raw"),
    "motia": ("benchmarks.queues", "ours"),
    "Huey": ("benchmarks.sqlite_queue", "huey"),
}
AIMS = {("raw sqlite3", "consume"): 0.1, ("Huey", "consume"): 5}


def measure() -> dict[str, Figures]:
    found: dict[str, list[Figures]] = {name: [] for name in SYSTEMS}
    for _ in range(3):
        for name, (module, function) in SYSTEMS.items():
            with tempfile.TemporaryDirectory() as folder:
                found[name].append(apart(module, function, f"sqlite:///{folder}/motia.db"))
    return {name: middle(runs) for name, runs in found.items()}


def main() -> Found:
    heading(
        "SQLite queue",
        f"Messages per second, {MESSAGES} messages ({HUEY_MESSAGES} for Huey), no-op, WAL, synchronous=NORMAL, the "
        f"median of three turns. live: {LIVE} sent one at a time while the worker runs; crowd, throng: the same by "
        f"{' and '.join(map(str, CROWDS.values()))} senders at once. "
        "p50, p99: enqueue to handler start in milliseconds, in process, idle.",
    )
    found = measure()
    columns = (*FIGURES, *CROWDS, "p50", "p99", "memory")
    rows = [[name, *(shown(key, row.get(key)) for key in columns)] for name, row in found.items()]
    for other in ("raw sqlite3", "Huey"):
        ratios = [found["motia"][key] / found[other][key] if key in found[other] else None for key in columns]
        rows.append([f"motia / {other}", *("" if ratio is None else f"{ratio:.3f}" for ratio in ratios)])
        rows.append(["aim", *(str(AIMS.get((other, key), "")) for key in columns)])
    table(["", "enqueue one by one", f"enqueue by {BATCH}", "consume", "live", *CROWDS, "p50", "p99", "MiB"], rows)
    note = f"Huey takes a message off its table before it runs it. {HUEY_MESSAGES} messages."
    return Found("SQLite", "raw sqlite3", found, notes=[note])

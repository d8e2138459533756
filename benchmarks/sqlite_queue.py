"""The queue on SQLite, beside a loop of raw ``sqlite3`` doing the same batches, and Huey's SQLite."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.queues import BATCH, MESSAGES, PAYLOAD, SINGLE, ours
from benchmarks.tables import heading, table

HUEY_MESSAGES = 5_000


def raw(folder: Path) -> dict[str, float]:
    """One table, batches claimed and deleted: what SQLite itself allows."""
    database = sqlite3.connect(folder / "raw.db", isolation_level=None)
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


def huey(folder: Path) -> dict[str, float]:
    """Huey on SQLite with the consumer of its documentation, one thread, which did best."""
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
    consumer.terminate()
    consumer.wait(30)
    return {"enqueue": float(produced), "consume": float(result.read_text())}


def main() -> None:
    logging.disable(logging.WARNING)
    heading(
        "SQLite queue",
        f"Messages per second, {MESSAGES} messages ({HUEY_MESSAGES} for Huey), no-op, WAL, synchronous=NORMAL.",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        limit, found, peer = raw(folder), asyncio.run(ours(f"sqlite:///{folder / 'motia.db'}")), huey(folder)
    rows = [
        ["raw sqlite3", *(f"{limit[key]:.0f}" for key in ("enqueue", "batch", "consume"))],
        ["motia", *(f"{found[key]:.0f}" for key in ("enqueue", "batch", "consume"))],
        ["motia / raw", *(f"{found[key] / limit[key]:.3f}" for key in ("enqueue", "batch", "consume"))],
        ["huey", f"{peer['enqueue']:.0f}", "", f"{peer['consume']:.0f}"],
        ["motia / huey", f"{found['enqueue'] / peer['enqueue']:.1f}", "", f"{found['consume'] / peer['consume']:.1f}"],
    ]
    table(["", "enqueue one by one", f"enqueue by {BATCH}", "consume"], rows)
    print(f"\nFrom enqueue to handler start, in process, idle: p50 {found['p50']:.2f} ms, p99 {found['p99']:.2f} ms.")

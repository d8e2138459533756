"""While a handler blocks the event loop, the leases of its worker are kept, and the log says where."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from motia import FlowContext, Motia, MotiaSettings, Worker, queue, step
from motia.concurrency import drive
from motia.worker import pulse

LEASE = 0.6


async def test_a_blocked_event_loop_keeps_its_leases(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(pulse, "BLOCKED", 0.5)
    attempts: list[int] = []
    lapsed: list[int] = []
    done = anyio.Event()

    @step("blocks", triggers=[queue("t")])
    async def blocks(data: Any, ctx: FlowContext[Any]) -> None:
        attempts.append(ctx.attempt)
        time.sleep(3 * LEASE)
        ctx.check()
        blocking = motia.running.backend.blocking
        assert blocking is not None
        lapsed.append(drive(blocking.queue.reap()))  # as a colleague would
        done.set()

    motia = Motia("memory:", steps=[blocks], settings=MotiaSettings(lease=LEASE))
    with caplog.at_level(logging.WARNING, "motia.worker"):
        async with Worker(motia):
            await motia.enqueue("t", 1)
            with anyio.fail_after(10):
                await done.wait()
    assert (attempts, lapsed) == ([1], [0])
    (told,) = [text for record in caplog.records if "running: blocks#t" in (text := record.getMessage())]
    assert "event loop has been blocked" in told
    assert f"in blocks ({__file__}:" in told


async def test_a_database_that_is_away_meanwhile_is_told_and_harms_nothing(tmp_path: Path, caplog: Any) -> None:
    done = anyio.Event()

    @step("blocks", triggers=[queue("t")])
    async def blocks(data: Any) -> None:
        locker = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        time.sleep(2 * LEASE)
        locker.execute("COMMIT")
        locker.close()
        done.set()

    settings = MotiaSettings(lease=LEASE, busy_timeout=0.05)
    motia = Motia(f"sqlite:///{tmp_path / 'locked.db'}", steps=[blocks], settings=settings)
    with caplog.at_level(logging.WARNING, "motia.worker"):
        async with Worker(motia):
            await motia.enqueue("t", 1)
            with anyio.fail_after(10):
                await done.wait()
    assert "could not be renewed while the event loop is blocked" in caplog.text

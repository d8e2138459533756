"""Leases: two workers at once, a worker that is stopped for longer than its lease, one that ignores its limit."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter

import pytest

from tests.faults.harness import Ground, children, eventually
from tests.faults.sending import send


@pytest.mark.timeout(120)
def test_of_two_racing_workers_each_message_is_claimed_once(ground: Ground) -> None:
    ground.command("migrate")
    send(ground, *(("job", {"n": n}) for n in range(10_000)))
    for _ in range(2):
        ground.worker("-w", "1", "-c", "50")
    eventually(lambda: len(ground.ends()) == 10_000, within=60, what="all handled")
    starts = Counter(entry.number for entry in ground.ledger() if entry.what == "start")
    shares = Counter(entry.pid for entry in ground.ledger() if entry.what == "start")
    print(f"\nshares of the processes: {sorted(shares.values())}")
    assert max(starts.values()) == 1
    assert sum(starts.values()) == 10_000


@pytest.mark.timeout(90)
def test_a_worker_that_was_stopped_past_its_lease_has_no_say(ground: Ground) -> None:
    ground.environment["MOTIA_LEASE"] = "1.5"
    zombie = ground.worker()
    (child,) = eventually(lambda: children(zombie), within=20, what="a process")
    eventually((ground.folder / "place.db").exists, within=20, what="the database")
    ground.command("migrate")
    send(ground, ("transfer", {"n": 1, "seconds": 1.0}))
    eventually(ground.ledger, within=20, what="the first start")
    zombie.send_signal(signal.SIGSTOP)
    os.kill(child, signal.SIGSTOP)
    ground.worker()
    eventually(lambda: ground.ends()[1] == 1, within=40, what="the other worker's end")
    os.kill(child, signal.SIGCONT)
    zombie.send_signal(signal.SIGCONT)
    eventually(
        lambda: any(entry.what == "lost" for entry in ground.ledger()) or "lease_lost" in ground.log(),
        within=20,
        what="the zombie's defeat",
    )
    eventually(lambda: ground.ends()[1001] == 1, within=20, what="the message of the one transaction")
    assert ground.ends()[1] == 1
    database = sqlite3.connect(ground.folder / "place.db")
    assert database.execute("SELECT value FROM motia_state WHERE group_id = 'account'").fetchall() == [("1",)]
    database.close()
    assert ground.dead_letters() == []


@pytest.mark.timeout(90)
def test_a_worker_that_was_stopped_past_its_lease_sends_nothing(ground: Ground) -> None:
    ground.environment["MOTIA_LEASE"] = "1.5"
    ground.command("migrate")
    zombie = ground.worker()
    (child,) = eventually(lambda: children(zombie), within=20, what="a process")
    send(ground, ("pass-on", {"n": 1, "seconds": 1.0}), ("sync-pass-on", {"n": 2, "seconds": 1.0}))
    eventually(lambda: len(ground.ledger()) == 2, within=20, what="both started")
    zombie.send_signal(signal.SIGSTOP)
    os.kill(child, signal.SIGSTOP)
    ground.worker()
    eventually(lambda: ground.ends().keys() >= {1, 2, 1001, 1002}, within=40, what="the other worker's ends")
    os.kill(child, signal.SIGCONT)
    zombie.send_signal(signal.SIGCONT)
    eventually(lambda: ground.log().count("lease_lost") >= 2, within=20, what="the zombie's defeat")
    send(ground, ("job", {"n": 1}))
    eventually(lambda: ground.ends()[1] == 2, within=20, what="whatever was sent before this handled")
    assert (ground.ends()[1001], ground.ends()[1002]) == (1, 1)
    database = sqlite3.connect(ground.folder / "place.db")
    assert database.execute("SELECT value FROM motia_state WHERE group_id = 'passed'").fetchall() == [("2",)]
    database.close()


@pytest.mark.timeout(90)
def test_a_busy_process_keeps_its_lease(ground: Ground) -> None:
    ground.environment["MOTIA_LEASE"] = "1.5"
    ground.worker()
    eventually((ground.folder / "place.db").exists, within=20, what="the database")
    ground.command("migrate")
    send(ground, ("transfer", {"n": 1, "blocking": 4.0}))
    eventually(lambda: ground.ends()[1], within=20, what="the end")
    assert [entry.attempt for entry in ground.ledger() if entry.what == "start" and entry.number == 1] == [1]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_handler_that_ignores_its_limit_loses_its_process(ground: Ground) -> None:
    ground.environment["MOTIA_LEASE"] = "3"
    ground.worker()
    eventually((ground.folder / "place.db").exists, within=20, what="the database")
    ground.command("migrate")
    send(ground, ("hog", {"n": 1, "seconds": 60}))
    eventually(lambda: len(ground.ledger()) >= 2, within=60, what="a second start, in another process")
    first, second = ground.ledger()[:2]
    assert first.pid != second.pid
    assert "ignores the time limit" in ground.log()

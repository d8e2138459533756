"""kill -9, at random moments, under load."""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial

import pytest

from tests.faults.harness import Ground, children, eventually
from tests.faults.sending import send

EVERYWHERE = ["sqlite", *(pytest.param(kind, marks=pytest.mark.service) for kind in ("postgresql", "mysql", "redis"))]


def load(count: int, first: int = 0) -> list[tuple[str, dict[str, object]]]:
    """Mostly quick jobs, some of 20 ms, async and sync."""
    return [
        ("sync-job" if n % 7 == 0 else "job", {"n": n, "seconds": 0.02 if n % 3 == 0 else 0})
        for n in range(first, first + count)
    ]


def progressed(ground: Ground, goal: int) -> bool:
    return len(ground.ledger()) > goal


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(20, marks=pytest.mark.timeout(180)),
        pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
@pytest.mark.parametrize("place", EVERYWHERE, indirect=True)
def test_nothing_is_lost_when_workers_are_killed(ground: Ground, kills: int) -> None:
    seed = random.SystemRandom().randrange(10**6)
    spread = random.Random(seed)
    ground.command("migrate")
    worker = ground.worker("-c", "8", "-w", "2")
    sent = kills * 150
    send(ground, *load(sent))
    in_flight = 0
    for _ in range(kills):
        time.sleep(spread.uniform(0.02, 0.25))  # the random moment itself
        victims = eventually(lambda: children(worker), within=20, what="a worker process")
        in_flight += 8
        try:
            os.kill(spread.choice(victims), signal.SIGKILL)
        except ProcessLookupError:
            continue
    eventually(lambda: ground.ends().keys() >= set(range(sent)), within=120, what="every accepted message handled")
    duplicates = sum(count - 1 for count in ground.ends().values())
    print(f"\nseed {seed}: {kills} kills, {sent} accepted, lost 0, handled twice {duplicates}, in flight {in_flight}")
    assert duplicates <= in_flight
    assert ground.dead_letters() == []
    assert worker.poll() is None, "the supervisor itself must not end"


@pytest.mark.timeout(120)
def test_nothing_is_lost_when_supervisors_are_killed(ground: Ground) -> None:
    spread = random.Random(7)
    ground.command("migrate")
    sent = 1_500
    send(ground, *load(sent))
    for _ in range(3):
        worker = ground.worker("-c", "8")
        goal = len(ground.ledger()) + 20
        eventually(partial(progressed, ground, goal), within=20, what="work")
        time.sleep(spread.uniform(0.0, 0.2))  # the random moment itself
        worker.kill()
    ground.worker("-c", "8")
    eventually(lambda: len(ground.ends()) == sent, within=60, what="every accepted message handled")
    assert ground.dead_letters() == []


def test_the_work_of_a_dead_process_is_running_again_within_a_second(ground: Ground) -> None:
    worker = ground.worker("-w", "2")
    eventually(lambda: len(children(worker)) == 2, within=20, what="two processes")
    send(ground, ("job", {"n": 1, "seconds": 3}))
    (first,) = eventually(ground.ledger, within=10, what="the first start")
    killed = time.monotonic()
    os.kill(first.pid, signal.SIGKILL)
    eventually(lambda: len(ground.ledger()) >= 2, within=10, what="the second start")
    second = ground.ledger()[1]
    print(f"\nrunning again after {second.at - killed:.2f} s")
    assert second.at - killed < 2.0, "released at once; the rest is the start of a Python process"
    released = [line for line in ground.log().splitlines() if "took back 1 delivery" in line]
    assert released
    assert second.attempt == 2


def test_a_poison_job_takes_nobody_with_it(ground: Ground) -> None:
    ground.worker("-c", "50")
    eventually((ground.folder / "place.db").exists, within=10, what="the database")
    ground.command("migrate")
    send(ground, ("poison", {"n": 0}), *(("job", {"n": n, "seconds": 0.3}) for n in range(1, 101)))
    eventually(lambda: len(ground.ends()) == 100, within=60, what="the good jobs handled")
    (letter,) = eventually(ground.dead_letters, within=30, what="the poison dead")
    assert (letter["step"], letter["reason"], letter["crashes"]) == ("poison", "worker_lost", 3)
    said = f"dead letter: {letter['id']}, reason worker_lost, trace {letter['trace_id']}"
    eventually(lambda: said in ground.log(), within=10, what="the log to say so")
    assert len([entry for entry in ground.ledger() if entry.number == 0]) == 3

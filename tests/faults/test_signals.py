"""Signals: graceful stop, immediate stop, restart, drain."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.faults.harness import Ground, children, eventually
from tests.faults.sending import send


def started(ground: Ground, count: int) -> bool:
    return len([entry for entry in ground.ledger() if entry.what == "start"]) >= count


@pytest.mark.timeout(90)
def test_a_graceful_stop_finishes_what_is_short_and_hands_back_what_is_long(ground: Ground) -> None:
    ground.command("migrate")
    send(ground, *(("job", {"n": n, "seconds": 1 if n < 20 else 60}) for n in range(40)))
    send(ground, *(("job", {"n": 100 + n, "seconds": 60}) for n in range(20)))
    worker = ground.worker("-c", "40", "--grace", "2")
    eventually(lambda: started(ground, 40), within=20, what="forty started")
    worker.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert worker.wait(20) == 0
    assert time.monotonic() - began < 8
    assert set(ground.ends()) == set(range(20))
    assert not [entry for entry in ground.ledger() if entry.number >= 100], "nothing is fetched after the signal"
    ground.worker("-c", "100")
    eventually(lambda: started(ground, 40 + 40), within=20, what="the rest started again")
    again = [entry for entry in ground.ledger() if entry.what == "start"][40:]
    assert {entry.attempt for entry in again} == {1}, "a deploy burns no attempts"
    assert ground.dead_letters() == []


@pytest.mark.timeout(60)
def test_a_second_signal_hands_everything_back_now(ground: Ground) -> None:
    ground.command("migrate")
    send(ground, ("job", {"n": 1, "seconds": 60}))
    worker = ground.worker()
    eventually(lambda: started(ground, 1), within=20, what="a start")
    worker.send_signal(signal.SIGINT)
    eventually(lambda: "stopping" in ground.log(), within=10, what="the first signal's effect")
    worker.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert worker.wait(20) == 0
    assert time.monotonic() - began < 6
    assert "Traceback" not in ground.log()
    ground.worker()
    eventually(lambda: started(ground, 2), within=20, what="the second start")
    assert ground.ledger()[1].attempt == 1


@pytest.mark.timeout(90)
def test_a_thread_that_outlasts_the_grace_period_burns_nothing(ground: Ground) -> None:
    ground.command("migrate")
    send(ground, ("sync-job", {"n": 1, "seconds": 60}), ("sync-pass-on", {"n": 2, "seconds": 60}))
    worker = ground.worker("--grace", "1")
    eventually(lambda: started(ground, 2), within=20, what="both started")
    worker.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert worker.wait(30) == 0
    assert time.monotonic() - began < 6
    assert "killed" not in ground.log()
    ground.worker()
    eventually(lambda: started(ground, 4), within=20, what="both started again")
    assert {entry.attempt for entry in ground.ledger()} == {1}
    stats = {item["id"]: item for item in json.loads(ground.command("queues", "--json"))}
    assert (stats["sync-job#sync-job"]["running"], stats["sync-pass-on#sync-pass-on"]["running"]) == (1, 1)


@pytest.mark.timeout(60)
def test_sighup_replaces_the_processes(ground: Ground) -> None:
    worker = ground.worker("-w", "2")
    before = eventually(lambda: (found := children(worker)) and len(found) == 2 and found, within=20, what="two")
    eventually((ground.folder / "place.db").exists, within=20, what="the database")
    time.sleep(1.0)  # let them install their signal handlers; nothing outside tells when
    worker.send_signal(signal.SIGHUP)
    eventually(lambda: len(now := children(worker)) == 2 and not set(now) & set(before), within=20, what="two new ones")
    assert worker.poll() is None


@pytest.mark.timeout(60)
def test_a_worker_that_reloads_takes_over_what_changed_and_says_nothing_of_its_watcher(ground: Ground) -> None:
    ground.command("migrate")
    worker = ground.worker("--reload")
    eventually(lambda: "worker of" in ground.log(), within=20, what="the first one")
    source = ground.folder / "faulty.py"
    source.write_text(source.read_text().replace('note("end", data, ctx)', 'note("over", data, ctx)'))
    eventually(lambda: ground.log().count("worker of") == 2, within=20, what="the second one")
    send(ground, ("job", {"n": 1}))
    eventually(lambda: [entry for entry in ground.ledger() if entry.what == "over"], within=20, what="the new code")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert "KeyboardInterrupt" not in ground.log()


@pytest.mark.timeout(60)
def test_draining_ends_when_nothing_is_left(ground: Ground) -> None:
    ground.command("migrate")
    send(ground, *(("job", {"n": n, "seconds": 0.05}) for n in range(200)))

    worker = ground.worker("--drain", "-w", "2")
    assert worker.wait(40) == 0
    assert len(ground.ends()) == 200


@pytest.mark.timeout(60)
def test_draining_runs_what_a_death_left_behind(ground: Ground) -> None:
    ground.command("migrate")
    send(ground, ("poison", {"n": 0}), ("job", {"n": 1, "seconds": 0.3}))
    worker = ground.worker("--drain")
    assert worker.wait(30) == 0
    assert ground.ends()[1] == 1
    assert [letter["step"] for letter in ground.dead_letters()] == ["poison"]


@pytest.mark.timeout(60)
def test_draining_does_not_wait_for_what_a_death_left_in_a_paused_step(ground: Ground) -> None:
    ground.command("migrate")
    send(ground, ("job", {"n": 1, "seconds": 60}))
    worker = ground.worker()
    eventually(lambda: started(ground, 1), within=20, what="a start")
    ground.command("queues", "pause", "job")
    os.kill(children(worker)[0], signal.SIGKILL)
    eventually(lambda: "took back" in ground.log(), within=20, what="the death noticed")
    worker.terminate()
    assert worker.wait(20) == 0
    assert ground.worker("--drain").wait(20) == 0
    assert started(ground, 1)
    assert not started(ground, 2)


@pytest.mark.timeout(60)
def test_children_end_when_the_supervisor_dies(ground: Ground) -> None:
    ground.command("migrate")
    send(ground, ("job", {"n": 1, "seconds": 2}))
    worker = ground.worker()
    eventually(lambda: started(ground, 1), within=20, what="a start")
    (child,) = children(worker)
    worker.kill()
    worker.wait()
    eventually(lambda: ground.ends()[1] == 1, within=20, what="the running job finished")
    eventually(lambda: not _alive(child), within=20, what="the child's end")


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False

"""``motia start``: several processes on one socket, and a worker beside them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.flows.developing import DEADLINE, Dev, eventually

pytest.importorskip("uvicorn", reason="motia start needs motia[serve]")

STEPS = """
import os
from motia import http, queue, step

@step(triggers=[http("GET", "/pid")])
async def pid(req, ctx):
    return {"pid": os.getpid(), "env": os.environ.get("MOTIA_ENV")}

@step(triggers=[http("POST", "/send")], enqueues=["sent"])
async def send(req, ctx):
    await ctx.enqueue("sent", {})

@step(triggers=[queue("sent")])
def handle(data, ctx):
    ctx.state.set("handled", "pid", os.getpid())

@step(triggers=[http("GET", "/handled")])
def handled(req, ctx):
    return {"pid": ctx.state.get("handled", "pid")}
"""


def start(folder: Path, *options: str) -> Dev:
    command = [sys.executable, "-m", "motia", "start", str(folder), "--port", "0", "--grace", "2", *options]
    return Dev(
        subprocess.Popen(
            command, cwd=folder, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env={**os.environ}
        )
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Dev, httpx2.Client]]:
    (tmp_path / "all_step.py").write_text(STEPS)
    production = start(tmp_path)
    try:
        url = production.wait_for(r"http://[\d.]+:\d+")[0]
        with httpx2.Client(base_url=url, timeout=DEADLINE, headers={"connection": "close"}) as http:
            yield production, http
    finally:
        production.close()


def pids(http: httpx2.Client) -> set[int]:
    return {pid for _ in range(20) if (pid := answering(http)) is not None}


def answering(http: httpx2.Client) -> int | None:
    """Who answers; nobody where a process ends that has just taken the connection."""
    try:
        return int(http.get("/pid").json()["pid"])
    except httpx2.TransportError:
        return None


def test_processes_share_the_work_and_are_replaced(running: tuple[Dev, httpx2.Client]) -> None:
    production, http = running
    eventually(lambda: len(pids(http)) == 2)
    assert http.post("/send").status_code == 204
    worker = eventually(lambda: http.get("/handled").json()["pid"])
    served = pids(http)
    assert worker not in served
    os.kill(min(served), signal.SIGKILL)
    eventually(lambda: len(now := pids(http)) == 2 and min(served) not in now)
    killed = pids(http)
    production.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(now := pids(http)) == 2 and not now & killed)
    assert production.close() == 0
    assert production.output.count("starting another") == 1, "what is asked for is no accident"
    everybody = {worker, *served, *killed}
    eventually(lambda: not any(is_running(pid) for pid in everybody))


def test_nobody_outlives_a_parent_that_is_killed(running: tuple[Dev, httpx2.Client]) -> None:
    production, http = running
    eventually(lambda: len(pids(http)) == 2)
    http.post("/send")
    everybody = {eventually(lambda: http.get("/handled").json()["pid"]), *pids(http)}
    production.process.kill()
    eventually(lambda: not any(is_running(pid) for pid in everybody))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, r"no step files in "),
        ({"a_step.py": "x = (\n"}, r"cannot import .*a_step.py:1: "),
    ],
)
def test_an_app_that_cannot_be_loaded(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    production = start(tmp_path)
    assert production.process.wait(DEADLINE) == 1
    production.close()
    assert re.search(sentence, production.output)
    assert "Traceback" not in production.output

"""Real worker processes, a ledger outside the system under test, and a checker that compares the two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

APP = """
import asyncio, os, time
from motia import Motia, LeaseLost, QueueConfig, queue, step

LEDGER = os.open(os.environ["LEDGER"], os.O_APPEND | os.O_CREAT | os.O_WRONLY)

def note(what, data, ctx):
    # One write, appended: whole lines, whoever else writes.
    os.write(LEDGER, f"{what} {data['n']} {ctx.attempt} {os.getpid()} {time.monotonic()}\\n".encode())

@step("job", triggers=[queue("job")])
async def job(data, ctx):
    note("start", data, ctx)
    await asyncio.sleep(data.get("seconds", 0))
    note("end", data, ctx)

@step("sync-job", triggers=[queue("sync-job")])
def sync_job(data, ctx):
    note("start", data, ctx)
    time.sleep(data.get("seconds", 0))
    note("end", data, ctx)

@step("poison", triggers=[queue("poison")])
async def poison(data, ctx):
    note("start", data, ctx)
    await asyncio.sleep(0.05)
    os._exit(1)

@step("hog", triggers=[queue("hog", config=QueueConfig(timeout=0.5))])
async def hog(data, ctx):
    note("start", data, ctx)
    time.sleep(data["seconds"])
    note("end", data, ctx)

@step("transfer", triggers=[queue("transfer")])
async def transfer(data, ctx):
    note("start", data, ctx)
    await asyncio.sleep(data.get("seconds", 0))
    time.sleep(data.get("blocking", 0))
    try:
        async with ctx.transaction():
            await ctx.state.update("account", "balance", [{"type": "increment", "by": 1}])
            await ctx.enqueue("job", {"n": 1000 + data["n"]})
    except LeaseLost:
        note("lost", data, ctx)
        raise
    note("end", data, ctx)

@step("pass-on", triggers=[queue("pass-on")])
async def pass_on(data, ctx):
    note("start", data, ctx)
    await asyncio.sleep(data["seconds"])
    await ctx.enqueue("job", {"n": 1000 + data["n"]})
    await ctx.state.update("passed", "on", [{"type": "increment", "by": 1}])
    note("end", data, ctx)

@step("sync-pass-on", triggers=[queue("sync-pass-on")])
def sync_pass_on(data, ctx):
    note("start", data, ctx)
    time.sleep(data["seconds"])
    ctx.enqueue("job", {"n": 1000 + data["n"]})
    ctx.state.update("passed", "on", [{"type": "increment", "by": 1}])
    note("end", data, ctx)

motia = Motia(steps=[job, sync_job, poison, hog, transfer, pass_on, sync_pass_on])
"""


@dataclass(frozen=True)
class Entry:
    """A line of the ledger."""

    what: str
    number: int
    attempt: int
    pid: int
    at: float


@dataclass
class Ground:
    """A folder with an app, its database and its ledger, and the processes started in it."""

    folder: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "faulty.py").write_text(APP)

    @property
    def _env(self) -> dict[str, str]:
        ours = {"MOTIA_URL": self.url, "LEDGER": str(self.folder / "ledger")}
        return {**os.environ, **ours, **self.environment}

    def worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Start ``motia worker``; its log is kept in the folder."""
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "motia", "worker", "faulty:motia", *options],
                cwd=self.folder,
                env=self._env,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def command(self, *arguments: str) -> str:
        """Run another verb of the command line; what it printed."""
        verb, *rest = arguments
        return subprocess.run(
            [sys.executable, "-m", "motia", verb, "faulty:motia", *rest],
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def dead_letters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.command("dead", "list", "--json"))
        return found

    def ledger(self) -> list[Entry]:
        path = self.folder / "ledger"
        text = path.read_text() if path.exists() else ""
        found = []
        for line in text[: text.rfind("\n") + 1].splitlines():  # the last one may still be being written
            what, number, attempt, pid, at = line.split()
            found.append(Entry(what, int(number), int(attempt), int(pid), float(at)))
        return found

    def ends(self) -> Counter[int]:
        return Counter(entry.number for entry in self.ledger() if entry.what == "end")

    def log(self) -> str:
        return (self.folder / "worker.log").read_text()

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(10)


def eventually(check: Callable[[], Any], *, within: float, what: str) -> Any:
    """Poll until ``check`` gives something true; its value."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if value := check():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {within:g} s: {what}")


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """The worker processes under a supervisor that have loaded the app."""
    try:
        text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in text.split()]

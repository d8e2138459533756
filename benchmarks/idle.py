"""An idle ``motia worker``: its processor time and memory, and how soon it starts a message from another process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tables import heading, percentile, table
from motia import Motia, queue, step

SECONDS, PINGS = 10.0, 40
APP = """
import os, time
from motia import Motia, queue, step

@step("ping", triggers=[queue("ping")])
async def ping(data, ctx):
    line = f"{time.monotonic() - data['sent']}\\n".encode()
    os.write(ledger, line)

ledger = os.open(os.environ["LEDGER"], os.O_APPEND | os.O_CREAT | os.O_WRONLY)
motia = Motia(steps=[ping])
"""


@step("ping", triggers=[queue("ping")])
async def ping(data: object, ctx: object) -> None:
    """Stands for the worker's step in this process, which only sends."""


def processes(root: int) -> list[int]:
    """A process and all below it."""
    found = [root]
    for parent in found:
        children = Path(f"/proc/{parent}/task/{parent}/children")
        found += [int(pid) for pid in children.read_text().split()] if children.exists() else []
    return found


def processor_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def ping_all(url: str, ledger: Path) -> list[float]:
    async with Motia(url, steps=[ping]) as motia:
        for _ in range(PINGS):
            await motia.enqueue("ping", {"sent": time.monotonic()})
            await asyncio.sleep(0.05)
        for _ in range(100):
            lines = ledger.read_text().split() if ledger.exists() else []
            if len(lines) == PINGS:
                break
            await asyncio.sleep(0.05)
    return [float(line) * 1000 for line in lines]


def main() -> None:
    heading("An idle worker", f"`motia worker` with one process, measured over {SECONDS:g} s.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pinged.py").write_text(APP)
        url, ledger = f"sqlite:///{folder / 'idle.db'}", folder / "ledger"
        worker = subprocess.Popen(
            [sys.executable, "-m", "motia", "worker", "pinged:motia"],
            cwd=folder,
            env={**os.environ, "MOTIA_URL": url, "LEDGER": str(ledger)},
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(3)
            pids = processes(worker.pid)
            before = processor_seconds(pids)
            time.sleep(SECONDS)
            share = (processor_seconds(pids) - before) / SECONDS * 100
            memory = [resident_mib(pid) for pid in pids]
            latencies = asyncio.run(ping_all(url, ledger))
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(30)
    table(
        ["processes", "% of a core, all", "MiB each", "start p50 ms", "start p99 ms"],
        [
            [
                len(pids),
                f"{share:.2f}",
                " + ".join(f"{value:.0f}" for value in memory),
                f"{percentile(latencies, 0.5):.1f}",
                f"{percentile(latencies, 0.99):.1f}",
            ]
        ],
    )

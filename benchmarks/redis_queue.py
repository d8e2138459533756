"""The queue on Redis, beside raw redis-py doing the same batches, and the peers on their documented settings.

On a server of its own, without persistence; each system in a process of its own, one worker, 100 messages at once where
it is async and 8 threads where it is not, acknowledging after the handler where it can.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which

import redis
import redis.asyncio

from benchmarks.apart import Figures, apart
from benchmarks.queues import BATCH, FIGURES, LIVE, MESSAGES, PAYLOAD, SINGLE
from benchmarks.tables import AFTER, BEFORE, Found, heading, middle, shown, table

SYSTEMS = {
    "raw redis-py": ("benchmarks.redis_queue", "raw"),
    "motia": ("benchmarks.queues", "ours"),
    "FastStream": ("benchmarks.redis_peers", "faststream"),
    "Taskiq": ("benchmarks.redis_peers", "taskiq"),
    "Huey": ("benchmarks.redis_threads", "huey"),
    "Celery": ("benchmarks.redis_threads", "celery"),
    "Dramatiq": ("benchmarks.redis_threads", "dramatiq"),
}
ACKNOWLEDGES = {
    "motia": AFTER,
    "FastStream": AFTER,
    "Taskiq": AFTER,
    "Huey": BEFORE,
    "Celery": AFTER,
    "Dramatiq": AFTER,
}
"""As set here. A message that is acknowledged before its handler runs is lost when the worker dies."""
ROUNDS = {"raw redis-py": 3, "motia": 3}
"""Those that all ratios are made of are measured several times, in turns with the others; the median counts."""


async def raw(url: str) -> Figures:
    """One stream and one consumer group; batches read, then acknowledged and deleted in one round trip."""
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.xgroup_create("raw", "group", id="0", mkstream=True)
        began = time.perf_counter()
        for _ in range(SINGLE):
            await client.xadd("raw", {"payload": PAYLOAD})
        single = SINGLE / (time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range((MESSAGES - SINGLE) // BATCH):
            pipeline = client.pipeline(transaction=False)
            for _ in range(BATCH):
                pipeline.xadd("raw", {"payload": PAYLOAD})
            await pipeline.execute()
        batched = (MESSAGES - SINGLE) / (time.perf_counter() - began)
        began = time.perf_counter()
        while read := await client.xreadgroup("group", "me", {"raw": ">"}, count=BATCH):
            entries = [entry for entry, _ in read[0][1]]
            pipeline = client.pipeline(transaction=False)
            pipeline.xack("raw", "group", *entries)
            pipeline.xdel("raw", *entries)
            await pipeline.execute()
        consumed = MESSAGES / (time.perf_counter() - began)
    return {"enqueue": single, "batch": batched, "consume": consumed}


@contextmanager
def server() -> Iterator[str]:
    """The URL of a Redis for the time of a block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        try:
            url = f"redis://127.0.0.1:{port}/0"
            while not _answers(url):
                time.sleep(0.02)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def measure() -> dict[str, Figures]:
    found: dict[str, list[Figures]] = {name: [] for name in SYSTEMS}
    for turn in range(max(ROUNDS.values())):
        for name, (module, function) in SYSTEMS.items():
            if turn < ROUNDS.get(name, 1):
                with server() as url:
                    found[name].append(apart(module, function, url))
    return {name: middle(runs) for name, runs in found.items()}


def main() -> Found | None:
    if which("redis-server") is None:
        print("\nRedis queue: skipped, redis-server is not installed", file=sys.stderr)
        return None
    heading(
        "Redis queue",
        f"Messages per second, {MESSAGES} messages, no-op handlers, one worker process. live: {LIVE} sent one at a "
        "time while the worker runs. p50, p99: enqueue to handler start in milliseconds, idle. MiB: of the process.",
    )
    measured = measure()
    found = Found("Redis", "raw redis-py", measured, ACKNOWLEDGES)
    columns = (*FIGURES, "p50", "p99", "memory")
    rows = [[name, *(shown(key, row.get(key)) for key in columns)] for name, row in measured.items()]
    ours, limit = measured["motia"], measured["raw redis-py"]
    ratios = [f"{ours[key] / limit[key]:.2f}" if key in limit else "" for key in FIGURES]
    rows.append(["motia / raw", *ratios, "", "", ""])
    for after, what in ((False, "best peer"), (True, "best that acknowledges after the handler")):
        best = found.best(after=after)
        rows.append([f"motia / {what}: {best}", "", "", f"{found.ratio(best):.2f}", "", "", "", ""])
    table(["", "enqueue one by one", f"enqueue by {BATCH}", "consume", "live", "p50", "p99", "MiB"], rows)
    return found

"""A disk that is full: nothing is accepted, nothing is lost, and nothing runs twice."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from motia import Motia, ReadOnlyStore, Worker, queue, step


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("needs `mount`")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("may not mount a small disk here")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    descriptor = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(descriptor, b"x" * 4096)
    except OSError:
        return ballast
    finally:
        os.close(descriptor)


@pytest.mark.timeout(90)
async def test_a_full_disk_loses_nothing_and_runs_nothing_twice(small_disk: Path) -> None:
    runs: Counter[int] = Counter()
    full = anyio.Event()

    @step("t", triggers=[queue("t")])
    async def t(data: Any) -> None:
        runs[data["n"]] += 1
        await full.wait()

    motia = Motia(f"sqlite:///{small_disk / 'x.db'}", steps=[t])
    async with motia:
        await motia.enqueue_many([("t", {"n": n, "text": "x" * 500}) for n in range(60)])
        async with Worker(motia, concurrency=30):
            with anyio.fail_after(20):
                while len(runs) < 30:
                    await anyio.sleep(0.01)
            ballast = fill(small_disk)
            with pytest.raises(ReadOnlyStore, match="full"):
                await motia.enqueue("t", {"n": 99, "text": "x" * 100_000})
            assert not await motia.running.health.is_good()
            full.set()  # the handlers end, and cannot say so
            await anyio.sleep(0.5)
            assert sum(runs.values()) == 30
            ballast.unlink()
            queue_ = motia.running.backend.waiting.queue
            with anyio.fail_after(60):
                while any(item.ready or item.running for item in await queue_.stats()):
                    await anyio.sleep(0.05)
            with anyio.fail_after(10):
                while not await motia.running.health.is_good():
                    await anyio.sleep(0.05)
    assert runs == Counter(range(60))

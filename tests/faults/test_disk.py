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
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB, or as many as the ``indirect`` parameter says."""
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("needs `mount`")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={getattr(request, 'param', 4)}m", "tmpfs", str(tmp_path)],
        capture_output=True,
        check=False,
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


@pytest.mark.timeout(90)
@pytest.mark.parametrize("small_disk", [16], indirect=True)
async def test_a_log_that_has_had_its_full_size_takes_acknowledgements_though_the_disk_is_full(
    small_disk: Path,
) -> None:
    """Which is why there is no ballast file to be freed: the log is one, and nobody else can take its place."""
    started = 0
    full = anyio.Event()

    @step("held", triggers=[queue("held")])
    async def held(data: Any) -> None:
        nonlocal started
        started += 1
        await full.wait()

    @step("quick", triggers=[queue("quick")])
    async def quick(data: Any) -> None: ...

    motia = Motia(f"sqlite:///{small_disk / 'x.db'}", steps=[held, quick])
    async with motia:
        queue_ = motia.running.backend.waiting.queue
        log = small_disk / "x.db-wal"
        async with Worker(motia, concurrency=50):
            with anyio.fail_after(60):
                while log.stat().st_size < 1000 * 4096:  # then SQLite begins it anew
                    await motia.enqueue_many([("quick", {"text": "x" * 500}) for _ in range(50)])
                    await anyio.sleep(0.01)
                await motia.enqueue_many([("held", {}) for _ in range(40)])
                while started < 40:
                    await anyio.sleep(0.01)
            fill(small_disk)
            full.set()
            with anyio.fail_after(20):
                while any(item.running or item.ready for item in await queue_.stats()):
                    await anyio.sleep(0.02)

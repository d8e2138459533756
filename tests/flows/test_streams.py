"""Changes that another process makes reach the subscribers of this one, in order and without loss, on every backend."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import anyio
import pytest

from motia import Motia, Stream, StreamTriggerInput, Worker, step, stream

ROOT = Path(__file__).parents[2]
BACKENDS = ["sqlite", *(pytest.param(kind, marks=pytest.mark.service) for kind in ("postgresql", "mysql", "redis"))]
COUNT = 200
Stream("burst")


@pytest.mark.parametrize("place", BACKENDS, indirect=True)
async def test_changes_of_another_process_arrive_in_order(place: str) -> None:
    async with Motia(place) as motia:
        whole, ticker = motia.streams.burst.subscribe("g"), motia.streams.burst.subscribe("g", "ticker")
        assert (await anext(whole)).event.data == []
        assert (await anext(ticker)).event.data is None
        command = [sys.executable, "-m", "tests.faults.publishing", place, str(COUNT)]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
        items: dict[str, object] = {}
        seen, stamps = [], [0]
        with anyio.fail_after(50):
            while len(seen) < COUNT // 2:
                change = await anext(ticker)
                seen.append(change.event.data["n"])
            assert await process.wait() == 0
            wanted = {item["id"]: item for item in await motia.streams.burst.list("g")}
            while items != wanted:
                change = await anext(whole)
                stamps.append(change.timestamp)
                if change.event.type == "sync":
                    items = {item["id"]: item for item in change.event.data}
                elif change.event.type == "delete":
                    del items[str(change.id)]
                else:
                    items[str(change.id)] = change.event.data
        assert seen == list(range(1, COUNT // 2 + 1))
        assert stamps == sorted(set(stamps))
        await whole.aclose()
        await ticker.aclose()


async def test_streams_may_have_a_backend_of_their_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'streams.db'}"
    async with Motia("memory:", streams=url) as motia:
        await motia.streams.burst.set("g", "a", {"n": 1})
    async with Motia(url) as motia:
        assert await motia.streams.burst.list("g") == [{"n": 1, "id": "a"}]


@pytest.mark.parametrize("place", BACKENDS, indirect=True)
@pytest.mark.parametrize("apart", [False, True], ids=["with the queue", "apart from it"])
async def test_triggers_are_told_when_it_happened(place: str, apart: bool) -> None:
    told: list[StreamTriggerInput] = []
    done = anyio.Event()

    @step(triggers=[stream("burst")])
    async def watch(change: StreamTriggerInput) -> None:
        told.append(change)
        if len(told) == 2:
            done.set()

    motia = Motia("memory:", streams=place, steps=[watch]) if apart else Motia(place, steps=[watch])
    async with Worker(motia):
        changes = motia.streams.burst.subscribe("g")
        await anext(changes)
        await motia.streams.burst.set("g", "a", {})
        await motia.streams.burst.send("g", {"type": "ping"})
        with anyio.fail_after(20):
            seen = [await anext(changes) for _ in range(2)]
            await done.wait()
        await changes.aclose()
    assert sorted(told, key=lambda change: change.timestamp) == seen
    assert seen[0].timestamp > 1_700_000_000_000

"""Opening and closing an app: counted, once for all who do it at one time."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest

from motia import ConfigError, Motia, NotOpen, queue, step
from motia.backends import Backend


@step("t", triggers=[queue("t")])
async def t(data: Any) -> None: ...


async def test_two_who_open_it_at_once_share_what_is_open(tmp_path: Path) -> None:
    made: list[str] = []

    class Counted(Motia):
        def _open_backend(self, url: str) -> Backend:
            made.append(url)
            return super()._open_backend(url)

    motia = Counted(f"sqlite:///{tmp_path / 'x.db'}", steps=[t])
    locker = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    locker.execute("PRAGMA journal_mode = WAL")
    locker.execute("BEGIN IMMEDIATE")  # so that opening it takes a while
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(motia.open)
        await anyio.sleep(0.05)
        locker.execute("COMMIT")
    locker.close()
    assert len(made) == 1
    parts = motia.running
    for _ in range(2):
        await motia.close()
    assert motia.running is parts
    await motia.close()
    with pytest.raises(NotOpen):
        _ = motia.running


async def test_one_who_fails_to_open_it_leaves_it_to_the_next(tmp_path: Path) -> None:
    motia = Motia(f"sqlite:///{tmp_path / 'later' / 'x.db'}", steps=[t])
    with pytest.raises(Exception, match="folder"):
        await motia.open()
    (tmp_path / "later").mkdir()
    async with motia:
        await motia.enqueue("t", 1)


@pytest.mark.parametrize("steps", ["shop.steps", t, sqlite3])
def test_steps_are_a_list(steps: Any) -> None:
    with pytest.raises(ConfigError, match=r"steps expected a list, got (.*); write steps=\[\1\]"):
        Motia("memory:", steps=steps)


async def test_closing_once_too_often_does_no_harm() -> None:
    motia = Motia("memory:", steps=[t])
    await motia.close()
    async with motia:
        await motia.enqueue("t", 1)
    with pytest.raises(NotOpen):
        await motia.enqueue("t", 1)


async def test_what_has_no_url_of_its_own_is_where_the_app_is(tmp_path: Path) -> None:
    place, apart = (f"sqlite:///{tmp_path / name}.db" for name in ("place", "apart"))
    async with Motia(place, queue=apart, steps=[t]) as motia:
        parts = motia.running
        assert parts.backend is not parts.state_backend
        assert parts.state_backend is parts.streams_backend
        await motia.state.set("g", "k", 1)
        assert motia.url == apart
    async with Motia(place) as motia:
        assert await motia.state.get("g", "k") == 1


async def test_one_url_is_one_backend(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path / 'x.db'}"
    async with Motia(place, state=place, streams=place) as motia:
        parts = motia.running
        assert parts.backend is parts.state_backend is parts.streams_backend

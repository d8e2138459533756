"""What can be written to send a message, and what is said of what cannot."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import motia
from motia import ConfigError, Motia, Receipt, queue, state, step
from motia.testing import MotiaTester, fake_context


@step("t", triggers=[queue("t"), state()])
async def t(data: Any) -> None: ...


APP = Motia("memory:", steps=[t])


async def test_options_beside_motias_form_count() -> None:
    ctx = fake_context()
    moment = datetime(2031, 1, 1, tzinfo=UTC)
    await ctx.enqueue({"topic": "t", "data": 1, "messageGroupId": "g"}, delay=5, priority=2, key="k", at=moment)
    await ctx.enqueue({"topic": "t"}, 2, group="h", dedupe_window=timedelta(hours=1))
    first, second = ctx.messages
    assert (first.payload, first.group, first.delay, first.priority, first.key) == ("1", "g", 5, 2, "k")
    assert first.at == moment.timestamp()
    assert (second.payload, second.group, second.dedupe_window) == ("2", "h", 3600)
    with pytest.raises(ConfigError, match="has data, delay in the mapping and beside it; keep one"):
        await ctx.enqueue({"topic": "t", "data": 1, "delay": 5}, 2, delay=6)


async def test_motias_form_joins_a_transaction(tmp_path: Path) -> None:
    async with Motia(f"sqlite:///{tmp_path / 'x.db'}", steps=[t]) as app:
        own = sqlite3.connect(tmp_path / "x.db")
        await app.enqueue({"topic": "t", "data": 1}, connection=own)
        own.rollback()
        own.close()
        stats = await app.running.backend.waiting.queue.stats()
        assert [entry.ready for entry in stats if entry.id == "t#t"] in ([], [0])


@pytest.mark.parametrize("topic", [None, "", 5, ["t"], "$state", "$step.t", "x" * 201])
async def test_what_is_no_topic_is_refused_in_every_form(topic: Any) -> None:
    async with MotiaTester(APP) as tester:
        for send in (
            lambda: tester.enqueue(topic, 1),
            lambda: tester.enqueue({"topic": topic, "data": 1}),
            lambda: tester.app.enqueue_many([(topic, 1)]),
        ):
            with pytest.raises(ConfigError, match="expected a topic of 1 to 200 characters"):
                await send()


@pytest.mark.parametrize("window", ["x", -1, timedelta(days=-1), float("nan")])
async def test_a_dedupe_window_is_a_time(window: Any) -> None:
    with pytest.raises(ConfigError, match="dedupe_window expected 0 to"):
        await fake_context().enqueue("t", 1, key="k", dedupe_window=window)


async def test_options_of_many_are_a_mapping() -> None:
    with pytest.raises(ConfigError, match=r"expected \(topic, data\) or \(topic, data, options\), got \('t', 1, 5\)"):
        await fake_context().enqueue_many([("t", 1, 5)])


async def test_what_is_cancelled_is_an_id() -> None:
    async with APP:
        for wrong in (5, Receipt("m1"), None):
            with pytest.raises(ConfigError, match=r"expected the id of a message, receipt\.message_id, got"):
                await motia.cancel(wrong)  # type: ignore[arg-type]  # that is the test

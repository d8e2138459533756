"""Bad input, of every kind a team will meet: a clear error each, and nothing lost."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import BaseModel

from motia import (
    ConfigError,
    CorruptStore,
    FlowContext,
    InvalidName,
    Motia,
    MotiaSettings,
    PayloadTooLarge,
    QueueConfig,
    QueueUnavailable,
    ReadOnlyStore,
    RegistrationError,
    UnknownTopic,
    UnserializablePayload,
    cron,
    http,
    queue,
    step,
)
from motia.testing import MotiaTester


class Order(BaseModel):
    """What a strict step wants."""

    order_id: str


@step("noop", triggers=[queue("topic")])
async def noop(data: Any, ctx: FlowContext) -> None:
    """Take anything."""


def registration_problem(*steps: Any) -> str:
    with pytest.raises(RegistrationError) as caught:
        _ = Motia("memory:", steps=steps).registry
    return str(caught.value)


class TestDeclarations:
    def test_two_steps_of_one_name_are_told_with_their_files(self) -> None:
        @step("same", triggers=[queue("a")])
        async def one(data: Any) -> None: ...

        @step("same", triggers=[queue("b")])
        async def two(data: Any) -> None: ...

        problem = registration_problem(one, two)
        assert "two steps are named 'same'" in problem
        assert problem.count(f"{__file__}:") == 2

    def test_colliding_routes_are_told_with_both_steps(self) -> None:
        @step("one", triggers=[http("GET", "/orders/:id")])
        async def one(req: Any) -> None: ...

        @step("two", triggers=[http("GET", "/orders/{number}")])
        async def two(req: Any) -> None: ...

        problem = registration_problem(one, two)
        assert "two steps answer GET /orders/{number}: 'one'" in problem
        assert "'two'" in problem

    def test_a_bad_cron_expression_names_the_field(self) -> None:
        @step("nightly", triggers=[cron("0 25 * * *")])
        async def nightly(ctx: Any) -> None: ...

        problem = registration_problem(nightly)
        assert "'nightly'" in problem
        assert "hour" in problem

    def test_every_problem_is_told_at_once(self) -> None:
        @step("bad", triggers=[cron("nope"), http("GET", "/a/:x/:x")])
        async def bad(mystery: Any, parameters: Any, here: Any) -> None: ...

        @step("worse", triggers=[cron("nope"), http("GET", "/a/:x/:x")])
        async def worse(ctx: Any) -> None: ...

        with pytest.raises(RegistrationError) as caught:
            _ = Motia("memory:", steps=[bad, worse]).registry
        assert len(caught.value.problems) == 3

    def test_an_unknown_key_names_the_nearest_known_one(self) -> None:
        with pytest.raises(ConfigError, match="unknown key 'maxRetires'; did you mean 'max_retries'"):
            QueueConfig(**{"maxRetires": 3})
        with pytest.raises(ConfigError, match="unknown key 'trigers'; did you mean 'triggers'"):
            step({"name": "x", "trigers": []})
        with pytest.raises(ConfigError, match="MOTIA_PAYLOD_LIMIT; did you mean 'MOTIA_PAYLOAD_LIMIT'"):
            MotiaSettings.from_env({"MOTIA_PAYLOD_LIMIT": "1"})

    def test_an_unknown_scheme_names_the_nearest_known_one(self) -> None:
        with pytest.raises(ConfigError, match="did you mean 'sqlite'"):
            Motia("sqlit:///x.db")._open_backend("sqlit:///x.db")


class TestPayloads:
    @pytest.mark.parametrize(
        ("data", "path", "problem"),
        [
            ({"a": [1, float("nan")]}, r"\$\.a\[1\]", "finite"),
            ({"a": float("inf")}, r"\$\.a", "finite"),
            ({"text": "a\x00b"}, r"\$\.text", "NUL"),
            ({"text": "\ud800"}, r"\$\.text", "surrogate"),
            ({"tags": {"a", "b"}}, r"\$\.tags", "send a list instead"),
            ({1: "a"}, r"\$", "string keys"),
            ({"n": 2**70}, r"\$\.n", "64 bit"),
            ({"b": b"x"}, r"\$\.b", "base64"),
            ({"f": object()}, r"\$\.f", "object of type object"),
        ],
    )
    async def test_what_json_cannot_carry_is_refused_with_its_path(self, data: Any, path: str, problem: str) -> None:
        async with Motia("memory:", steps=[noop]) as motia:
            with pytest.raises(UnserializablePayload, match=f"payload at {path}: .*{problem}"):
                await motia.enqueue("topic", data)
            with pytest.raises(UnserializablePayload):
                await motia.state.set("group", "key", data)
            with pytest.raises(UnserializablePayload):
                await motia.enqueue_many([("topic", "fine"), ("topic", data)])
            stats = {item.id: item for item in await motia.running.backend.waiting.queue.stats()}
            assert stats["noop#topic"].ready == 0, "a batch is sent whole or not at all"

    @pytest.mark.parametrize("key", [None, "", 5, "a\x00", "\ud800", "x" * 1001])
    async def test_what_is_no_key_of_state_is_refused(self, key: Any) -> None:
        async with Motia("memory:") as motia:
            with pytest.raises(InvalidName, match="state expected a key of 1 to 1000 bytes"):
                await motia.state.set("group", key, 1)
            with pytest.raises(InvalidName, match="state expected a key of 1 to 1000 bytes"):
                await motia.state.update("group", key, [])

    async def test_deep_nesting_is_refused(self) -> None:
        data: Any = "bottom"
        for _ in range(100):
            data = [data]
        async with Motia("memory:", steps=[noop]) as motia:
            with pytest.raises(UnserializablePayload, match="64 levels"):
                await motia.enqueue("topic", data)

    async def test_an_oversized_payload_is_refused_with_its_size(self) -> None:
        settings = MotiaSettings(payload_limit=1000)
        async with Motia("memory:", steps=[noop], settings=settings) as motia:
            await motia.enqueue("topic", "x" * 998)
            with pytest.raises(PayloadTooLarge, match="at most 1000 bytes, got 1001"):
                await motia.enqueue("topic", "x" * 999)
            with pytest.raises(PayloadTooLarge):
                await motia.enqueue("topic", "ü" * 600)

    async def test_an_unknown_topic_is_a_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        async with Motia("memory:", steps=[noop]) as motia:
            with caplog.at_level(logging.WARNING, "motia"):
                await motia.enqueue("topik", {})
                await motia.enqueue("topik", {})
        assert [record.getMessage() for record in caplog.records] == [
            "no step subscribes to 'topik': messages sent to it are dropped"
        ]

    async def test_an_unknown_topic_is_an_error_in_strict_mode(self) -> None:
        async with Motia("memory:", steps=[noop], settings=MotiaSettings(strict_topics=True)) as motia:
            await motia.enqueue("topic", {})
            with pytest.raises(UnknownTopic, match="no step subscribes to 'topik'"):
                await motia.enqueue("topik", {})


class TestHandlers:
    async def test_a_raising_handler_is_retried_then_dead_with_its_traceback(self) -> None:
        @step("breaks", triggers=[queue("topic", config={"maxRetries": 1, "backoffDelayMs": 100})])
        async def breaks(data: Any) -> None:
            raise ValueError(f"cannot work with {data}")

        async with MotiaTester(Motia("memory:", steps=[breaks])) as t:
            await t.enqueue("topic", "this")
            await t.wait_idle()
            assert t.dead_letters == []
            await t.advance(seconds=10)
            (letter,) = t.dead_letters
        assert (letter.attempts, letter.reason) == (2, "failed")
        assert "ValueError: cannot work with this" in (letter.error or "")
        assert __file__ in (letter.error or "")

    @pytest.mark.parametrize(
        "nonsense", [object(), {"status": 99, "body": ""}, {"status": 700, "body": {}}, lambda: 1, "\ud800"]
    )
    async def test_a_nonsense_answer_is_a_500_that_tells_the_log(
        self, nonsense: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        @step("odd", triggers=[http("GET", "/odd")])
        async def odd(req: Any) -> Any:
            return nonsense

        async with MotiaTester(Motia("memory:", steps=[odd])) as t:
            response = await t.get("/odd")
        assert response.status == 500
        assert response.json["error"]["message"] == "internal server error"
        assert "step 'odd'" in caplog.text
        assert "returned" in caplog.text

    async def test_a_message_that_does_not_fit_waits_for_another_worker_then_is_dead(self) -> None:
        @step("strict", triggers=[queue("topic")])
        async def strict(data: Order) -> None: ...

        async with MotiaTester(Motia("memory:", steps=[strict])) as t:
            await t.enqueue("topic", {"wrong": True})
            await t.wait_idle()
            assert t.dead_letters == []
            await t.advance(minutes=11)
            (letter,) = t.dead_letters
        assert (letter.reason, letter.attempts) == ("schema", 1)


class TestStorage:
    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "bad.db").write_bytes(b"this is not a database, but long enough to be read as one" * 100)
        with pytest.raises(CorruptStore, match="expected a healthy SQLite database"):
            anyio.run(_open, f"sqlite:///{tmp_path / 'bad.db'}")

    def test_a_damaged_database(self, tmp_path: Path) -> None:
        url, path = f"sqlite:///{tmp_path / 'bad.db'}", tmp_path / "bad.db"
        anyio.run(_open, url)
        damaged = bytearray(path.read_bytes())
        damaged[4096:] = b"\xff" * (len(damaged) - 4096)
        path.write_bytes(damaged)
        with pytest.raises(CorruptStore, match="restore"):
            anyio.run(_open, url)

    async def test_a_locked_database_fails_in_time_and_keeps_the_loop_going(self, tmp_path: Path) -> None:
        path = tmp_path / "locked.db"
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await anyio.sleep(0.01)
                ticks += 1

        settings = MotiaSettings(busy_timeout=0.5)
        async with Motia(f"sqlite:///{path}", steps=[noop], settings=settings) as motia:
            locker = sqlite3.connect(path, isolation_level=None)
            locker.execute("BEGIN IMMEDIATE")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(tick)
                with pytest.raises(QueueUnavailable, match=r"stayed locked for 0\.5 s"):
                    await motia.enqueue("topic", 1)
                tasks.cancel_scope.cancel()
            assert ticks > 20
            locker.execute("COMMIT")
            locker.close()
            await motia.enqueue("topic", 2)
            (stats,) = [s for s in await motia.running.backend.waiting.queue.stats() if s.id == "noop#topic"]
            assert stats.ready == 1

    def test_a_missing_folder(self) -> None:
        with pytest.raises(ConfigError, match=r"expected the folder of .* to exist"):
            anyio.run(_open, "sqlite:////no/such/folder/motia.db")

    @pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounting a file system needs root")
    def test_a_read_only_disk_and_a_full_one(self, tmp_path: Path) -> None:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(tmp_path)], check=False).returncode:
            pytest.skip("this machine does not let us mount a file system")
        try:
            url = f"sqlite:///{tmp_path / 'disk.db'}"
            assert anyio.run(_fill, url) == "full"
            subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
            script = f"import anyio; from tests.flows.test_bad_input import _open; anyio.run(_open, {url!r})"
            done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
            assert "ReadOnlyStore" in done.stderr or "StorageError" in done.stderr, done.stderr
        finally:
            subprocess.run(["umount", "-l", str(tmp_path)], check=False)


async def _open(url: str) -> None:
    async with Motia(url, steps=[noop]) as motia:
        await motia.enqueue("topic", 1)


async def _fill(url: str) -> str:
    """Enqueue until the disk is full; nothing that was accepted is lost."""
    accepted = 0
    async with Motia(url, steps=[noop]) as motia:
        while True:
            try:
                await motia.enqueue("topic", "x" * 10_000)
                accepted += 1
            except ReadOnlyStore:
                break
        (stats,) = [s for s in await motia.running.backend.waiting.queue.stats() if s.id == "noop#topic"]
        assert stats.ready == accepted > 0
    return "full"

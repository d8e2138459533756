"""The outbox: data in one system, the queue in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from motia import (
    ConfigError,
    FlowContext,
    Motia,
    MotiaSettings,
    QueueConfig,
    QueueUnavailable,
    Retry,
    Step,
    Worker,
    queue,
    step,
)
from motia.databases.joining import adopt
from motia.messages import Delivery, Message, Receipt, Settlement
from motia.worker.relay import relay_once
from tests.callers import caller
from tests.conftest import server_url
from tests.places import PLACES

WAYS = {
    "sqlite": "session",
    "postgresql": "async-psycopg",
    "mysql": "session+pymysql",
}
SERVER = pytest.mark.service
PAIRS = [
    pytest.param("memory", "sqlite"),
    pytest.param("sqlite", "sqlite"),
    *(pytest.param("redis", kind, marks=SERVER) for kind in WAYS),
    pytest.param("mysql", "postgresql", marks=SERVER),
    pytest.param("postgresql", "mysql", marks=SERVER),
]


class Shop:
    """An app whose step notes what it was given; its data are in another database than its queue."""

    def __init__(self, queue_url: str, data_url: str) -> None:
        self.seen: Counter[str] = Counter()
        self.order: list[str] = []
        self.data_url = data_url

        @step(triggers=[queue("order.created", config=QueueConfig(type="fifo"))])
        async def note(data: Any) -> None:
            self.seen[data] += 1
            self.order.append(data)

        self.step = note
        self.motia = Motia(queue_url, steps=[note], settings=MotiaSettings(outbox=data_url))

    async def eventually(self, *expected: str) -> None:
        with anyio.fail_after(10):
            while sum(self.seen.values()) < len(expected):
                await anyio.sleep(0.005)
        await anyio.sleep(0.05)
        assert self.order == list(expected)


@asynccontextmanager
async def shop_on(queue_kind: str, data_kind: str, folder: Path, *more: Step[..., Any]) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        urls = {"memory": "memory:"}

        def place(kind: str, name: str) -> str:
            if kind in urls:
                return urls[kind]
            if kind == "sqlite":
                return f"sqlite:///{folder / name}"
            return stack.enter_context(PLACES[kind](server_url(kind)))

        shop = Shop(place(queue_kind, "queue.db"), place(data_kind, "data.db"))
        shop.motia.include(*more)
        await stack.enter_async_context(shop.motia)
        yield shop


@pytest.mark.parametrize(("queue_kind", "data_kind"), PAIRS)
async def test_commit_delivers_and_rollback_never_existed(queue_kind: str, data_kind: str, tmp_path: Path) -> None:
    async with (
        shop_on(queue_kind, data_kind, tmp_path) as shop,
        caller(WAYS[data_kind], shop.data_url) as them,
        Worker(shop.motia),
    ):
        await shop.motia.enqueue("order.created", "rolled back", **them.lent)
        await them.rollback()
        await shop.motia.enqueue("order.created", "one", key="k", **them.lent)
        await shop.motia.enqueue_many([("order.created", "two"), ("order.created", "three")], **them.lent)
        await shop.motia.enqueue("order.created", "a duplicate", key="k", **them.lent)
        await them.commit()
        await shop.eventually("one", "two", "three")
        await shop.step.enqueue("to the step", **them.lent)
        await them.commit()
        await shop.eventually("one", "two", "three", "to the step")
        assert await them.count("motia_outbox") == 0
        await them.rollback()


@pytest.mark.parametrize(("queue_kind", "data_kind"), PAIRS)
async def test_what_is_relayed_again_is_not_handled_again(queue_kind: str, data_kind: str, tmp_path: Path) -> None:
    """A relay that dies between publishing and forgetting, the messages being finished before the next one comes."""
    async with shop_on(queue_kind, data_kind, tmp_path) as shop, caller(WAYS[data_kind], shop.data_url) as them:
        for number in range(3):
            await shop.motia.enqueue("order.created", str(number), key="k" if number else None, **them.lent)
        await them.commit()
        outbox, backend = shop.motia.running.outbox, shop.motia.running.backend
        assert outbox is not None
        taken = await outbox.take("one that dies", 0.0, 100)
        assert taken is not None
        await backend.working.queue.publish([item.message for item in taken])
        async with Worker(shop.motia, housekeeping=False):  # which relays nothing
            await shop.eventually("0", "1")
        async with Worker(shop.motia):
            with anyio.fail_after(10):
                while await outbox.any():
                    await anyio.sleep(0.01)
            await shop.eventually("0", "1")


@pytest.mark.parametrize(("queue_kind", "data_kind"), PAIRS)
async def test_a_transaction_elsewhere_happens_once(queue_kind: str, data_kind: str, tmp_path: Path) -> None:
    """Its writes and sends commit together; after that neither an error nor a death runs the delivery again."""
    runs: Counter[str] = Counter()

    @step(triggers=[queue("book")])
    async def book(data: str, ctx: FlowContext) -> None:
        runs[data] += 1
        async with caller(WAYS[data_kind], shop.data_url) as them, ctx.transaction(**them.lent):
            await them.execute("INSERT INTO ledger VALUES (1)")
            await ctx.enqueue("order.created", data)  # joins it without being told
            if data == "fails before" and ctx.attempt == 1:
                raise Retry("in the block", after=0)
        if data == "fails after":
            raise RuntimeError("after the block")
        if data == "is taken for dead after":
            held = ctx._run.delivery
            assert held is not None
            given_back = Settlement(held.handle, held.token, "release")
            await shop.motia.running.backend.working.queue.exchange([given_back])

    async with shop_on(queue_kind, data_kind, tmp_path, book) as shop, caller(WAYS[data_kind], shop.data_url) as them:
        await them.execute("CREATE TABLE ledger (n INTEGER)")
        await them.commit()
        async with Worker(shop.motia):
            for case in ("fails before", "fails after", "is taken for dead after"):
                await shop.motia.enqueue("book", case)
                with anyio.fail_after(20):
                    while not shop.seen[case] or await unfinished(shop.motia):
                        await anyio.sleep(0.01)
        assert runs == {"fails before": 2, "fails after": 1, "is taken for dead after": 1}
        assert set(shop.seen.values()) == {1}
        assert await them.count("ledger") == 3
        await them.rollback()


async def unfinished(motia: Motia) -> int:
    stats = await motia.running.backend.working.queue.stats()
    return sum(item.ready + item.running + item.scheduled + item.dead for item in stats)


async def test_of_two_runs_elsewhere_one_commits(tmp_path: Path) -> None:
    async with shop_on("memory", "sqlite", tmp_path) as shop, caller("sqlite3", shop.data_url) as them:
        outbox = shop.motia.running.outbox
        assert outbox is not None
        first = Delivery("h", "m", "s", "t", "{}", "", 1, 1, 0, 0.0, 0.0)
        connection = adopt(outbox.database, them.native)
        assert not await outbox.is_settled(first)
        assert await outbox.settle(first, connection)
        assert await outbox.settle(first, connection), "a second block of the same run"
        assert not await outbox.settle(first._replace(token=2), connection)
        await them.commit()
        assert await outbox.is_settled(first._replace(token=2))
        await outbox.prune(-1.0)
        assert not await outbox.is_settled(first)


async def test_a_transaction_elsewhere_wants_to_be_lent_one(tmp_path: Path) -> None:
    refused: list[str] = []

    @step(triggers=[queue("book")])
    async def book(data: str, ctx: FlowContext) -> None:
        ctx._run.waiting._database = None  # type: ignore[attr-defined]  # as where the queue is no SQL database
        try:
            async with ctx.transaction():
                pass
        except ConfigError as error:
            refused.append(str(error))

    async with shop_on("memory", "sqlite", tmp_path, book) as shop, Worker(shop.motia):
        await shop.motia.enqueue("book", "x")
        with anyio.fail_after(10):
            while not refused:
                await anyio.sleep(0.01)
    assert "expected a SQL queue, or connection= or session=" in refused[0]


async def test_one_relay_at_a_time(tmp_path: Path) -> None:
    async with shop_on("memory", "sqlite", tmp_path) as shop, caller("sqlite3", shop.data_url) as them:
        await shop.motia.enqueue("order.created", "one", **them.lent)
        await them.commit()
        outbox, backend = shop.motia.running.outbox, shop.motia.running.backend
        assert outbox is not None
        assert len(await outbox.take("first", 60.0, 100) or ()) == 1
        assert await outbox.take("second", 60.0, 100) is None
        assert await relay_once(outbox, backend.working.queue, "third") == 0
        assert await outbox.holder() == "first"
        await outbox.end("first")
        assert await relay_once(outbox, backend.working.queue, "second") == 1
        assert not await outbox.any()


async def test_a_delay_counts_from_the_sending(tmp_path: Path) -> None:
    async with shop_on("memory", "sqlite", tmp_path) as shop, caller("sqlite3", shop.data_url) as them:
        assert await shop.motia.enqueue("order.created", "one", delay=60, **them.lent)
        await them.execute("UPDATE motia_outbox SET created_at = created_at - 20")
        await them.commit()
        outbox = shop.motia.running.outbox
        assert outbox is not None
        (waiting,) = await outbox.take("me", 60.0, 100) or ()
        assert 39 < waiting.message.delay <= 40


async def test_draining_relays_first(tmp_path: Path) -> None:
    async with shop_on("memory", "sqlite", tmp_path) as shop, caller("sqlite3", shop.data_url) as them:
        await shop.motia.enqueue("order.created", "one", **them.lent)
        await them.commit()
        await Worker(shop.motia, housekeeping=False).run(drain=True)
        assert shop.order == ["one"]


async def test_nothing_is_forgotten_that_was_not_published(tmp_path: Path) -> None:
    class Broken:
        async def publish(self, messages: list[Message]) -> list[Receipt]:
            raise RuntimeError("away")

    async with shop_on("memory", "sqlite", tmp_path) as shop, caller("sqlite3", shop.data_url) as them:
        await shop.motia.enqueue("order.created", "one", **them.lent)
        await them.commit()
        outbox = shop.motia.running.outbox
        assert outbox is not None
        with pytest.raises(RuntimeError, match="away"):
            await relay_once(outbox, Broken(), "me")  # type: ignore[arg-type]
        assert await outbox.any()


@pytest.mark.service
@pytest.mark.parametrize("place", ["redis"], indirect=True)
async def test_without_an_outbox_the_error_says_what_to_set(place: str, tmp_path: Path) -> None:
    async with Motia(place) as motia, caller("sqlite3", f"sqlite:///{tmp_path / 'a.db'}") as them:
        with pytest.raises(ConfigError, match=r"expected a SQL queue to join.*setting `outbox` \(MOTIA_OUTBOX\)"):
            await motia.enqueue("t", **them.lent)


@pytest.mark.parametrize("queue_kind", [pytest.param("redis", marks=SERVER)])
async def test_sending_works_while_the_queue_is_away(queue_kind: str, tmp_path: Path) -> None:
    async with shop_on(queue_kind, "sqlite", tmp_path) as shop, caller("sqlite3", shop.data_url) as them:
        away = shop.motia.running.backend.working.queue

        async def unreachable(topic: str) -> int:
            raise QueueUnavailable("away")

        away.subscribers = unreachable  # type: ignore[method-assign]
        await shop.motia.enqueue("somebody-else.listens", "one", **them.lent)
        await them.commit()
        assert await them.count("motia_outbox") == 1


async def test_an_outbox_is_a_sql_database() -> None:
    with pytest.raises(ConfigError, match=r"MOTIA_OUTBOX expected the URL of a SQL database.*got 'redis:"):
        await Motia("memory:", settings=MotiaSettings(outbox="redis://127.0.0.1/0")).open()


async def test_the_queue_s_own_database_needs_no_outbox(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    async with Motia(url, settings=MotiaSettings(outbox=url)) as motia:
        assert motia.running.outbox is None

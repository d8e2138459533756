"""Sending inside a transaction of the caller: commit is delivered, rollback never existed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import anyio
import anyio.to_thread
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from motia import (
    ConfigError,
    FlowContext,
    LeaseLost,
    Motia,
    SyncFlowContext,
    SyncUnsupported,
    Worker,
    enqueue,
    queue,
    step,
)
from tests.callers import WAYS, caller

EVERY_WAY = [
    pytest.param(kind, way, id=f"{kind}-{way}", marks=[] if kind == "sqlite" else pytest.mark.service)
    for kind, ways in WAYS.items()
    for way in ways
]
SERVERS = ["postgresql", "mysql"]
every_way = pytest.mark.parametrize(("place", "way"), EVERY_WAY, indirect=["place"])


class Shop:
    """An app whose one step notes what it was given."""

    def __init__(self, url: str) -> None:
        self.seen: Counter[str] = Counter()

        @step(triggers=[queue("order.created")])
        async def note(data: Any) -> None:
            self.seen[data] += 1

        self.note = note
        self.motia = Motia(url, steps=[note])

    async def eventually(self, *expected: str) -> None:
        """Exactly these are handled, each once, and soon; then nothing more."""
        with anyio.fail_after(10):
            while sum(self.seen.values()) < len(expected):
                await anyio.sleep(0.005)
        await anyio.sleep(0.05)
        assert self.seen == Counter(expected)


@every_way
async def test_commit_delivers_and_rollback_never_existed(place: str, way: str) -> None:
    shop = Shop(place)
    async with shop.motia, caller(way, place) as them:
        await shop.motia.enqueue("order.created", "rolled back", **them.lent)
        await shop.note.enqueue("rolled back", **them.lent)
        await them.rollback()
        await enqueue("order.created", "one", **them.lent)
        await shop.motia.enqueue_many([("order.created", "two"), ("order.created", "three")], **them.lent)
        await shop.note.enqueue("four", **them.lent)
        async with Worker(shop.motia):
            assert not shop.seen, "nothing is there before the commit"
            await them.commit()
            await shop.eventually("one", "two", "three", "four")


@every_way
async def test_a_savepoint_rolls_back_alone(place: str, way: str) -> None:
    shop = Shop(place)
    async with shop.motia, caller(way, place) as them, Worker(shop.motia):
        await shop.motia.enqueue("order.created", "outer", **them.lent)
        with pytest.raises(RuntimeError):
            async with them.nested():
                await shop.motia.enqueue("order.created", "inner", key="k", **them.lent)
                raise RuntimeError
        async with them.nested():
            receipt = await shop.motia.enqueue("order.created", "again", key="k", **them.lent)
            assert not receipt.duplicate, "its dedupe key was rolled back too"
            assert (await shop.motia.enqueue("order.created", "twice", key="k", **them.lent)).duplicate
        await them.commit()
        await shop.eventually("outer", "again")


@every_way
async def test_the_writes_of_a_handler_its_sends_and_its_acknowledgement_are_one(place: str, way: str) -> None:
    """A failure in the block leaves nothing behind; after the commit, failing does not run it again."""
    runs: list[int] = []

    @step(triggers=[queue("book")])
    async def book(data: Any, ctx: FlowContext) -> None:
        runs.append(ctx.attempt)
        async with caller(way, place) as them:
            async with ctx.transaction(**them.lent) as native:
                assert native is them.native or way == "scoped"
                await them.execute("INSERT INTO ledger VALUES (1)")
                await ctx.state.set("orders", "o1", f"run {ctx.attempt}")
                await ctx.enqueue("order.created", f"run {ctx.attempt}")
                if ctx.attempt == 1:
                    raise RuntimeError("in the block")
            raise RuntimeError("after the block")

    shop = Shop(place)
    shop.motia.include(book)
    async with shop.motia, caller(way, place) as them:
        await them.execute("CREATE TABLE ledger (n INTEGER)")
        await them.commit()
        await shop.motia.enqueue("book")
        async with Worker(shop.motia):
            await shop.eventually("run 2")
        assert runs == [1, 2]
        assert await shop.motia.state.get("orders", "o1") == "run 2"
        assert await them.count("ledger") == 1
        stats = {item.step: item for item in await shop.motia.running.backend.waiting.queue.stats()}
        assert (stats["book"].ready, stats["book"].scheduled, stats["book"].dead) == (0, 0, 0)


@pytest.mark.parametrize("place", ["sqlite", pytest.param("postgresql", marks=pytest.mark.service)], indirect=True)
async def test_a_blocking_handler_uses_a_session(place: str) -> None:
    @step(triggers=[queue("book")])
    def book(data: Any, ctx: SyncFlowContext) -> None:
        way = "session" if place.startswith("sqlite") else "session+psycopg"
        anyio.run(send_within, way, ctx)

    async def send_within(way: str, ctx: SyncFlowContext) -> None:
        async with caller(way, place) as them:
            with ctx.transaction(**them.lent):
                ctx.enqueue("order.created", "sent")
            ctx.enqueue("order.created", "dropped", **them.lent)
            await them.rollback()

    shop = Shop(place)
    shop.motia.include(book)
    async with shop.motia, Worker(shop.motia):
        await shop.motia.enqueue("book")
        await shop.eventually("sent")


@every_way
async def test_the_transaction_of_a_worker_that_lost_its_lease_is_rolled_back(place: str, way: str) -> None:
    lost: list[bool] = []

    @step(triggers=[queue("book")])
    async def book(data: Any, ctx: FlowContext) -> None:
        if ctx.attempt > 1:
            return
        backend = ctx._run.waiting.app.running.backend  # type: ignore[attr-defined]
        delivery = ctx._run.delivery
        assert delivery is not None
        (owner,) = await backend.waiting.queue.owners()
        with anyio.fail_after(10):
            while not await backend.waiting.queue.abandon(owner):  # a heartbeat may have its hand on it
                await anyio.sleep(0.005)
        async with caller(way, place) as them:
            with pytest.raises(LeaseLost):
                async with ctx.transaction(**them.lent):
                    await ctx.enqueue("order.created", "from a zombie")
            lost.append(True)

    shop = Shop(place)
    shop.motia.include(book)
    async with shop.motia, Worker(shop.motia):
        await shop.motia.enqueue("book")
        with anyio.fail_after(10):
            while not lost:
                await anyio.sleep(0.005)
        await shop.eventually()


@pytest.mark.parametrize(
    "place", ["sqlite", *(pytest.param(kind, marks=pytest.mark.service) for kind in SERVERS)], indirect=True
)
async def test_a_handler_may_go_on_after_its_transaction(place: str) -> None:
    """It holds nothing any more, which is no loss: heartbeats leave it alone, and it may send."""
    ends: list[str] = []

    @step(triggers=[queue("book")])
    async def book(data: Any, ctx: FlowContext) -> None:
        try:
            async with ctx.transaction():
                await ctx.enqueue("order.created", "inside")
            await anyio.sleep(1.5)  # several beats, and longer than the lease
            await ctx.enqueue("order.created", "after")
            ends.append("whole")
        finally:
            ends.append("ended")

    shop = Shop(place)
    shop.motia.include(book)
    shop.motia.with_settings(lease=0.6)
    async with shop.motia, Worker(shop.motia):
        await shop.motia.enqueue("book")
        await shop.eventually("inside", "after")
    assert ends == ["whole", "ended"]


async def test_blocking_code_sends_in_a_session(tmp_path: Any) -> None:
    """From a plain view, through the ambient functions; an async session is not for it."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    shop = Shop(url)

    def view(asynchronous: Any) -> None:
        with Session(create_engine(url)) as session:
            enqueue("order.created", "sent", session=session)
            shop.note.enqueue("to the step", session=session)
            session.commit()
            enqueue("order.created", "dropped", session=session)
            session.rollback()
        with pytest.raises(SyncUnsupported, match="expected a Session or Connection in blocking code"):
            enqueue("order.created", "never", session=asynchronous)

    async with shop.motia, caller("async-session+aiosqlite", url) as them, Worker(shop.motia):
        await anyio.to_thread.run_sync(view, them.native)
        await shop.eventually("sent", "to the step")


async def test_what_is_no_connection_is_refused(tmp_path: Any) -> None:
    async with Motia(f"sqlite:///{tmp_path / 'a.db'}") as motia:
        with pytest.raises(ConfigError, match=r"expected a sqlite3\.Connection to .*, got object"):
            await motia.enqueue("t", connection=object())
        with pytest.raises(ConfigError, match="expected connection= or session=, got both"):
            await motia.enqueue("t", connection=1, session=2)


@pytest.mark.service
@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
async def test_a_session_on_another_kind_of_database_is_refused(place: str, tmp_path: Any) -> None:
    async with Motia(place) as motia, caller("session", f"sqlite:///{tmp_path / 'a.db'}") as them:
        with pytest.raises(ConfigError, match=r"\(postgres\), got one on sqlite.*MOTIA_OUTBOX"):
            await motia.enqueue("t", **them.lent)

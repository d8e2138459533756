"""A Redis of the test's own: settings, full memory, a cluster, lost scripts, forks, cancellations, deadlines."""

from __future__ import annotations

import inspect
import logging
import os
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import anyio
import pytest
import redis

from motia import Motia, QueueUnavailable, StorageError
from motia.backends import Backend, open_backend
from motia.clock import SystemClock
from motia.databases.redis import BlockingRedis, RedisServer, WaitingRedis
from motia.databases.redis_lines import LINES
from motia.messages import Message, Settlement, Subscription, new_id
from motia.queues.base import DeadQuery, Demand, Queue, UnfinishedQuery
from tests.faults.proxy import Proxy, proxied
from tests.faults.servers import OwnRedis, Server, free_port

pytestmark = [pytest.mark.service, pytest.mark.parametrize("server", ["redis"], indirect=True)]
JOB = Subscription("job", "t", "job")
DEADLINE = 0.3


@pytest.fixture
async def backend(server: Server) -> AsyncIterator[Backend]:
    opened = open_backend(server.url(), SystemClock(), DEADLINE)
    yield opened
    await opened.waiting.queue.close()


def message(payload: str = "1") -> Message:
    return Message(new_id(), "t", payload)


def demand(limit: int = 10) -> Demand:
    return Demand("w", limit, frozenset({"job"}))


def configure(server: Server, **settings: str) -> None:
    with redis.Redis(port=server.port) as client:
        for name, value in settings.items():
            client.config_set(name.replace("_", "-"), value)


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ({"appendonly": "yes"}, None),
        ({"appendonly": "no"}, "a restart loses all messages"),
        ({"appendonly": "no", "save": "3600 1"}, "a crash loses the messages since"),
        ({"maxmemory": "100mb", "maxmemory_policy": "allkeys-lru"}, "may evict messages"),
        ({"maxmemory": "100mb", "maxmemory_policy": "noeviction"}, None),
    ],
)
async def test_it_is_said_at_the_start_what_the_server_would_lose(
    server: Server, settings: dict[str, str], warning: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    configure(server, **settings)
    with caplog.at_level(logging.WARNING):
        async with Motia(server.url()):
            said = [record.getMessage() for record in caplog.records if record.name == "motia.queue"]
    assert [warning in text for text in said] == ([] if warning is None else [True])  # type: ignore[operator]


async def test_a_full_server_takes_nothing_new_and_lets_what_it_has_be_done(server: Server, backend: Backend) -> None:
    work = backend.waiting.queue
    await work.subscribe([JOB], steps=["job"])
    await work.publish([message(str(number)) for number in range(10)])
    configure(server, maxmemory="1")
    for full in (backend.waiting, backend.blocking):
        assert full is not None
        with pytest.raises(StorageError, match="maxmemory"):
            await full.queue.publish([message()])
        with pytest.raises(StorageError, match="maxmemory"):
            await full.store.change("g", "k", lambda old: "1")
    claimed = (await work.exchange([], demand())).deliveries
    assert len(claimed) == 10
    kinds: list[Any] = ["done"] * 8 + ["retry", "dead"]
    settlements = [
        Settlement(item.handle, item.token, kind, reason="failed") for item, kind in zip(claimed, kinds, strict=True)
    ]
    assert all((await work.exchange(settlements)).settled)
    assert len(await work.dead(DeadQuery())) == 1
    configure(server, maxmemory="0")
    await work.publish([message()])


async def test_a_server_that_cannot_write_its_disk_says_so(server: Server, backend: Backend) -> None:
    configure(server, min_replicas_to_write="1")  # refuses writes just as a failed snapshot makes it
    for ports in (backend.waiting, backend.blocking):
        assert ports is not None
        with pytest.raises(StorageError, match="Redis refused: NOREPLICAS"):
            await ports.queue.publish([message()])


async def test_scripts_that_the_server_has_forgotten_are_sent_again(server: Server, backend: Backend) -> None:
    work = backend.waiting.queue
    await work.subscribe([JOB], steps=["job"])
    await work.publish([message()])
    with redis.Redis(port=server.port) as client:
        client.script_flush()
        await work.publish([message()])
        assert len((await work.exchange([], demand())).deliveries) == 2
        assert int(client.info("memory")["number_of_cached_scripts"]) < 25, "scripts are constants"


class ClusterRedis(OwnRedis):
    """One node that holds all slots: it refuses scripts that touch more than one."""

    def command(self) -> Sequence[str]:
        return [*super().command(), "--cluster-enabled", "yes", "--cluster-port", str(free_port())]


async def test_in_a_cluster_everything_is_in_one_slot(server: Server, tmp_path: Any) -> None:
    node = ClusterRedis(tmp_path)
    node.start()
    try:
        with redis.Redis(port=node.port) as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            with anyio.fail_after(10):
                while client.cluster("INFO")["cluster_state"] != "ok":
                    await anyio.sleep(0.05)
        opened = open_backend(node.url(), SystemClock(), DEADLINE)
        work = opened.waiting.queue
        fifo = Subscription("fifo", "t", "fifo", fifo=True)
        await work.subscribe([JOB, fifo], steps=["job", "fifo"])
        urgent = Message(new_id(), "t", "2", key="k", group="g", priority=3)
        await work.publish([message(), urgent, Message(new_id(), "t", "3", delay=0.01)])
        await opened.waiting.store.change("g", "k", lambda old: "1")
        await anyio.sleep(0.02)
        claimed = (await work.exchange([], Demand("w", 10, frozenset({"job", "fifo"})))).deliveries
        assert {item.subscription for item in claimed} == {"job", "fifo"}
        await work.exchange([Settlement(item.handle, item.token, "done") for item in claimed])
        await work.close()
    finally:
        node.kill()


async def call_everything(work: Queue) -> dict[str, float]:
    """Every method of a queue on a server that does not answer; seconds that each took to say so."""
    calls = {
        "publish": lambda: work.publish([message()]),
        "exchange": lambda: work.exchange([], demand()),
        "beat": lambda: work.beat("w", 30.0),
        "owners": work.owners,
        "reap": work.reap,
        "suspects": work.suspects,
        "abandon": lambda: work.abandon("w"),
        "cancel": lambda: work.cancel(new_id()),
        "dead": lambda: work.dead(DeadQuery()),
        "redrive": lambda: work.redrive(DeadQuery()),
        "discard": lambda: work.discard(DeadQuery()),
        "pause": lambda: work.pause("job", True),
        "stats": work.stats,
        "tick": lambda: work.tick("s", 1.0, []),
        "schedules": work.schedules,
        "pause_schedule": lambda: work.pause_schedule("s", True, 1.0),
        "prune": lambda: work.prune(1.0),
        "subscribe": lambda: work.subscribe([JOB], steps=["job"]),
        "subscribers": lambda: work.subscribers("t"),
        "migrate": work.migrate,
        "check": work.check,
        "unfinished": lambda: work.unfinished(UnfinishedQuery("job", "ready")),
    }
    public = {name for name, value in inspect.getmembers(Queue, inspect.isfunction) if not name.startswith("_")}
    assert public - calls.keys() == {"settle", "listen", "close"}
    took = {}
    for name, call in calls.items():
        began = time.monotonic()
        with pytest.raises(QueueUnavailable):
            await call()
        took[name] = time.monotonic() - began
    return took


@pytest.mark.parametrize("driver", ["waiting", "blocking"])
async def test_every_call_has_a_deadline(server: Server, backend: Backend, driver: str) -> None:
    ports = getattr(backend, driver)
    await ports.queue.subscribe([JOB], steps=["job"])
    server.pause()
    took = await call_everything(ports.queue)
    began = time.monotonic()
    with pytest.raises(QueueUnavailable):
        await ports.store.get("g", "k")
    took["state"] = time.monotonic() - began
    assert max(took.values()) <= DEADLINE + 0.2, took
    server.resume()
    await ports.queue.publish([message("after")])
    payloads = [item.payload for item in (await ports.queue.exchange([], demand(100))).deliveries]
    assert payloads[-1] == "after"


async def test_an_interrupted_call_never_gets_another_ones_answer(server: Server) -> None:
    """A thousand cancellations while an answer is on its way; redis-py once gave those to the next caller."""
    store = WaitingRedis(RedisServer(server.url(), prefix="x", deadline=5.0))
    spread = random.Random(5)
    wrong: list[tuple[str, str]] = []
    cancelled = 0

    async def ask(number: int) -> None:
        nonlocal cancelled
        with anyio.move_on_after(spread.uniform(0.0, 0.01)) as scope:
            answer = (await store.command("ECHO", f"n{number}")).decode()
            if answer != f"n{number}":
                wrong.append((f"n{number}", answer))
        cancelled += scope.cancelled_caught

    for start in range(0, 2_000, 100):
        async with anyio.create_task_group() as tasks:
            for number in range(start, start + 100):
                tasks.start_soon(ask, number)
    assert cancelled > 200
    assert wrong == []
    with redis.Redis(port=server.port) as client:
        with anyio.fail_after(5):
            while len(client.client_list()) > LINES + 1:
                await anyio.sleep(0.05)
    await store.server.close()


async def test_a_forked_child_makes_connections_of_its_own(server: Server) -> None:
    opened = RedisServer(server.url(), prefix="x", deadline=5.0)
    driver = BlockingRedis(opened)
    mine = int(await driver.command("CLIENT", "ID"))
    pid = os.fork()
    if pid == 0:
        try:
            work = driver.command("CLIENT", "ID")
            try:
                work.send(None)
            except StopIteration as stop:
                os._exit(0 if int(stop.value) != mine else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert int(await driver.command("CLIENT", "ID")) == mine
    await opened.close()


def test_connections_are_made_when_first_needed(server: Server) -> None:
    with redis.Redis(port=server.port) as client:
        before = client.info("stats")["total_connections_received"]
        open_backend(server.url(), SystemClock(), 5.0)
        Motia(server.url())
        assert client.info("stats")["total_connections_received"] == before


async def test_wake_ups_come_back_after_a_restart(server: Server, backend: Backend) -> None:
    work = backend.waiting.queue
    other = open_backend(server.url(), SystemClock(), 5.0)
    await work.subscribe([JOB], steps=["job"])
    told = anyio.Event()

    def notify() -> None:
        told.set()

    async def told_within(seconds: float) -> None:
        nonlocal told
        with anyio.fail_after(seconds):
            while not told.is_set():
                await other.waiting.queue.publish([message()])
                await work.exchange([], demand(1000))
                with anyio.move_on_after(0.05):
                    await told.wait()
        told = anyio.Event()

    with work.listen(notify):
        await told_within(5)
        server.restart()
        await told_within(15)
    await other.waiting.queue.close()


def test_threads_share_the_blocking_driver(server: Server) -> None:
    driver = BlockingRedis(RedisServer(server.url(), prefix="x", deadline=5.0))
    wrong: list[object] = []

    def ask(name: str) -> None:
        for number in range(200):
            try:
                driver.command("ECHO", f"{name}{number}").send(None)
            except StopIteration as stop:
                if stop.value != f"{name}{number}".encode():
                    wrong.append(stop.value)

    threads = [threading.Thread(target=ask, args=(f"t{index}-",)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.fixture
async def far(server: Server) -> AsyncIterator[tuple[Proxy, Backend]]:
    """The server by way of a proxy."""
    with proxied(server.port) as proxy:
        opened = open_backend(server.url(proxy.port), SystemClock(), 5.0)
        yield proxy, opened
        await opened.waiting.queue.close()


@pytest.mark.parametrize("driver", ["waiting", "blocking"])
async def test_what_must_not_run_twice_is_not_sent_again_when_its_answer_is_lost(
    server: Server, backend: Backend, far: tuple[Proxy, Backend], driver: str
) -> None:
    """The server has run the script each time; whoever called hears that nothing is known, and it has run once."""
    proxy, opened = far
    far_ports, near = getattr(opened, driver), backend.waiting
    await near.queue.subscribe([JOB], steps=["job"])
    seen: list[str | None] = []
    armed: list[None] = []

    def more(old: str | None) -> str:
        return str(int(old or "0") + 1)

    def calls(ports: Any, owner: str, written: Callable[[Any, Any], Awaitable[None]]) -> Iterator[Any]:
        """``written`` comes last before what a call writes, after what it has read."""
        yield lambda: ports.store.change("g", "k", more, follow=written)
        yield lambda: ports.streams.change("s", "g", "i", more, follow=written)
        yield lambda: ports.streams.emit("s", "g", None, '{"type":"x","data":1}', follow=written)
        yield lambda: ports.queue.exchange([], Demand(owner, 1, frozenset({"job"})))
        yield lambda: ports.store.clear("g", follow=written)

    async def untold(change: Any, via: Any) -> None: ...

    async def told(change: Any, via: Any) -> None:
        await near.queue.publish([message("told")], via=via)
        if not armed:
            armed.append(proxy.lose_answer())

    for call in calls(near, "v", untold):  # the server knows the scripts after this
        await call()
    for call in calls(far_ports, "w", told):
        await far_ports.store.get("g", "k")  # a connection is there
        await near.queue.publish([message("for the exchange")])
        armed.clear()
        proxy.lose_answer()  # of what it reads first, if it does: that is asked again
        with pytest.raises(QueueUnavailable):
            await call()
        assert not proxy.losing
        seen.append(await near.store.get("g", "k"))
    assert seen == ["1", "1", "1", "1", None]
    entries = await near.streams.read("s", 0, 10)
    assert entries is not None
    assert [entry.kind for entry in entries] == ["create", "event", "update", "event"]
    assert await near.streams.get("s", "g", "i") == "2"
    assert len(await near.queue.beat("w", 30.0)) == 1, "only the first run has claimed"
    claimed = (await near.queue.exchange([], demand(100))).deliveries
    assert len([item for item in claimed if item.payload == "told"]) == 4, "each change is told of once"


@pytest.mark.parametrize("driver", ["waiting", "blocking"])
async def test_what_may_run_twice_is_sent_again_when_its_answer_is_lost(
    server: Server, backend: Backend, far: tuple[Proxy, Backend], driver: str
) -> None:
    proxy, opened = far
    ports, near = getattr(opened, driver), backend.waiting
    await near.queue.subscribe([JOB], steps=["job"])
    for call in (
        lambda: ports.queue.publish([message("1")]),
        lambda: ports.queue.tick("s", 1.0, [message("2")]),
        lambda: ports.store.get("g", "k"),
    ):
        await ports.store.get("g", "k")
        proxy.lose_answer()
        await call()
        assert not proxy.losing
    payloads = [item.payload for item in (await near.queue.exchange([], demand())).deliveries]
    assert sorted(payloads) == ["1", "2"]


@pytest.mark.parametrize("driver", ["waiting", "blocking"])
async def test_a_connection_that_ended_while_idle_is_replaced_before_anything_is_sent(
    server: Server, backend: Backend, driver: str
) -> None:
    ports = getattr(backend, driver)
    await ports.store.get("g", "k")
    with redis.Redis(port=server.port) as client:
        client.client_kill_filter(_type="normal", skipme=True)
        with anyio.fail_after(5):
            while len(client.client_list()) > 1:
                await anyio.sleep(0.01)
    for _ in range(10):
        await anyio.sleep(0)  # the loop hears of it
    assert (await ports.streams.emit("s", "g", None, '{"type":"x","data":1}')).seq == 1

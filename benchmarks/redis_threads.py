"""Peers on Redis that run threads: Huey, Celery and Dramatiq, 8 threads each."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.apart import Figures, finish
from benchmarks.queues import DATA, LIVE, MESSAGES, PINGS, SINGLE
from benchmarks.tables import percentile

THREADS = 8
Send = Callable[[str, Any], Any]


class Tally:
    """Counts from many threads; ``all`` is set when as many as expected have run."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.first = self.last = 0.0
        self.all = threading.Event()
        self._count = itertools.count(1)

    def one(self) -> None:
        now, number = time.perf_counter(), next(self._count)
        if number == 1:
            self.first = now
        if number == self.expected:
            self.last = now
            self.all.set()

    @property
    def rate(self) -> float:
        return (self.expected - 1) / (self.last - self.first)


class Traffic:
    """What the handlers saw, and what is sent to them."""

    def __init__(self) -> None:
        self.backlog, self.live, self.latencies = Tally(MESSAGES), Tally(LIVE), list[float]()

    def handle(self, kind: str, data: Any) -> None:
        if kind == "job":
            self.backlog.one()
        elif kind == "live":
            self.live.one()
        else:
            self.latencies.append(time.perf_counter() - data["sent"])

    def work(self, send: Send, run: Callable[[], Any]) -> None:
        """Send the backlog, run the worker in this thread, and end the process with the figures."""
        began = time.perf_counter()
        for _ in range(SINGLE):
            send("job", DATA)
        single = SINGLE / (time.perf_counter() - began)
        for _ in range(MESSAGES - SINGLE):
            send("job", DATA)
        threading.Thread(target=lambda: finish(self._rest(send, single)), daemon=True).start()
        run()
        threading.Event().wait()

    def _rest(self, send: Send, single: float) -> Figures:
        self.backlog.all.wait()
        for _ in range(LIVE):
            send("live", DATA)
        self.live.all.wait()
        for _ in range(PINGS):
            time.sleep(0.005)
            send("ping", {"sent": time.perf_counter()})
        time.sleep(1.0)
        return {
            "enqueue": single,
            "consume": self.backlog.rate,
            "live": self.live.rate,
            "p50": percentile(self.latencies, 0.5) * 1000,
            "p99": percentile(self.latencies, 0.99) * 1000,
        }


def huey(url: str) -> None:
    """Takes a message off the list before it runs it: at most once."""
    from huey import RedisHuey  # noqa: PLC0415  # one of the three is loaded

    traffic, app = Traffic(), RedisHuey("bench", url=url, results=False)

    @app.task()
    def job(kind: str, data: Any) -> None:
        traffic.handle(kind, data)

    traffic.work(job, app.create_consumer(workers=THREADS, worker_type="thread").run)


def celery(url: str) -> None:
    """Late acknowledgement, a thread pool, and 100 messages fetched ahead."""
    from celery import Celery  # noqa: PLC0415  # one of the three is loaded

    traffic, app = Traffic(), Celery("bench", broker=url)
    app.conf.update(task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=12)

    @app.task(name="job")
    def job(kind: str, data: Any) -> None:
        traffic.handle(kind, data)

    options = ["worker", "--pool", "threads", "--concurrency", str(THREADS), "--loglevel", "ERROR"]
    traffic.work(job.delay, lambda: app.worker_main(options))


def dramatiq(url: str) -> None:
    """Its Redis broker, which acknowledges after the handler."""
    from dramatiq import Worker, actor, set_broker  # noqa: PLC0415  # one of the three is loaded
    from dramatiq.brokers.redis import RedisBroker  # noqa: PLC0415

    traffic, broker = Traffic(), RedisBroker(url=url)
    set_broker(broker)

    @actor(actor_name="job")
    def job(kind: str, data: Any) -> None:
        traffic.handle(kind, data)

    traffic.work(job.send, Worker(broker, worker_threads=THREADS).start)

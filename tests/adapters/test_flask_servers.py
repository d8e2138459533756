"""A Flask app of one file under gunicorn: sync workers, threads, and processes forked from an app that was in use."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from motia.testing.conformance.adapters import Client
from tests.adapters.serving import gunicorn

APP = dedent(
    """
    import os
    import time

    from flask import Flask, current_app
    from motia import Motia, cron, enqueue, http, queue, step
    from motia.integrations.flask import mount

    def note(*words):
        with open("ledger", "a") as ledger:
            ledger.write(" ".join(map(str, words)) + "\\n")

    @step(triggers=[http("GET", "/def/:n")], enqueues=["work"])
    def plain(req, ctx):
        ctx.enqueue("work", req.path_params["n"])
        return {"pid": os.getpid()}

    @step(triggers=[http("GET", "/async/:n")], enqueues=["work"])
    async def waiting(req, ctx):
        await ctx.enqueue("work", req.path_params["n"])
        return {"pid": os.getpid()}

    @step(triggers=[queue("work")])
    def work(n):
        note("began", n, os.getpid())
        if "SLOW" in os.environ and open("ledger").read().count(f"began {n} ") == 1:
            time.sleep(600)
        note("work", n, os.getpid(), current_app.name)

    @step(triggers=[cron("* * * * * *")])
    async def tick(ctx):
        note("tick", int(ctx.trigger.scheduled_time.timestamp()))

    app = Flask("shop")
    mount(app, Motia("sqlite:///app.db", steps=[plain, waiting, work, tick]))

    @app.get("/view/<n>")
    def view(n):
        enqueue("work", n)
        return {"pid": os.getpid()}

    if os.environ.get("USED_BEFORE"):
        with app.app_context():
            enqueue("work", "before")
        note("parent", os.getpid())
    """
)
KINDS = {
    "sync": (["-w", "3"], {}),
    "gthread": (["-w", "2", "--threads", "4"], {}),
    "preload": (["-w", "3", "--preload"], {}),
    "preload-used": (["-w", "2", "--threads", "4", "--preload"], {"USED_BEFORE": "1"}),
}
REQUESTS = 45


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "ledger").touch()
    return tmp_path


def _lines(folder: Path, kind: str) -> Iterator[list[str]]:
    for line in (folder / "ledger").read_text().splitlines():
        words = line.split()
        if words[0] == kind:
            yield words[1:]


def _until(ready: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ready()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _awake(address: tuple[str, int]) -> Client:
    """A client, once the server answers: importing takes its time on a busy machine."""
    client = Client(address)

    def answers() -> bool:
        try:
            return client.get("/nowhere").status == 404
        except TimeoutError:
            return False

    assert _until(answers, 60)
    return client


def _burst(client: Client, numbers: range) -> set[int]:
    """Have messages sent in all ways, eight at a time; the processes that answered."""
    targets = [f"/{('def', 'async', 'view')[number % 3]}/{number}" for number in numbers]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(client.get, targets))
    assert {reply.status for reply in replies} == {200}
    return {reply.json["pid"] for reply in replies}


@pytest.mark.parametrize("kind", KINDS)
def test_every_message_is_handled_once(folder: Path, kind: str) -> None:
    options, env = KINDS[kind]
    with gunicorn("app:app", *options, cwd=folder, env=env) as address:
        client = _awake(address)
        sent, servers = 0, set[int]()
        while len(servers) < 2 and sent < 20 * REQUESTS:  # which process answers is the system's choice
            servers |= _burst(client, range(sent, sent + REQUESTS))
            sent += REQUESTS
        assert len(servers) > 1, "one process answered everything"
        expected = sent + len(env)
        assert _until(lambda: len(list(_lines(folder, "work"))) >= expected and len(list(_lines(folder, "tick"))) > 1)
    handled = list(_lines(folder, "work"))
    assert sorted(words[0] for words in handled) == sorted([*map(str, range(sent)), *(["before"] if env else [])])
    assert {words[2] for words in handled} == {"shop"}
    workers = {int(words[1]) for words in handled}
    assert not workers & {int(words[0]) for words in _lines(folder, "parent")}, "the parent of all works too"
    ticks = Counter(words[0] for words in _lines(folder, "tick"))
    assert set(ticks.values()) == {1}, "several processes fired the same tick"


def test_work_of_a_killed_process_is_taken_over(folder: Path) -> None:
    env = {"MOTIA_LEASE": "1", "MOTIA_GRACE": "1", "SLOW": "1"}
    with gunicorn("app:app", "-w", "2", cwd=folder, env=env) as address:
        client = _awake(address)
        client.get("/def/1")
        began = _until(lambda: list(_lines(folder, "began")))
        assert began
        os.kill(int(began[0][1]), 9)
        for number in range(4):  # so that the other process, or the new one, opens the app
            client.get(f"/nowhere/{number}")
        assert _until(lambda: list(_lines(folder, "work")), 40)
    assert [words[0] for words in _lines(folder, "began")] == ["1", "1"]

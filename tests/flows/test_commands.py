"""The command line against real apps, in process; the worker has tests of its own among the faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from motia.cli import cli
from motia.errors import ConfigError

APP = """
from motia import Discard, Motia, cron, http, queue, step

@step("create", triggers=[http("POST", "/orders/:id")], enqueues=["created", "nobody"], flows=["orders"])
async def create(req, ctx): ...

@step("handle", triggers=[queue("created")])
async def handle(data, ctx):
    raise Discard("no good")

@step("nightly", triggers=[cron("0 3 * * *", timezone="Europe/Berlin")])
async def nightly(ctx): ...

@step("double")
def double(data):
    return data * 2

@step("fall")
def fall(data):
    raise ValueError("no")

motia = Motia("sqlite:///cli.db", steps=[create, handle, nightly, double, fall])

def make():
    return motia
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"app_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return f"{name}:motia"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_steps_and_routes(app: str) -> None:
    steps = run_json("steps", app)
    assert [item["name"] for item in steps] == ["create", "handle", "nightly", "double", "fall"]
    assert (steps[0]["triggers"], steps[0]["enqueues"], steps[0]["flows"]) == (
        ["http"],
        ["created", "nobody"],
        ["orders"],
    )
    assert "create   http      created, nobody  orders" in run("steps", app)
    assert run_json("routes", app) == [{"method": "POST", "path": "/orders/:id", "step": "create"}]
    assert "POST    /orders/:id  create" in run("routes", app)


def test_a_factory_is_called(app: str) -> None:
    assert len(run_json("steps", app.replace("motia", "make()"))) == 5


def test_emit_drain_and_dead_letters(app: str) -> None:
    message = run("emit", app, "created", '{"id": 1}').strip()
    counts = {item["id"]: item for item in run_json("queues", app)}
    assert counts["handle#created"]["ready"] == 1
    run("worker", app, "--drain")
    (letter,) = run_json("dead", app, "list")
    assert letter.keys() == {
        "id", "step", "topic", "attempts", "crashes", "reason", "error", "payload", "trace_id", "dead_at"
    }  # fmt: skip
    assert (letter["id"], letter["step"], letter["payload"]) == (f"{message}:handle#created", "handle", {"id": 1})
    assert "1 dead letter: redrive" in run("dead", app, "redrive", letter["id"])
    assert run_json("dead", app) == []
    run("worker", app, "--drain")
    assert run_json("dead", app, "discard", "--step", "handle") == {"discard": 1}


def test_pausing_a_step(app: str) -> None:
    run("queues", app, "pause", "handle")
    assert {item["paused"] for item in run_json("queues", app) if item["step"] == "handle"} == {True}
    run("queues", app, "resume", "handle")
    assert {item["paused"] for item in run_json("queues", app) if item["step"] == "handle"} == {False}
    with pytest.raises(ConfigError, match="no step 'handel' to pause; did you mean 'handle'"):
        run("queues", app, "pause", "handel")


def test_schedules(app: str) -> None:
    run("schedules", app, "pause", "nightly")
    (entry,) = run_json("schedules", app)
    assert (entry["step"], entry["timezone"], entry["paused"]) == ("nightly", "Europe/Berlin", True)
    run("schedules", app, "run", "nightly")
    ready = sum(item["ready"] for item in run_json("queues", app) if item["step"] == "nightly")
    assert ready == 1


def test_check_finds_topics_that_nobody_consumes(app: str) -> None:
    result = CliRunner().invoke(cli, ["check", app, "--json"])
    assert result.exit_code == 1
    assert json.loads(result.output) == ["step 'create' enqueues 'nobody', which no step subscribes to"]


def test_invoke_and_migrate(app: str) -> None:
    assert json.loads(run("invoke", app, "double", "21")) == 42
    assert "up to date" in run("migrate", app)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("no.such:motia", "cannot import 'no.such': {tmp} has no module 'no', and none is installed"),
        ("{module}:motai", "has no 'motai'; did you mean 'motia'"),
        ("{module}:APP_", "has no 'APP_'"),
        ("{module}:create", "expected a Motia at '{module}:create', got Step; did you mean '{module}:motia'?"),
        ("nothing", "expected APP as pkg.module:attribute"),
        ("{module}", "did you mean '{module}:motia'?"),
        ("{module}.py", "did you mean '{module}:motia'?"),
        ("./{module}.py:make()", "did you mean '{module}:make()'?"),
        ("{module}:", "did you mean '{module}:motia'?"),
        (":motia", "expected APP as"),
        ("no/such/folder", "there is no such folder"),
    ],
)
def test_a_wrong_app_is_one_sentence(app: str, spec: str, message: str) -> None:
    module = app.split(":", maxsplit=1)[0]
    with pytest.raises(ConfigError) as caught:
        run("steps", spec.format(module=module))
    assert message.format(module=module, tmp=Path.cwd()) in str(caught.value)


def test_the_app_of_a_framework_is_no_motia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flask_app_of_steps.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    (tmp_path / "fast_app_of_steps.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="is `flask --app flask_app_of_steps:app motia`"):
        run("steps", "flask_app_of_steps:app")
    with pytest.raises(ConfigError, match="got FastAPI; give the Motia that it mounts a name of its own"):
        run("steps", "fast_app_of_steps:app")


def test_a_worker_of_its_own_refuses_a_memory_that_is_not_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in_memory_app.py").write_text('from motia import Motia\n\nmotia = Motia("memory:")\n')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="share no memory"):
        CliRunner().invoke(cli, ["worker", "in_memory_app:motia"], catch_exceptions=False)


CHECKED = """
from motia import Motia, http, queue, step

@step(triggers=[http("GET", "/a")], enqueues=["known"])
async def sender(req, ctx):
    await ctx.enqueue("known", {})
    await ctx.emit({"topic": "unheard", "data": {}})
    await reached.enqueue({"type": "visa"})
    await charge.enqueue({"type": "mastercard"})
    on_commit(by_callback.enqueue)
    await ctx.invoke("by-name", 1)

@step(triggers=[queue("known")])
async def reached(data, ctx): ...

def pay(data, ctx): ...

charge = step({"name": "charge", "triggers": [queue("charge.wanted")]}, pay)

@step(triggers=[queue("callback.wanted")])
async def by_callback(data, ctx): ...

@step("by-name", triggers=[queue("name.wanted")])
async def by_name(data, ctx): ...

@step
async def bare(data, ctx): ...

@step(triggers=[queue("never.sent")])
async def lonely(data, ctx): ...

motia = Motia("sqlite:///cli.db", steps=[sender, reached, charge, by_callback, by_name, bare, lonely])
"""


def test_check_finds_unknown_topics_unreachable_steps_and_orphaned_deliveries(
    app: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("emit", app, "created", '{"id": 1}')  # for a step that the next app does not have
    name = f"checked_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(CHECKED)
    result = CliRunner().invoke(cli, ["check", f"{name}:motia", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.output) == [
        f"{name}.py:7 sends 'unheard', an unknown topic: no step subscribes to it, and no config declares it",
        "step 'lonely' is unreachable: no code and no config of this app sends 'never.sent'",
        "1 deliveries wait for 'handle#created', which no step of this app serves",
    ]


def test_graph(app: str, tmp_path: Path) -> None:
    assert run("graph", app, "--flow", "orders") == (
        'flowchart LR\n  subgraph f0["orders"]\n    f0n0(["create<br/>POST /orders/:id"])\n  end\n'
    )
    assert [flow["name"] for flow in run_json("graph", app)] == ["orders", "steps"]
    run("graph", app, "-o", str(tmp_path / "flows.svg"))
    assert (tmp_path / "flows.svg").read_text().startswith("<svg ")
    with pytest.raises(ConfigError, match="no flow 'order'; did you mean 'orders'"):
        run("graph", app, "--flow", "order")


def test_openapi(app: str) -> None:
    document = json.loads(run("openapi", app, "--title", "Shop", "--api-version", "2", "--prefix", "/api"))
    assert (document["openapi"], document["info"]) == ("3.1.0", {"title": "Shop", "version": "2"})
    (parameter,) = document["paths"]["/api/orders/{id}"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("id", "path", True)


def test_emit_and_invoke_speak_json(app: str) -> None:
    assert run_json("emit", app, "created", '{"id": 1}').keys() == {"message_id", "duplicate"}
    assert run_json("invoke", app, "double", "2") == 4


def test_what_a_step_raises_is_shown_from_the_step_on(app: str) -> None:
    result = CliRunner().invoke(cli, ["invoke", app, "fall"])
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert "in fall" in lines[1]
    assert lines[-1] == "ValueError: no"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    assert "_MOTIA_COMPLETE" in run("completion", shell)


def test_app_is_completed(app: str, tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    words = {"COMP_WORDS": "motia steps ", "COMP_CWORD": "2", "_MOTIA_COMPLETE": "bash_complete"}
    done = CliRunner(env=words).invoke(cli, prog_name="motia", complete_var="_MOTIA_COMPLETE")
    assert "plain,steps" in done.output
    assert f"plain,{app.split(':', maxsplit=1)[0]}:" in done.output


def test_a_worker_that_is_to_serve_what_there_is_not_does_not_start(app: str) -> None:
    with pytest.raises(ConfigError, match="no step or topic 'nope' to serve; known: create, created"):
        CliRunner().invoke(cli, ["worker", app, "-q", "nope"], catch_exceptions=False)

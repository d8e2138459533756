"""A Flask app of one file in an empty folder, as its page has it: served, and worked for by a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tests.docs.running import write

FLASK = [sys.executable, "-m", "flask"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(ROOT / "docs" / "flask.md", tmp_path)
    return tmp_path


@contextmanager
def flask_run(folder: Path, env: Mapping[str, str] = {}) -> Iterator[str]:
    """``flask run`` for the time of a block; yields its address."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*FLASK, "run", "--port", "0"], cwd=folder, stderr=log, env={**os.environ, **env})
        try:
            yield _address(process, folder / "log")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        if found := re.search(r"Running on (http://\S+)", log.read_text()):
            return found[1]
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def asked(method: str, url: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=20) as answer:
        return json.load(answer)


def counted(url: str, wanted: int) -> bool:
    deadline = time.monotonic() + 20
    while (found := asked("GET", url)["greetings"]) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(found == wanted)


def test_steps_answer_and_messages_are_handled(folder: Path) -> None:
    with flask_run(folder) as address:
        assert asked("POST", f"{address}/greetings/ada") == {"hello": "ada"}
        assert counted(f"{address}/greetings/ada", 1)


def test_worker_of_its_own(folder: Path) -> None:
    with flask_run(folder, {"MOTIA_ENV": "production"}) as address:
        for _ in range(3):
            asked("POST", f"{address}/greetings/ada")
        assert asked("GET", f"{address}/greetings/ada") == {"greetings": 0}
        command = [*FLASK, "motia", "worker", "--drain"]
        worker = subprocess.run(command, cwd=folder, check=False, timeout=50, stderr=subprocess.PIPE, text=True)
        assert worker.returncode == 0
        assert "worker of this app on " in worker.stderr
        assert asked("GET", f"{address}/greetings/ada") == {"greetings": 3}


def test_commands_know_the_app(folder: Path) -> None:
    def told(*words: str) -> Any:
        command = [*FLASK, "--app", "factory", "motia", *words]
        return json.loads(subprocess.check_output(command, cwd=folder, timeout=50))

    assert [(row["method"], row["path"]) for row in told("routes", "--json")] == [("POST", "/greetings/:name")]
    assert list(told("openapi")["paths"]) == ["/greetings/{name}"]
    assert (folder / "greetings.db").exists() is False, "these commands open nothing"
    assert {row["step"] for row in told("queues", "--json")} == {"count", "greet"}

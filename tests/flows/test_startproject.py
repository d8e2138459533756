"""``django-admin startproject`` in an empty folder, then what ``docs/django.md`` says, under real servers."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django")
ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```py\n# (\S+)\n(.*?)```", re.DOTALL)
DEADLINE = 30.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project, with the page's lines, migrated."""
    _python(tmp_path, "-m", "django", "startproject", "site1", ".")
    _manage(tmp_path, "startapp", "shop")
    for name, text in BLOCK.findall((ROOT / "docs" / "django.md").read_text()):
        if name == "settings.py":
            with (tmp_path / "site1" / name).open("a") as settings:
                settings.write(text)
        else:
            (tmp_path / ("site1" if "/" not in name else ".") / name).write_text(text)
    _manage(tmp_path, "migrate")
    assert "No changes detected" in _manage(tmp_path, "makemigrations", "--check")
    return tmp_path


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "MOTIA_"))}


def _python(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _manage(folder: Path, *arguments: str) -> str:
    return _python(folder, "manage.py", *arguments)


@contextmanager
def _running(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, *arguments], cwd=folder, env=_environment(), start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _ask(port: int, method: str, path: str) -> Any:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.loads(reply.read())


def _until(ready: Any) -> Any:
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            if (found := ready()) is not None:
                return found
        except OSError:
            pass
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


SERVERS = {
    "runserver": ["manage.py", "runserver", "--noreload", "{port}"],
    "gunicorn": ["-m", "gunicorn", "-b", "127.0.0.1:{port}", "-w", "2", "--log-level", "warning", "site1.wsgi"],
    "gunicorn-gthread": [
        *["-m", "gunicorn", "-b", "127.0.0.1:{port}", "-k", "gthread", "--threads", "4", "--preload"],
        *["-w", "2", "--log-level", "warning", "site1.wsgi"],
    ],
    "uvicorn": ["-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "site1.asgi:application"],
}


@pytest.mark.parametrize(
    "server",
    [
        "runserver",
        "uvicorn",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("gunicorn", "gunicorn-gthread")),
    ],
)
def test_a_step_answers_and_a_background_step_runs(project: Path, server: str) -> None:
    port = _free_port()
    command = [part.format(port=port) for part in SERVERS[server]]
    with _running(project, *command):
        assert _until(lambda: _ask(port, "POST", "/greetings/ada")) == {"hello": "ada"}
        if server != "runserver":
            _manage(project, "motia_worker", "--drain", "--no-reload")
        _until(lambda: _ask(port, "GET", "/greetings/ada")["greetings"] or None)
        assert _ask(port, "GET", "/greetings/ada") == {"greetings": 1}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [((), "run `manage.py migrate motia`"), (("-q", "nope"), "no step or topic 'nope' to serve")],
    ids=["no tables", "a wrong name"],
)
def test_a_worker_that_reloads_and_cannot_work_ends(project: Path, options: tuple[str, ...], sentence: str) -> None:
    (project / "db.sqlite3").unlink()
    command = [sys.executable, "manage.py", "motia_worker", "--reload", *options]
    done = subprocess.run(
        command, cwd=project, env=_environment(), capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert sentence in done.stderr


CRASH = """
import os, sys
import django
django.setup()
from django.db import transaction
import motia
with transaction.atomic():
    motia.enqueue("greeted", {"name": sys.argv[1]})
os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
def test_what_was_committed_is_handled_once_though_the_process_dies_at_once(project: Path) -> None:
    """Twenty kills between COMMIT and the next line, with a worker that runs all the while."""
    environment = {**_environment(), "DJANGO_SETTINGS_MODULE": "site1.settings"}
    port = _free_port()
    with _running(project, "manage.py", "motia_worker", "--no-reload"):
        for number in range(20):
            done = subprocess.run(
                [sys.executable, "-c", CRASH, f"n{number}"], cwd=project, env=environment, check=False
            )
            assert done.returncode == -signal.SIGKILL
        with _running(
            project, "-m", "uvicorn", "--port", str(port), "--log-level", "warning", "site1.asgi:application"
        ):
            for number in range(20):
                _until(lambda number=number: _ask(port, "GET", f"/greetings/n{number}")["greetings"] or None)
            counts = [_ask(port, "GET", f"/greetings/n{number}")["greetings"] for number in range(20)]
    assert counts == [1] * 20

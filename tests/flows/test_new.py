"""``motia new``: what it makes runs and tests at once, whatever the framework."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from motia import ConfigError
from motia.cli import cli
from tests.flows.developing import eventually

TESTS = {"django": ["manage.py", "test"]}
SERVERS = {
    "plain": ["-m", "motia", "dev", "--no-reload", "--port", "{port}"],
    "fastapi": ["-m", "motia", "dev", "app:app", "--no-reload", "--port", "{port}"],
    "flask": ["-m", "flask", "run", "--debug", "--no-reload", "--port", "{port}"],
    "django": ["manage.py", "runserver", "--noreload", "127.0.0.1:{port}"],
}
STATUS = {"django": "state"}


def has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # an adapter whose framework is not installed
        return False


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    needed = ("uvicorn", "dotenv") if name == "plain" else (name, f"motia.integrations.{name}")
    for module in needed:
        if not has(module):
            pytest.skip(f"{module} is not here")
    return name


@pytest.fixture
def project(kind: str, tmp_path: Path) -> Path:
    folder = tmp_path / f"my-{kind}"
    made = CliRunner().invoke(cli, ["new", str(folder), "--template", kind], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    assert f"next: cd {folder}" in made.output
    return folder


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("MOTIA_", "DJANGO_"))}


def test_its_tests_pass(kind: str, project: Path) -> None:
    command = [sys.executable, *TESTS.get(kind, ["-m", "pytest", "-q", "-p", "no:cacheprovider"])]
    done = subprocess.run(
        command, cwd=project, env=environment(), capture_output=True, text=True, timeout=55, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_runs(kind: str, project: Path) -> None:
    before = set(project.rglob("*"))
    if kind == "django":
        migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
        subprocess.run(migrate, cwd=project, env=environment(), check=True, timeout=50)
    with serving(kind, project) as http:
        eventually(lambda: answers(http))
        answer = http.post("/orders", json={"item": "lamp"})
        assert answer.status_code == 201, answer.text
        order = f"/orders/{answer.json()['order_id']}"
        key = STATUS.get(kind, "status")
        eventually(lambda: http.get(order).json()[key] == "billed")
        assert http.get("/orders/0").status_code == 404
        assert http.get("/orders/none").status_code == 404
    patterns = [pattern.rstrip("/") for pattern in (project / ".gitignore").read_text().split()]
    left = [path.relative_to(project).parts for path in set(project.rglob("*")) - before]
    assert [parts for parts in left if not any(fnmatch(part, each) for part in parts for each in patterns)] == []


def answers(http: httpx2.Client) -> bool:
    try:
        return http.get("/orders/0").status_code == 404
    except httpx2.TransportError:
        return False


@contextmanager
def serving(kind: str, project: Path) -> Iterator[httpx2.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, *(word.format(port=port) for word in SERVERS[kind])]
    process = subprocess.Popen(command, cwd=project, env=environment(), stderr=subprocess.DEVNULL)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            yield http
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("full", "expected '.*full' to be a new or an empty folder"),
        ("no good", "a project's name expected letters"),
    ],
)
def test_a_project_that_cannot_be_made(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    with pytest.raises(ConfigError, match=sentence):
        CliRunner().invoke(cli, ["create", str(tmp_path / name)], catch_exceptions=False)


@pytest.mark.parametrize("name", ["orders", "django", "json", "test"])
def test_django_would_be_hidden_by_a_project_of_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="would hide a module"):
        CliRunner().invoke(cli, ["new", str(tmp_path / name), "-t", "django"], catch_exceptions=False)

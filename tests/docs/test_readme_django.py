"""The Django lines of the README, in a project that ``django-admin`` has just made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

pytest.importorskip("django", reason="Django is not installed")
_SIGN_UP = """
from django.test import Client
answer = Client(HTTP_HOST="localhost").post("/signups", {"name": "ada"}, content_type="application/json")
print(answer.status_code, answer.json())
"""


def run(folder: Path, *words: str) -> str:
    """What a command prints; it must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "MOTIA_"))}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_django_lines_of_the_readme_work(tmp_path: Path) -> None:
    run(tmp_path, "-m", "django", "startproject", "site1", ".")
    run(tmp_path, "manage.py", "startapp", "shop")
    places = {"settings.py": tmp_path / "site1/settings.py", "urls.py": tmp_path / "site1/urls.py"}
    for block in blocks(ROOT / "README.md", "py"):
        name, _, text = block.text.removeprefix("# ").partition("\n")
        with places.get(name, tmp_path / name).open("a") as file:
            file.write(text)

    assert "No changes detected" in run(tmp_path, "manage.py", "makemigrations", "--check", "--dry-run")
    run(tmp_path, "manage.py", "migrate")
    assert "200 {'id': 1}" in run(tmp_path, "manage.py", "shell", "-c", _SIGN_UP)
    assert "ada" in run(tmp_path, "manage.py", "motia_worker", "--drain")

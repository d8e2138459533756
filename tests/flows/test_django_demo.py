"""``make demo-django``, and the tests of the example, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("django")
ROOT = Path(__file__).parents[2]


def test_the_demo_shows_its_orders_and_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.django_app.demo"],
        cwd=ROOT,
        env={**os.environ, "DEMO_ONCE": "1", "TMPDIR": str(tmp_path), "MOTIA_URL": "sqlite:///not-this-one.db"},
        capture_output=True,
        text=True,
        timeout=58,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines() if " after " in line] == [
        "shipped",
        "shipped",
        "cancelled",
    ]
    assert "409: not enough of desk in stock" in done.stdout
    assert 'Stock: {"book": 97, "desk": 5}' in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert not (ROOT / "not-this-one.db").exists()


def test_the_examples_own_tests_pass() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "test", "orders"],
        cwd=ROOT / "examples" / "django_app",
        env={name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr

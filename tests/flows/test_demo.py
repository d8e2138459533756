"""``make demo`` in a process of its own, as a person sees it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "examples.fastapi_app.demo"]
TRACE = re.compile(r"^ *\d+ ms  ([0-9a-f]{32})  ([\w-]+) +(.*)$", re.MULTILINE)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """One that has nothing to do with the demo, and a folder for temporary files that is looked at afterwards."""
    return {**os.environ, "TMPDIR": str(tmp_path), "MOTIA_ENV": "production", "MOTIA_URL": "sqlite:///not-this-one.db"}


@pytest.fixture
def running(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        COMMAND, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_the_demo_shows_two_orders_and_ends(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND, cwd=ROOT, env=environment | {"DEMO_ONCE": "1"}, capture_output=True, text=True, timeout=55, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    paid, _, declined = done.stdout.partition("An order whose card is declined")
    happened = [[(step, text) for _, step, text in TRACE.findall(part)] for part in (paid, declined)]
    assert [{step for step, _ in part} for part in happened] == [
        {"create-order", "price-order", "charge-card", "analyse-risk", "fulfil-order", "notify-customer"},
        {"create-order", "price-order", "charge-card", "analyse-risk", "cancel-order", "notify-customer"},
    ]
    for part in (paid, declined):
        assert len({trace for trace, _, _ in TRACE.findall(part)}) == 1
    assert "created -> priced -> paid -> fulfilled" in paid
    assert "created -> priced -> payment_failed -> cancelled" in declined
    assert 'Stock: {"book": 98, "lamp": 24, "desk": 5}' in declined
    assert list(tmp_path.iterdir()) == []
    assert not (ROOT / "not-this-one.db").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_serves_until_it_is_told_to_stop(
    number: signal.Signals, running: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("Ctrl-C ends it"):
            break
    running.send_signal(number)
    rest, _ = running.communicate(timeout=55)
    assert (running.returncode, rest.split()) == (0, ["Stopped."])
    assert list(tmp_path.iterdir()) == []

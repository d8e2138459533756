"""``motia dev`` with many step files: how long until it serves, and until an edit is served."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.tables import heading, median, table

SIZES = (1, 100, 500)
ROUNDS = 5
PAUSE = 2.0
"""Seconds before the edit, in which the next process gets ready."""
FILE = """from pydantic import BaseModel

from motia import ApiRequest, FlowContext, http, queue


class Body{n}(BaseModel):
    name: str
    count: int = 1


config = {{
    "name": "step-{n}",
    "triggers": [http("POST", "/steps/{n}/:id", body_schema=Body{n}), queue("topic-{n}")],
    "enqueues": ["topic-{m}"],
    "flows": ["flow-{f}"],
}}


async def handler(input, ctx: FlowContext):
    return {{"status": 200, "body": {{"n": {n}}}}}
"""
VERSION = """
config = {{"type": "api", "name": "version", "path": "/version", "method": "GET", "emits": []}}


async def handler(req, context):
    return {{"status": 200, "body": "{version}"}}
"""


def main() -> None:
    heading(
        "Step files",
        f"Median (and worst) of {ROUNDS}; half of the files have a schema, an http and a queue trigger. Start: "
        "from the command to the first answer. Edit: from a file that is saved later to the first answer of the "
        "new code. Refused: requests that failed meanwhile.",
    )
    rows = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            starts, edits, refused = measure(Path(folder), size)
        rows.append([size, shown(starts), shown(edits), refused])
    table(["files", "start, s", "edit, s", "refused"], rows)


def shown(seconds: list[float]) -> str:
    return f"{median(seconds):.2f} ({max(seconds):.2f})"


def measure(folder: Path, size: int) -> tuple[list[float], list[float], int]:
    """Seconds until the first answer, and until an edit is served; and how many requests failed."""
    write(folder, size)
    starts: list[float] = []
    edits: list[float] = []
    refused = 0
    for number in range(ROUNDS):
        set_version(folder, "old")
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "motia", "dev", str(folder), "--port", "0"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
        assert process.stderr is not None
        port = int(re.search(r":(\d+)$", process.stderr.readline().strip())[1])  # type: ignore[index]  # it says where
        threading.Thread(target=process.stderr.read, daemon=True).start()  # else it stops when the pipe is full
        try:
            until(port, "old")
            starts.append(time.perf_counter() - began)
            time.sleep(PAUSE)
            began = time.perf_counter()
            set_version(folder, f"new {number}")
            refused += until(port, f"new {number}")
            edits.append(time.perf_counter() - began)
        finally:
            process.terminate()
            process.wait(30)
    return starts, edits, refused


def write(folder: Path, size: int) -> None:
    for number in range(size):
        place = folder / "steps" / f"part_{number % 20}"
        place.mkdir(parents=True, exist_ok=True)
        text = (
            FILE
            if number % 2
            else VERSION.replace('"version"', f'"plain-{number}"').replace("/version", f"/p/{number}")
        )
        filled = text.format(n=number, m=number + 1, f=number % 10, version=number)
        (place / f"s{number}_step.py").write_text(filled)


def set_version(folder: Path, version: str) -> None:
    (folder / "steps" / "version_step.py").write_text(VERSION.format(version=version))


def until(port: int, wanted: str) -> int:
    """Ask until the answer is the one wanted; how often nobody answered."""
    failures = 0
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/version")
            if connection.getresponse().read().decode() == wanted:
                return failures
        except OSError:
            failures += 1
        finally:
            connection.close()
        time.sleep(0.005)
    raise TimeoutError(f"never answered {wanted!r}")


if __name__ == "__main__":
    main()

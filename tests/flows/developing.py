"""``motia dev`` as a process, spoken to over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

DEADLINE = 30.0


class Dev:
    """A running ``motia dev``.

    Attributes:
        process: of the operating system.
        http: speaks to it, once it has said where it is.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.http: httpx2.Client | None = None

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.append(line)

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def wait_for(self, pattern: str, *, after: int = 0) -> re.Match[str]:
        """Wait until it has printed this, beyond the first ``after`` characters."""
        found = eventually(lambda: re.search(pattern, self.output[after:]) or self._ended(pattern))
        assert isinstance(found, re.Match)
        return found

    def _ended(self, pattern: str) -> None:
        assert self.process.poll() is None or re.search(pattern, self.output), self.output

    def connect(self) -> httpx2.Client:
        """A client, once the app is served."""
        url = self.wait_for(r"http://[\d.]+:\d+")[0]
        self.wait_for("serving ")
        self.http = httpx2.Client(base_url=url, timeout=DEADLINE)
        return self.http

    def close(self) -> int:
        """Ask it to end; its exit code."""
        if self.http is not None:
            self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


def eventually(look: Callable[[], Any]) -> Any:
    """What ``look`` finds, once it finds something."""
    deadline = time.monotonic() + DEADLINE
    while not (found := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


@contextmanager
def motia_dev(*arguments: str, cwd: Path, **environ: str) -> Iterator[Dev]:
    """Run ``motia dev`` for the block."""
    command = [sys.executable, "-m", "motia", "dev", *arguments]
    process = subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **environ}, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    dev = Dev(process)
    try:
        yield dev
    finally:
        dev.close()


def body_of(response: httpx2.Response) -> Any:
    return json.loads(response.text)

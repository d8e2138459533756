"""An app in a process of its own, that can be killed and started again on the same port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


UVICORN = """
import socket, sys, uvicorn
config = uvicorn.Config(sys.argv[1], log_level="warning")
uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[2]))])
"""


class Server:
    """A server in a process of its own: uvicorn, unless something else is asked for.

    Args:
        app: ``module:attribute``; or the words after ``python`` of another server, with ``PORT`` for its port.
        folder: where it runs.
        keep: keep the socket of uvicorn here, so that who comes while it is started anew waits, and is not refused.
    """

    def __init__(
        self, app: str | Sequence[str], environment: Mapping[str, str], folder: Path = ROOT, *, keep: bool = False
    ) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listening.getsockname()[1]
        uvicorn = ["-m", "uvicorn", str(app), "--port", "PORT", "--log-level", "warning"]
        self._words = uvicorn if isinstance(app, str) else list(app)
        self._kept: list[int] = []
        if keep:
            self._kept = [self._listening.fileno()]
            self._words = ["-c", UVICORN, str(app), str(self._kept[0])]
        else:
            self._listening.close()
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket(self) -> str:
        return f"ws://127.0.0.1:{self.port}/__motia/streams"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, *(word.replace("PORT", str(self.port)) for word in self._words)]
        self.process = subprocess.Popen(command, cwd=self._folder, env=self._environment, pass_fds=self._kept)
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(self.url, timeout=1).close()
                return
            except urllib.error.HTTPError as answer:
                answer.close()
                return
            except OSError:
                assert self.process.poll() is None, "the app did not start"
                assert time.monotonic() < deadline, "the app does not answer"
                time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        self._listening.close()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def post(self, path: str, body: Any) -> Any:
        """POST JSON; the answer's JSON, None without one."""
        data, headers = json.dumps(body).encode(), {"content-type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            text = response.read()
        return json.loads(text) if text else None

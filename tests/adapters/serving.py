"""Real servers: uvicorn and Werkzeug's in threads of this process, gunicorn in one of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

ROOT = Path(__file__).parents[2]
Address = tuple[str, int]


@contextmanager
def served(app: Any, *, send_buffer: int | None = None, **options: Any) -> Iterator[Address]:
    """Serve an ASGI app for the time of a block; yields host and port.

    Args:
        send_buffer: of each connection, in bytes; by default the system takes megabytes for who does not read.
    """
    config = uvicorn.Config(app, log_config=None, **options)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        if send_buffer is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the app did not start"
            time.sleep(0.005)
        try:
            yield listening.getsockname()[:2]
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def served_wsgi(app: Any) -> Iterator[Address]:
    """Serve a WSGI app for the time of a block, by a thread per request; yields host and port."""
    from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: PLC0415  # where Flask is installed

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"  # for chunks; in HTTP/1.0 nobody knows where a stream ends

        def log(self, type: str, message: str, *args: Any) -> None:
            """Say nothing: broken streams are cases of the suite."""

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield "127.0.0.1", server.server_port
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@contextmanager
def gunicorn(target: str, *options: str, cwd: Path = ROOT, env: Mapping[str, str] = {}) -> Iterator[Address]:
    """Serve ``module:app`` by gunicorn for the time of a block; yields host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{number}", "--log-level", "warning", *options]
        paths = os.pathsep.join([str(cwd), str(ROOT)])
        environment = {**os.environ, "PYTHONPATH": paths, **env}
        process = subprocess.Popen(
            [*command, target], cwd=cwd, env=environment, pass_fds=[number], start_new_session=True
        )
        try:
            yield listening.getsockname()[:2]
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # its own session: the children as well
                process.wait()
                raise
        assert code == 0, f"gunicorn ended with {code}"

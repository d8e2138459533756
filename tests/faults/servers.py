"""Servers of our own on free ports, in folders of their own, to be killed, stopped and started again at will."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
import redis

START = 30.0
"""Seconds that a server may take to answer."""


class Server:
    """A server process that keeps its data over a ``kill``. Subclasses say how it is made, started and asked.

    Attributes:
        folder: of its data and its log.
        port: free when it was chosen; the same after every start.
    """

    binary = ""
    user: str | None = None  # of servers that refuse to run as root

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def found(cls) -> str | None:
        """Where its program is; None where it is not installed."""
        return shutil.which(cls.binary)

    def url(self, port: int | None = None) -> str:
        """For ``Motia``.

        Args:
            port: of a proxy, instead of its own.
        """
        raise NotImplementedError

    def prepare(self) -> None:
        """Make its data folder."""

    def command(self) -> Sequence[str]:
        """What starts it, in the foreground."""
        raise NotImplementedError

    def ask(self) -> None:
        """Raise unless it answers."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **self.as_user()
            )
        deadline = time.monotonic() + START
        while True:
            try:
                return self.ask()
            except Exception as error:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    log_text = (self.folder / "server.log").read_text(errors="replace")
                    raise AssertionError(f"the server does not start: {error}\n{log_text[-4000:]}") from error
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL all its processes, as the kernel does when memory runs out."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(20)
            self._process = None

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def restart(self, *, down: float = 0.0) -> None:
        """Kill it, leave it dead for so many seconds, start it again."""
        self.kill()
        time.sleep(down)
        self.start()

    def as_user(self) -> dict[str, Any]:
        if self.user is None or os.geteuid() != 0:
            return {}
        return {"user": self.user, "group": self.user, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a folder to the user that the server runs as."""
        if self.as_user():
            shutil.chown(path, self.user, self.user)

    def _signal(self, number: signal.Signals) -> None:
        for pid in _family(self._process.pid) if self._process is not None else []:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


class OwnRedis(Server):
    """Redis with an append-only file, so that what it acknowledged is there after a kill."""

    binary = "redis-server"

    def url(self, port: int | None = None) -> str:
        return f"redis://127.0.0.1:{port or self.port}/0"

    def command(self) -> Sequence[str]:
        kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        return [self.binary, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), *kept]

    def ask(self) -> None:
        with redis.Redis(port=self.port, socket_timeout=2) as client:
            client.ping()


class OwnPostgres(Server):
    """PostgreSQL as ``initdb`` makes it, fsync on."""

    binary = "postgres"
    user = "postgres"

    @classmethod
    def found(cls) -> str | None:
        places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        return shutil.which(cls.binary, path=str(places[-1]) if places else None)

    @property
    def _bin(self) -> Path:
        found = self.found()
        assert found is not None
        return Path(found).parent

    def url(self, port: int | None = None) -> str:
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/postgres"

    def prepare(self) -> None:
        self.own(self.folder)
        made = ["-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]
        subprocess.run(
            [self._bin / "initdb", *made], cwd=self.folder, check=True, capture_output=True, **self.as_user()
        )

    def command(self) -> Sequence[str]:
        listen = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder)]
        return [str(self._bin / "postgres"), "-D", str(self.folder / "data"), *listen]

    def ask(self) -> None:
        with psycopg.connect(self.url(), connect_timeout=2) as connection:
            connection.execute("SELECT 1")


class OwnMariaDB(Server):
    """MariaDB with its default durability."""

    binary = "mariadbd"
    user = "mysql"

    def url(self, port: int | None = None) -> str:
        return f"mysql://root@127.0.0.1:{port or self.port}/motia"

    def prepare(self) -> None:
        self.own(self.folder)
        made = ["--no-defaults", f"--datadir={self.folder / 'data'}", "--auth-root-authentication-method=normal"]
        subprocess.run(
            ["mariadb-install-db", *made, "--skip-test-db"],
            cwd=self.folder,
            check=True,
            capture_output=True,
            **self.as_user(),
        )

    def command(self) -> Sequence[str]:
        listen = ["--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={self.folder / 'socket'}"]
        return [self.binary, "--no-defaults", f"--datadir={self.folder / 'data'}", *listen]

    def ask(self) -> None:
        options: dict[str, Any] = {"connect_timeout": 2, "read_timeout": 2}
        with pymysql.connect(host="127.0.0.1", port=self.port, user="root", **options) as connection:
            connection.cursor().execute("CREATE DATABASE IF NOT EXISTS motia")


SERVERS: dict[str, type[Server]] = {
    "redis": OwnRedis,
    "postgresql": OwnPostgres,
    "mysql": OwnMariaDB,
}


@contextmanager
def own_server(kind: str) -> Iterator[Server]:
    """A running server for the time of a block; skips the test where its program is not installed."""
    made = SERVERS[kind]
    if made.found() is None:
        pytest.skip(f"{made.binary} is not installed")
    # pytest's own folders are closed to the users that these servers run as
    with tempfile.TemporaryDirectory(prefix="motia-server-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = made(folder)
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.resume()
            server.kill()


def free_port() -> int:
    """Nobody listens on it now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _family(root: int) -> list[int]:
    """A process and all below it."""
    found = [root]
    for parent in found:
        children = Path(f"/proc/{parent}/task/{parent}/children")
        try:
            found += [int(pid) for pid in children.read_text().split()]
        except OSError:  # gone meanwhile
            continue
    return found

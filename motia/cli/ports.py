"""The socket a server listens on: made first and handed to the processes that serve, so that no request is refused."""

from __future__ import annotations

import errno
import socket

from motia.errors import ConfigError

TRIES = 100
UNHEARD = 60_000
"""Milliseconds after which a client that acknowledges nothing is gone; with it a half-open connection ends."""
BACKLOG = 2048


def listen(host: str, port: int, *, move: bool) -> socket.socket:
    """A listening socket.

    Args:
        move: take the next free port where this one is taken.

    Raises:
        ConfigError: the port is taken, or cannot be had.
    """
    for number in range(port, min(port + (TRIES if move else 1), 65536)):
        try:
            return _bound(host, number)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ConfigError(f"cannot listen on {host}:{number}: {error.strerror or error}") from error
    taken = f"the ports {port} to {port + TRIES - 1} are" if move else f"port {port} is"
    raise ConfigError(f"{taken} in use on {host}; give another with --port")


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; the connections inherit it
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD)
        made.bind((host, port))
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def address(listening: socket.socket) -> str:
    """What to type into a browser."""
    host, port = listening.getsockname()[:2]
    shown = "localhost" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104  # shown
    return f"http://{shown}:{port}"

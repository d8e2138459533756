"""What a parent tells the processes that serve; it knows no more of them, so that it starts soon."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

RELOAD_GRACE = 3


@dataclass(frozen=True)
class Orders:
    """What a serving process is told.

    Attributes:
        app: as the command line names it.
        listening: file descriptor of the listening socket.
        telling: file descriptor of the pipe to the parent; None where there is none.
        settings: that win over the app's own.
        worker: run the worker in this process.
        linger: seconds that open connections are given at the end.
        broken: answer every request with this in place of the app.
    """

    app: str
    listening: int
    telling: int | None = None
    settings: dict[str, Any] | None = None
    worker: bool = True
    linger: int = RELOAD_GRACE
    broken: str | None = None

    def line(self) -> bytes:
        """As the first line of standard input."""
        return json.dumps(asdict(self)).encode() + b"\n"

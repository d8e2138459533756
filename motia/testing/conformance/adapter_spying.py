"""What the app of the suite of adapters noticed, told over http: it may run in another process than the suite."""

from __future__ import annotations

import logging
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

from motia import ApiRequest, Step, http, step
from motia.testing.conformance.adapter_client import Client


def route(method: str, path: str, **trigger: Any) -> Callable[[Callable[..., Any]], Step[..., Any]]:
    """A step of one http trigger, named after it."""
    return step(f"{method} {path}", triggers=[http(method, path, **trigger)])


noticed: dict[str, Any] = {}
"""What steps have noted, by names that are unique in a run of the suite."""


class _Kept(logging.Handler):
    """The last log lines of http steps."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[dict[str, Any]] = deque(maxlen=500)

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        shown = "".join(traceback.format_exception(error)) if error else None
        fields = vars(record).get("motia") or {}
        self.lines.append({"message": record.getMessage(), "error": shown, "trace_id": fields.get("trace_id")})


_kept = _Kept()


def spying() -> list[Step[..., Any]]:
    """Steps that tell what was noticed, and keep what is logged from now on."""
    logging.getLogger("motia.http").addHandler(_kept)

    @route("GET", "/noticed/:name")
    def tell(req: ApiRequest[Any]) -> Any:
        return {"value": noticed.get(req.path_params["name"])}

    @route("GET", "/logged/:trace_id")
    def logged(req: ApiRequest[Any]) -> Any:
        return [line for line in _kept.lines if line["trace_id"] == req.path_params["trace_id"]]

    return [tell, logged]


def noticed_by(client: Client, name: str) -> Any:
    """What the app noted under a name, once it has; None when it does not within a while."""
    return _until(lambda: client.get(f"/noticed/{name}").json["value"])


def logged_by(client: Client, trace_id: str) -> list[dict[str, Any]]:
    """The log lines of a trace, once there are any: message, error and trace_id of each."""
    lines: list[dict[str, Any]] = _until(lambda: client.get(f"/logged/{trace_id}").json)
    return lines


def _until(ready: Callable[[], Any], seconds: float = 5.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ready()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found

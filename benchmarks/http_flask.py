"""A step against the same view written by hand in Flask, in one process, taken in turns."""

from __future__ import annotations

import io
import time
from typing import Any

from flask import Flask, Response, jsonify, request
from pydantic import ValidationError

from benchmarks.http import BODY, Accepted, NewOrder, create, create_sync
from benchmarks.tables import heading, median, table
from motia import Motia
from motia.integrations.flask import mount

ROUNDS, REQUESTS = 15, 400


def by_hand() -> Flask:
    """Views that do what the steps do: validate the body and the answer, and say what does not fit."""
    app = Flask("by_hand")

    def accept(order_id: str) -> Response:
        order = NewOrder.model_validate(request.get_json())
        accepted = Accepted(order_id=order_id, pieces=sum(item.quantity for item in order.items))
        return Response(accepted.model_dump_json(), 201, mimetype="application/json")

    @app.post("/sync/<order_id>")
    def create_sync(order_id: str) -> Response:
        return accept(order_id)

    @app.post("/async/<order_id>")
    async def create(order_id: str) -> Response:
        return accept(order_id)

    @app.errorhandler(ValidationError)
    def invalid(error: ValidationError) -> Any:
        return jsonify(error=error.errors()), 400

    return app


def one(app: Any, path: str) -> bytes:
    """One request, without a server."""
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(BODY)),
        "HTTP_HOST": "localhost",
        "HTTP_USER_AGENT": "benchmark",
        "HTTP_ACCEPT": "*/*",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(BODY),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    told: list[str] = []
    chunks = app(environ, lambda status, headers, exc_info=None: told.append(status))
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    assert told == ["201 CREATED"], (told, body)
    return body


def measure() -> list[list[object]]:
    app, motia = Flask("step"), Motia("memory:", steps=[create, create_sync])
    mount(app, motia, worker=False)
    subjects = {"by hand": by_hand(), "step": app}
    rows: list[list[object]] = []
    for path in ("/sync/7", "/async/7"):
        assert len({one(subject, path) for subject in subjects.values()}) == 1
        found: dict[str, list[float]] = {name: [] for name in subjects}
        for _ in range(ROUNDS):
            for name, subject in subjects.items():
                began = time.perf_counter()
                for _ in range(REQUESTS):
                    one(subject, path)
                found[name].append((time.perf_counter() - began) / REQUESTS * 1e6)
        ratios = [hand / ours for hand, ours in zip(found["by hand"], found["step"], strict=True)]
        kind = "async def" if "async" in path else "def"
        rows.append([kind, *(f"{median(values):.0f}" for values in found.values()), f"{median(ratios):.2f}"])
    return rows


def main() -> None:
    heading(
        "HTTP on Flask, in process",
        "POST with a validated body and a validated answer, µs per request, medians; above 1 the step is faster.",
    )
    table(["handler", "by hand µs", "step µs", "ratio"], measure())

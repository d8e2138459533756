"""What the app may still do with a step's answer on its way out, and with the request on its way in."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Request, Response, request, session
from flask.testing import FlaskClient

from motia import ApiRequest, ApiResponse, Motia, MotiaSettings, http, step
from motia.integrations.flask import mount

LIMIT = 1000


@step(triggers=[http("GET", "/plain")])
def plain(req: ApiRequest[Any]) -> Any:
    return ApiResponse(201, {"a": 1}, {"x-a": "1", "set-cookie": ["a=1", "b=2"]})


@step(triggers=[http("GET", "/nothing")])
def nothing(req: ApiRequest[Any]) -> None: ...


@step(triggers=[http("GET", "/remembered")])
def remembered(req: ApiRequest[Any]) -> Any:
    session["seen"] = session.get("seen", 0) + 1
    return {"seen": session["seen"]}


@step(triggers=[http("POST", "/read")])
def read(req: ApiRequest[Any]) -> Any:
    native = req.native
    return {
        "raw": len(req.raw_body),
        "data": len(native.get_data()),
        "form": dict(native.form),
        "files": {name: file.read().decode() for name, file in native.files.items()},
    }


@pytest.fixture
def app() -> Iterator[Flask]:
    app = Flask(__name__)
    app.secret_key = "k"
    steps = [plain, nothing, remembered, read]
    mount(app, Motia("memory:", steps=steps, settings=MotiaSettings(body_limit=LIMIT)), worker=False)
    yield app
    app.extensions["motia"].hosted.close()


def test_untouched_answer_is_complete(app: Flask) -> None:
    with app.test_client().get("/plain") as response:
        assert (response.status, response.data) == ("201 CREATED", b'{"a":1}')
        assert sorted(response.headers) == [
            ("content-length", "7"), ("content-type", "application/json"),
            ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-a", "1"),
        ]  # fmt: skip
    empty = app.test_client().get("/nothing")
    assert (empty.status_code, empty.data, list(empty.headers)) == (204, b"", [])


def test_hooks_see_and_change_all_of_it(app: Flask) -> None:
    ended: list[int] = []

    @app.after_request
    def change(response: Response) -> Response:
        assert (response.status_code, response.json, response.content_length) == (201, {"a": 1}, 7)
        assert response.mimetype == "application/json"
        response.headers["x-b"] = "2"
        response.set_data(b"other text")
        response.status_code = 202
        response.call_on_close(lambda: ended.append(1))
        return response

    with app.test_client().get("/plain") as response:
        assert (response.status_code, response.data) == (202, b"other text")
        assert (response.headers["content-length"], response.headers["x-b"], response.headers["x-a"]) == (
            "10",
            "2",
            "1",
        )
    assert ended == [1]


@pytest.mark.parametrize("change", ["status", "data", "iterable"])
def test_one_change_is_enough(app: Flask, change: str) -> None:
    @app.after_request
    def changed(response: Response) -> Response:
        if change == "status":
            response.status = "202 FINE"
        elif change == "data":
            response.data = b"x"
        else:
            response.response = [b"x", b"y"]
            response.headers.remove("content-length")
        return response

    response = app.test_client().get("/plain")
    expected = {"status": ("202 FINE", b'{"a":1}'), "data": ("201 CREATED", b"x"), "iterable": ("201 CREATED", b"xy")}
    assert (response.status, response.data) == expected[change]
    assert response.headers["content-length"] == str(len(response.data))


def test_session_is_saved(app: Flask) -> None:
    client = app.test_client()
    assert [client.get("/remembered").json["seen"] for _ in range(3)] == [1, 2, 3]


def test_response_class_of_the_app_is_used(app: Flask) -> None:
    class Own(Response):
        def get_wsgi_headers(self, environ: Any) -> Any:
            headers = super().get_wsgi_headers(environ)
            headers["x-own"] = "1"
            return headers

    app.response_class = Own
    response = app.test_client().get("/plain")
    assert (response.headers["x-own"], response.headers["x-a"], response.json) == ("1", "1", {"a": 1})
    assert "content-type" not in app.test_client().get("/nothing").headers


def test_request_stays_readable(app: Flask) -> None:
    client = app.test_client()
    assert client.post("/read", data={"a": "1"}).json == {"raw": 3, "data": 3, "form": {"a": "1"}, "files": {}}
    told = client.post("/read", data={"a": "1", "f": (io.BytesIO(b"content"), "f.txt")}).json
    assert (told["form"], told["files"]) == ({"a": "1"}, {"f": "content"})


@pytest.mark.parametrize("hook", ["data", "form", "stream"])
def test_request_that_a_hook_has_read(app: Flask, hook: str) -> None:
    @app.before_request
    def reads() -> None:
        _ = getattr(request, hook)

    assert app.test_client().post("/read", data={"a": "1"}).json["form"] == {"a": "1"}


@pytest.mark.skipif(Request.max_content_length.fset is None, reason="Flask 3.1 lets a request have a limit of its own")
def test_limit_of_one_request(app: Flask) -> None:
    @app.before_request
    def lower() -> None:
        request.max_content_length = 10

    assert app.test_client().post("/read", data=b"x" * 10).status_code == 200
    assert app.test_client().post("/read", data=b"x" * 11).status_code == 413


def test_client_that_leaves_midway(app: Flask) -> None:
    client: FlaskClient = app.test_client()
    answer = client.post("/read", input_stream=io.BytesIO(b"abc"), environ_overrides={"CONTENT_LENGTH": "10"})
    assert answer.status_code == 400


def test_body_that_comes_in_parts(app: Flask) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(2, size or 0))

    answer = app.test_client().post("/read", input_stream=Slow(b"abcde"), environ_overrides={"CONTENT_LENGTH": "5"})
    assert (answer.json["raw"], answer.json["data"]) == (5, 5)

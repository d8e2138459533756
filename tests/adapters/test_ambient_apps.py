"""Which app ``enqueue`` and its kin mean where Django and Flask are in one process, with others beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.test import override_settings
from flask import Flask

import motia
from motia import Motia, ambient, queue, step
from motia.integrations.flask import mount
from motia.integrations.flask.extension import EXTENSION
from tests.django_site import ready

ready()
from motia.integrations.django.project import current_motia  # noqa: E402  # needs Django to be set up


@step("noted", triggers=[queue("noted")])
def noted(data: Any) -> None: ...


@pytest.fixture(autouse=True)
def _django_in_memory() -> Iterator[None]:
    with override_settings(MOTIA={"URL": "memory:", "STEPS": [noted]}):
        yield


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _flask(closing: ExitStack) -> tuple[Flask, Motia]:
    """A Flask app that has served a request, so that its motia is open and stays so."""
    app, made = Flask(__name__), Motia("memory:", steps=[noted])
    mount(app, made, worker=False)
    closing.callback(app.extensions[EXTENSION].hosted.close)
    app.get("/send", endpoint="send")(lambda: {"is": motia.enqueue("noted", 1).message_id})
    app.get("/who", endpoint="who")(lambda: str(id(ambient.current_app())))
    assert app.test_client().get("/send").status_code == 200
    return app, made


def test_each_flask_app_has_its_own_whichever_was_opened_last(closing: ExitStack) -> None:
    (one, first), (two, second) = _flask(closing), _flask(closing)
    assert one.test_client().get("/who").text == str(id(first))
    assert two.test_client().get("/who").text == str(id(second))
    with one.app_context():
        assert ambient.current_app() is first


def test_in_a_request_of_django_it_is_the_projects(closing: ExitStack) -> None:
    _, flasks = _flask(closing)
    closing.enter_context(Opened(Motia("memory:", steps=[noted])))
    request_started.send(sender=None)
    try:
        assert ambient.current_app() is current_motia()
    finally:
        request_finished.send(sender=None)
    assert ambient.current_app() not in {current_motia(), flasks}, "it is the one that a script has opened"


def test_an_app_that_a_framework_left_open_stands_in_for_no_other(closing: ExitStack) -> None:
    _, flasks = _flask(closing)
    assert ambient.current_app() is current_motia(), "outside of Flask's contexts the process is the project's"
    with Opened(Motia("memory:", steps=[noted])) as own:
        assert ambient.current_app() is own
    assert flasks.running is not None, "it is open all the while"


def test_without_django_it_is_the_flask_app_mounted_last(closing: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    _flask(closing)
    _, second = _flask(closing)
    hosts = {name: host for name, host in ambient._hosts.items() if name != "django"}
    monkeypatch.setattr(ambient, "_hosts", hosts)
    assert ambient.current_app() is second


def test_a_flask_app_without_motia_offers_none(closing: ExitStack) -> None:
    _flask(closing)
    with Flask("bare").app_context():
        assert ambient.current_app() is current_motia()


class Opened:
    """An app that a script has opened."""

    def __init__(self, app: Motia) -> None:
        self.app = app

    def __enter__(self) -> Motia:
        ambient.app_opened(self.app)
        return self.app

    def __exit__(self, *error: object) -> None:
        ambient.app_closed(self.app)


@pytest.mark.parametrize("url", ["memory:", "sqlite:///{}/m.db"])
def test_async_views_of_flask_await_what_they_send(closing: ExitStack, tmp_path: Any, url: str) -> None:
    """``flask[async]`` runs each of them on an event loop of its own, which ends with the request."""
    app, made = Flask(__name__), Motia(url.format(tmp_path), steps=[noted])
    mount(app, made, worker=False)
    closing.callback(app.extensions[EXTENSION].hosted.close)

    @app.get("/count")
    async def count() -> Any:
        await motia.enqueue("noted", 1)
        change = await motia.state_manager.update("g", "k", [{"op": "increment", "path": "n", "value": 1}])
        return change.new_value

    client = app.test_client()
    assert [client.get("/count").json for _ in range(3)] == [{"n": 1}, {"n": 2}, {"n": 3}]

"""The health route while something is wrong, in every framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from django.test import Client as DjangoClient
from django.test import override_settings
from fastapi import FastAPI
from flask import Flask

from motia import Motia, MotiaSettings
from motia.integrations import fastapi, flask
from motia.integrations.django.project import current_motia
from motia.testing.conformance.adapter_health import PATH
from motia.testing.conformance.adapters import Client
from motia.traces.base import TraceFilter
from motia.web.application import Application
from tests.adapters.serving import served, served_wsgi
from tests.django_site import ready
from tests.waiting import until

ready()


@contextmanager
def _fastapi(motia: Motia) -> Iterator[Client]:
    app = FastAPI()
    fastapi.mount(app, motia, worker=False)
    with served(app) as address:
        yield Client(address)


@contextmanager
def _flask(motia: Motia) -> Iterator[Client]:
    app = Flask(__name__)
    flask.mount(app, motia, worker=False)
    with served_wsgi(app) as address:
        try:
            yield Client(address)
        finally:
            app.extensions["motia"].hosted.close()


@contextmanager
def _alone(motia: Motia) -> Iterator[Client]:
    with served(Application(motia, worker=False)) as address:
        yield Client(address)


@pytest.mark.parametrize("serving", [_fastapi, _flask, _alone])
def test_health_follows_the_backend_and_leaves_no_trace(serving: Callable[[Motia], Any], tmp_path: Path) -> None:
    place, away = tmp_path / "motia.db", tmp_path / "away.db"
    motia = Motia(f"sqlite:///{place}", settings=MotiaSettings(traces="true"))
    with serving(motia) as client:
        assert client.get(PATH).status == 200
        place.rename(away)
        until(lambda: client.get(PATH).status == 503)
        reply = client.get(PATH)
        assert (reply.json, reply.header("retry-after")) == ({"status": "unavailable"}, "5")
        away.rename(place)
        until(lambda: client.get(PATH).status == 200)

    async def traces() -> Any:
        async with motia:
            store = motia.running.backend.working.traces
            assert store is not None
            return (await store.traces(TraceFilter())).items

    assert anyio.run(traces) == []


def test_django_answers_503_as_well() -> None:
    async def away() -> None:
        raise OSError("the reason")

    with override_settings(MOTIA={"URL": "memory:"}):
        health = current_motia().running.health
        assert DjangoClient().get(PATH).json() == {"status": "ok"}
        health._checks[:] = [away]
        until(lambda: DjangoClient().get(PATH).status_code == 503)
        assert DjangoClient().get(PATH).json() == {"status": "unavailable"}


def test_who_opens_django_while_the_queue_is_away_hears_503_too() -> None:
    with override_settings(MOTIA={"URL": "redis://127.0.0.1:1/0", "BUSY_TIMEOUT": 0.2}):
        assert DjangoClient().get(PATH).status_code == 503


def test_a_project_that_wants_logins_everywhere_is_asked_for_none_here() -> None:
    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    with override_settings(MOTIA={"URL": "memory:"}, MIDDLEWARE=middleware):
        assert DjangoClient().get(PATH).status_code == 200

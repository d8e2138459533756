"""Requests that schemathesis makes of the OpenAPI document of each framework: no server error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from fastapi import FastAPI
from flask import Flask

from motia.integrations.django import inprocess
from motia.integrations.django.asgi import with_motia
from motia.integrations.fastapi import mount as mount_on_fastapi
from motia.integrations.flask import mount as mount_on_flask
from motia.web.openapi import document
from tests.adapters.serving import served, served_wsgi
from tests.django_site import ready

pytest.importorskip("schemathesis")
from tests.adapters.fuzzing import STEPS, attack, fuzzed_app

ready()

Serving = Iterator[tuple[tuple[str, int], dict[str, Any]]]


@contextmanager
def on_fastapi() -> Serving:
    app = FastAPI()
    mount_on_fastapi(app, fuzzed_app(), worker=True)
    with served(app) as address:
        yield address, app.openapi()


@contextmanager
def on_fastapi_by_our_document() -> Serving:
    with on_fastapi() as (address, _):
        yield address, document(fuzzed_app())


@contextmanager
def on_flask() -> Serving:
    app = Flask(__name__)
    mount_on_flask(app, fuzzed_app(), worker=True)
    with served_wsgi(app) as address:
        yield address, document(fuzzed_app())
    app.extensions["motia"].hosted.close()


@contextmanager
def on_django(asgi: bool = False) -> Serving:
    with override_settings(MOTIA={"URL": "memory:", "STEPS": STEPS, "WORKER": True}):
        with served(with_motia(get_asgi_application())) if asgi else served_wsgi(get_wsgi_application()) as address:
            yield address, document(fuzzed_app())
        inprocess.stop()


@contextmanager
def on_django_asgi() -> Serving:
    with on_django(asgi=True) as serving:
        yield serving


HOSTS: list[Callable[[], Any]] = [on_fastapi, on_fastapi_by_our_document, on_flask, on_django, on_django_asgi]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
def test_no_server_error(host: Callable[[], Any], pytestconfig: pytest.Config) -> None:
    examples = 100 if pytestconfig.getoption("--slow") else 8
    with host() as (address, told):
        assert attack(told, address, examples) > examples * 8

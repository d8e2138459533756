"""The suite of adapters on Flask, by Werkzeug's threaded server and by gunicorn's threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from motia.integrations.flask import mount
from motia.testing.conformance import AdapterConformance, Client, conformance_app
from tests.adapters.serving import gunicorn, served_wsgi


def create_app() -> Flask:
    app = Flask(__name__)
    mount(app, conformance_app(lambda request: request.files["file"].read()), worker=True)
    return app


@pytest.fixture(scope="module", params=["werkzeug", "gunicorn"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    if request.param == "werkzeug":
        with served_wsgi(create_app()) as address:
            yield Client(address)
    else:
        with gunicorn("tests.adapters.test_flask:create_app()", "--threads", "40") as address:
            yield Client(address)


class TestFlask(AdapterConformance):
    pass

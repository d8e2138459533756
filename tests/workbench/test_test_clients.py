"""The test clients of the frameworks reach the Workbench of an app in development, as they are."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.testclient import TestClient

from motia import Motia, MotiaSettings
from motia.integrations.fastapi import mount
from motia.integrations.flask import mount as mount_on_flask


@pytest.fixture
def motia(monkeypatch: pytest.MonkeyPatch) -> Motia:
    monkeypatch.setenv("MOTIA_ENV", "development")
    return Motia("memory:", settings=MotiaSettings.from_env())


def test_starlettes(motia: Motia) -> None:
    app = FastAPI()
    mount(app, motia, worker=False)
    with TestClient(app) as client:
        assert client.get("/workbench/").status_code == 200
        assert client.get("/workbench/", headers={"host": "evil.example"}).status_code == 403


def test_flasks(motia: Motia) -> None:
    app = Flask(__name__)
    mount_on_flask(app, motia, worker=False)
    assert app.test_client().get("/workbench/").status_code == 200

"""The same app in every framework, served for the time of a block."""

from __future__ import annotations

import http.client
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from fastapi import FastAPI
from flask import Flask, abort, request, session

from motia import Motia
from motia.integrations.django import inprocess
from motia.integrations.django.asgi import with_motia
from motia.integrations.fastapi import mount as mount_on_fastapi
from motia.integrations.flask import mount as mount_on_flask
from motia.testing.conformance.adapter_client import TIMEOUT, Client, Reply
from motia.web.application import Application
from motia.web.workbench import User
from tests.adapters.serving import Address, served, served_wsgi
from tests.django_site import ready

ready()
Serve = Callable[[Motia, Any, str], AbstractContextManager[Address]]


@contextmanager
def on_fastapi(motia: Motia, workbench: Any, root: str) -> Iterator[Address]:
    app = FastAPI(title="shop")
    mount_on_fastapi(app, motia, worker=True, workbench=workbench)
    with served(app, root_path=root) as address:
        yield address


@contextmanager
def on_flask(motia: Motia, workbench: Any, root: str) -> Iterator[Address]:
    app = Flask("workbench_host")
    app.secret_key = "of tests"
    _protect(app)
    mount_on_flask(app, motia, worker=True, workbench=workbench)
    try:
        with served_wsgi(_below(app, root)) as address:
            yield address
    finally:
        app.extensions["motia"].hosted.close()


def _protect(app: Flask) -> None:
    """What Flask-WTF does, in a few lines: a token of the session on everything that is not safe."""

    def csrf_token() -> str:
        return str(session.setdefault("csrf", secrets.token_hex(8)))

    def check() -> None:
        if request.method not in {"GET", "HEAD", "OPTIONS"} and request.path.startswith("/workbench"):
            known = session.get("csrf")
            if known is None or known != request.headers.get("x-csrftoken"):
                abort(403)

    app.jinja_env.globals["csrf_token"] = csrf_token
    app.before_request(check)


def _below(app: Any, root: str) -> Any:
    """As a server does that mounts a WSGI app at a path."""

    def mounted(environ: dict[str, Any], start: Any) -> Any:
        environ["SCRIPT_NAME"] = root
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(root)
        return app(environ, start)

    return mounted if root else app


@contextmanager
def _django(motia: Motia, workbench: Any) -> Iterator[None]:
    given = {
        "URL": "memory:",
        "STEPS": motia.steps,
        "WORKER": True,
        "WORKBENCH": workbench,
        "ENV": motia.settings.env,
        "TRACES": motia.settings.traces,
        "PAYLOAD_LIMIT": motia.settings.payload_limit,
    }
    with override_settings(MOTIA=given, ALLOWED_HOSTS=["*"]):
        try:
            yield
        finally:
            inprocess.stop()


@contextmanager
def on_django_wsgi(motia: Motia, workbench: Any, root: str) -> Iterator[Address]:
    with _django(motia, workbench), served_wsgi(_below(get_wsgi_application(), root)) as address:
        yield address


@contextmanager
def on_django_asgi(motia: Motia, workbench: Any, root: str) -> Iterator[Address]:
    with _django(motia, workbench), served(with_motia(get_asgi_application()), root_path=root) as address:
        yield address


@contextmanager
def alone(motia: Motia, workbench: Any, root: str) -> Iterator[Address]:
    with served(Application(motia, workbench=workbench), root_path=root) as address:
        yield address


HOSTS: dict[str, Serve] = {
    "fastapi": on_fastapi,
    "flask": on_flask,
    "django-wsgi": on_django_wsgi,
    "django-asgi": on_django_asgi,
    "alone": alone,
}


def by_header(request: Any) -> User | None:
    """Whoever the header says, in the role that it says."""
    role = request.headers.get("x-role")
    return User("ada", role) if role else None


class Person:
    """Somebody with a browser.

    Args:
        role: as ``by_header`` reads it; None for nobody.
        root: where the host is mounted.
    """

    def __init__(self, client: Client, role: str | None, root: str = "") -> None:
        self._client = client
        self.mount = f"{root}/workbench"
        self._headers = {"x-role": role} if role else {}

    def get(self, path: str, **headers: str) -> Reply:
        """Ask the API for something."""
        return self.page(f"/api/v1/{path}", **headers)

    def page(self, path: str, **headers: str) -> Reply:
        """Open a page."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.get(self.mount + path, {**self._headers, **told})

    def status_as(self, host: str, path: str) -> int:
        """The status of an answer to somebody whose browser takes this server for another."""
        connection = http.client.HTTPConnection(*self._client.address, timeout=TIMEOUT)
        with closing(connection):
            connection.putrequest("GET", f"{self.mount}/api/v1/{path}", skip_host=True)
            connection.putheader("host", host)
            connection.endheaders()
            with closing(connection.getresponse()) as response:
                return response.status

    def act(self, path: str, json: Any = None, method: str = "POST", **headers: str) -> Reply:
        """Change something, as the page does: with the host's token, and where the page is from."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        shown = {**self._headers, **self._token(), "sec-fetch-site": "same-origin", **told}
        return self._client.send(
            method, f"{self.mount}/api/v1/{path}", headers=shown, json={} if json is None else json
        )

    def send_raw(self, path: str, body: bytes) -> Reply:
        """Send a body that may be no JSON."""
        headers = {**self._headers, **self._token(), "content-type": "application/json"}
        return self._client.send("POST", f"{self.mount}/api/v1/{path}", body, headers)

    def _token(self) -> dict[str, str]:
        reply = self.get("session")
        csrf = reply.json.get("csrf") if reply.status == 200 else None
        cookies = "; ".join(value.partition(";")[0] for value in reply.all("set-cookie"))
        return ({csrf["header"]: csrf["token"]} if csrf else {}) | ({"cookie": cookies} if cookies else {})

"""Ready-made ways to know people: Django's staff, Flask-Login's users, and passwords of HTTP's own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin, login_user

from motia import ConfigError, HttpError
from motia.integrations.flask import mount
from motia.testing.conformance.adapter_client import Client
from motia.web.workbench import BasicAuth, User, Workbench, django_staff, flask_login
from tests.adapters.serving import served_wsgi
from tests.workbench.hosts import HOSTS
from tests.workbench.shop import make_shop

SESSION = "/workbench/api/v1/session"


def request_of(user: Any = None, **headers: str) -> Any:
    return SimpleNamespace(native=SimpleNamespace(user=user), headers=headers)


def person(**facts: Any) -> Any:
    known = {"is_active": True, "is_staff": False, "is_superuser": False, "get_username": lambda: "grace"}
    return SimpleNamespace(**known | facts)


@pytest.mark.parametrize(
    ("user", "found"),
    [
        (None, None),
        (person(), None),
        (person(is_staff=True, is_active=False), None),
        (person(is_staff=True), User("grace", "operator")),
        (person(is_staff=True, is_superuser=True), User("grace", "admin")),
    ],
)
def test_staff_of_django(user: Any, found: User | None) -> None:
    assert django_staff()(request_of(user)) == found


@pytest.mark.parametrize("name", ["django-wsgi", "django-asgi"])
def test_strangers_to_django_are_sent_to_its_login(name: str) -> None:
    with HOSTS[name](make_shop().with_settings(env="production"), Workbench(authorize=django_staff()), "") as address:
        client = Client(address)
        page = client.get("/workbench/flows/orders?range=1h")
        assert page.status == 302
        assert page.header("location") == "/admin/login/?next=/workbench/flows/orders%3Frange%3D1h"
        assert client.get(SESSION).status == 401


class Member(UserMixin):
    def __init__(self, id: str) -> None:
        self.id = id


@contextmanager
def flask_app(authorize: Any) -> Iterator[Client]:
    app = Flask("workbench_host")
    app.secret_key = "of tests"
    LoginManager(app).user_loader(Member)

    @app.post("/login/<name>")
    def login(name: str) -> str:
        login_user(Member(name))
        return "in"

    mount(app, make_shop().with_settings(env="production"), worker=False, workbench=Workbench(authorize=authorize))
    try:
        with served_wsgi(app) as address:
            yield Client(address)
    finally:
        app.extensions["motia"].hosted.close()


def test_users_of_flask_login() -> None:
    with flask_app(flask_login(lambda user: user.id == "grace")) as client:
        assert client.get("/workbench/").header("location") == "/login?next=/workbench/"
        for name, status in (("grace", 200), ("eve", 401)):
            cookie = client.send("POST", f"/login/{name}").header("set-cookie") or ""
            reply = client.get(SESSION, {"cookie": cookie.partition(";")[0]})
            assert reply.status == status
            if status == 200:
                assert reply.json["user"] == "grace"


def test_flask_login_wants_to_know_which_users() -> None:
    with pytest.raises(ConfigError, match="expected a function of the user"):
        flask_login(None)  # type: ignore[arg-type]  # what people forget


def basic(name: str, word: str) -> str:
    return "Basic " + b64encode(f"{name}:{word}".encode()).decode()


def test_passwords_of_http() -> None:
    auth = BasicAuth({"grace": "correct horse", "alan": "battery staple"}, roles={"grace": "admin"})
    assert auth(request_of(authorization=basic("grace", "correct horse"))) == User("grace", "admin")
    assert auth(request_of(authorization=basic("alan", "battery staple"))) == User("alan")
    for header in (
        "",
        "Basic",
        "Basic !",
        basic("grace", "battery staple"),
        basic("eve", ""),
        "Bearer x",
        "Basic /w==",
    ):
        with pytest.raises(HttpError) as refused:
            auth(request_of(authorization=header))
        assert refused.value.status == 401


def test_browsers_are_asked_for_a_password() -> None:
    workbench = Workbench(authorize=BasicAuth({"grace": "correct horse"}))
    with HOSTS["alone"](make_shop().with_settings(env="production"), workbench, "") as address:
        client = Client(address)
        assert (client.get("/workbench/").header("www-authenticate") or "").startswith("Basic ")
        known = {"authorization": basic("grace", "correct horse")}
        assert client.get(SESSION, known).json["user"] == "grace"
        assert client.send("POST", "/workbench/api/v1/queues/order.paid/pause", json={}, headers=known).status == 200


@pytest.mark.parametrize("passwords", [{}, {"grace": "short"}])
def test_passwords_are_wanted_and_are_no_jokes(passwords: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="at least 8 characters"):
        BasicAuth(passwords)


@pytest.mark.parametrize(
    ("authorize", "status"),
    [
        (lambda request: None, 401),
        (lambda request: False, 401),
        (lambda request: {"unauthorized": True}, 401),
        (lambda request: 1 / 0, 500),
        (lambda request: "grace", 200),
        (lambda request: {"name": "grace"}, 200),
        (lambda request: person(), 200),
    ],
)
def test_what_authorize_may_say(authorize: Any, status: int) -> None:
    with HOSTS["alone"](make_shop().with_settings(env="production"), Workbench(authorize=authorize), "") as address:
        reply = Client(address).get(SESSION)
        assert reply.status == status
        if status == 200:
            assert (reply.json["user"], "edit" in reply.json["can"], "redrive" in reply.json["can"]) == (
                "grace",
                False,
                True,
            )
        else:
            assert "ZeroDivision" not in reply.text


@pytest.mark.parametrize(
    ("options", "can"),
    [
        ({"role": "admin", "read_only": True}, set()),
        ({"role": "viewer"}, set()),
        ({"role": lambda user: "admin" if user == "grace" else "viewer"}, {"edit", "redrive"}),
        ({"role": lambda user: "nonsense"}, set()),
    ],
)
def test_roles(options: Any, can: set[str]) -> None:
    workbench = Workbench(authorize=lambda request: "grace", **options)
    with HOSTS["alone"](make_shop().with_settings(env="production"), workbench, "") as address:
        assert {"edit", "redrive"} & set(Client(address).get(SESSION).json["can"]) == can


@pytest.mark.parametrize(
    "options", [{"authorize": "someone"}, {"role": "boss"}, {"redact": "name"}, {"hosts": "localhost"}]
)
def test_nonsense_is_told_of(options: Any) -> None:
    with pytest.raises(ConfigError, match=r"Workbench\("):
        Workbench(**options)

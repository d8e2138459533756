"""Who may see the Workbench and do what, in every framework: each address by role, origin and switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from motia import ConfigError
from motia.testing.conformance.adapter_client import Client
from motia.web.workbench import Workbench, site_of
from motia.web.workbench.access import RIGHTS
from motia.web.workbench.serving import api_routes
from tests.workbench.fixtures import GETS, encoded
from tests.workbench.hosts import HOSTS, Person, by_header
from tests.workbench.shop import make_shop

pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <function SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning"
)
WRITES = [route for route in api_routes() if route.right is not None]
NAMES = {
    "topic": "order.placed",
    "step": "notify",
    "id": "nightly",
    "trace": "0" * 32,
    "group": "orders",
    "key": "none",
    "stream": "orders.live",
    "flow": "orders",
}


def address_of(route: Any) -> str:
    """An address of a route, whose parameters are names that exist, or would not matter."""
    parts = []
    for part in route.path.split("/"):
        name = part.lstrip(":*")
        parts.append(part if name == part else encoded(NAMES[name]))
    return "/".join(parts)


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def known(host: str) -> Iterator[Client]:
    """In production, for people that are known."""
    shop = make_shop().with_settings(env="production")
    with HOSTS[host](shop, Workbench(authorize=by_header, redact=["vat_id"]), "") as address:
        yield Client(address)


@pytest.fixture(scope="module")
def developer(host: str) -> Iterator[Person]:
    """Somebody in development, where the app is below a path: an ASGI server is told of it by who has taken it off."""
    with HOSTS[host](make_shop().with_settings(env="development"), "auto", "/shop") as address:
        yield Person(Client(address), None, "/shop" if host in {"flask", "django-wsgi"} else "")


class TestInProduction:
    @pytest.mark.parametrize("path", ["", "/", "/flows/orders", "/api/v1/session", "/api/v1/state", "/assets/x.js"])
    def test_strangers_see_nothing(self, known: Client, path: str) -> None:
        reply = Person(known, None).page(path)
        assert reply.status == 401
        assert reply.header("content-type") == "application/problem+json"
        assert reply.json["code"] == "unauthorized"

    def test_strangers_change_nothing(self, known: Client) -> None:
        for route in WRITES:
            assert Person(known, None).act(address_of(route), method=route.method).status in {401, 403}

    @pytest.mark.parametrize(
        "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
    )
    def test_no_method_of_any_address_tells_strangers_anything(self, known: Client, method: str) -> None:
        for path in ("", "/", *(f"/api/v1/{address_of(route)}" for route in api_routes()), "/api/v2/x", "/assets/x.js"):
            reply = known.send(method, f"/workbench{path}", json={})
            assert reply.status in {401, 403, 405}, path
            assert not {b"order.placed", b"nightly", b"orders.live", b"Traceback"} & set(reply.body.split(b'"')), path

    @pytest.mark.parametrize(("role", "knows"), [("viewer", False), ("operator", False), ("admin", True)])
    def test_the_version_of_a_value_is_told_to_those_who_edit(self, known: Client, role: str, knows: bool) -> None:
        admin = Person(known, "admin")
        path = "state/pins/ada"
        if (kept := admin.get(path)).status == 404:
            kept = admin.act(path, {"value": "0007"}, "PUT", if_none_match="*")
        assert kept.json["version"] in kept.header("etag")
        reply = Person(known, role).get(path)
        assert ((reply.json["version"] is not None), (reply.header("etag") is not None)) == (knows, knows)
        (row,) = Person(known, role).get("state/pins").json["items"]
        assert (row["version"] is not None) is knows

    @pytest.mark.parametrize("role", RIGHTS)
    def test_a_session_says_what_its_role_may(self, known: Client, role: str) -> None:
        session = Person(known, role).get("session").json
        assert (session["user"], set(session["can"])) == ("ada", set(RIGHTS[role]))

    @pytest.mark.parametrize("role", RIGHTS)
    @pytest.mark.parametrize("route", WRITES, ids=lambda route: f"{route.method} {route.path}")
    def test_a_role_may_what_its_rights_say(self, known: Client, role: str, route: Any) -> None:
        reply = Person(known, role).act(address_of(route), {"input": {"sku": "A"}, "value": 1}, method=route.method)
        refused = reply.status == 403
        assert refused is (route.right not in RIGHTS[role]), reply.body
        if refused:
            assert reply.json["code"] == "not_allowed"

    @pytest.mark.parametrize("route", WRITES, ids=lambda route: f"{route.method} {route.path}")
    def test_other_sites_change_nothing(self, known: Client, route: Any) -> None:
        person, path = Person(known, "admin"), address_of(route)
        for headers in (
            {"sec_fetch_site": "cross-site"},
            {"sec_fetch_site": "same-site"},
            {"sec_fetch_site": "none"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
        ):
            assert person.act(path, method=route.method, **headers).status == 403, headers
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            assert person.act(path, method=route.method, content_type=kind).status in {400, 415}

    def test_a_page_of_the_host_is_no_other_site(self, known: Client) -> None:
        origin = "http://{}:{}".format(*known.address)
        assert Person(known, "admin").act("queues/order.placed/pause", origin=origin).json == {
            "done": 1,
            "left": False,
        }
        assert Person(known, "admin").act("queues/order.placed/resume").status == 200

    def test_the_token_of_the_host_is_wanted_where_it_has_one(self, known: Client, host: str) -> None:
        csrf = Person(known, "admin").get("session").json["csrf"]
        headers = {"x-role": "admin", "sec-fetch-site": "same-origin"}
        reply = known.send("POST", "/workbench/api/v1/queues/order.placed/resume", headers=headers, json={})
        assert (csrf is None, reply.status) == ((True, 200) if host in {"fastapi", "alone"} else (False, 403))

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_looking_takes_get(self, known: Client, method: str) -> None:
        reply = Person(known, "admin").act("overview", method=method)
        assert (reply.status, reply.header("allow")) == (405, "GET")
        assert reply.header("content-type") == "application/problem+json"

    def test_no_other_site_may_read(self, known: Client) -> None:
        reply = Person(known, "admin").get("session", origin="https://evil.example")
        assert reply.header("access-control-allow-origin") is None
        assert reply.header("cache-control") == "no-store"
        assert reply.header("x-content-type-options") == "nosniff"


class TestInDevelopment:
    def test_everybody_may_everything(self, developer: Person) -> None:
        session = developer.get("session").json
        assert (session["user"], set(session["can"])) == (None, set(RIGHTS["admin"]))

    @pytest.mark.parametrize("name", GETS)
    def test_each_address_answers(self, developer: Person, name: str) -> None:
        reply = developer.get(GETS[name])
        assert reply.status in {200, 404, 422}
        assert reply.header("content-type") == (
            "application/json" if reply.status == 200 else "application/problem+json"
        )

    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("localhost", 200),
            ("localhost:8000", 200),
            ("shop.localhost:3000", 200),
            ("127.0.0.1:1", 200),
            ("[::1]:3000", 200),
            ("192.168.1.7", 403),
            ("0.0.0.0:3000", 403),
            ("evil.example", 403),
            ("localhost.evil.example", 403),
            ("127.0.0.1.evil.example", 403),
            ("LOCALHOST", 200),
            ("127.1", 403),
            ("[::ffff:127.0.0.1]", 403),
        ],
    )
    def test_names_of_others_are_refused(self, developer: Person, name: str, status: int) -> None:
        assert developer.status_as(name, "session") == status

    @pytest.mark.parametrize(
        "name",
        [
            "evil.example@localhost",
            "localhost@evil.example",
            "localhost#.evil",
            "localhost/.evil",
            "[::1]evil",
            "[::1",
            "",
        ],
    )
    def test_what_is_no_host_is_refused(self, developer: Person, name: str) -> None:
        assert developer.status_as(name, "session") in {400, 403}  # Django has its own check before ours

    def test_the_page_knows_where_it_is(self, developer: Person) -> None:
        person = developer
        moved = person.page("")
        assert (moved.status, moved.header("location")) == (307, "/shop/workbench/")
        for path in ("/", "/flows/orders", "/queues/order.placed?tab=dead"):
            page = person.page(path)
            assert page.status == 200
            assert '<base href="/shop/workbench/">' in page.text
            assert page.header("content-type") == "text/html; charset=utf-8"

    def test_the_page_runs_nothing_that_is_not_its_own(self, developer: Person) -> None:
        page = developer.page("/")
        policy = page.header("content-security-policy") or ""
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.header("referrer-policy") == "same-origin"
        assert page.header("cache-control") == "no-cache"

    def test_no_page_stands_in_for_a_file_that_is_not_there(self, developer: Person) -> None:
        for path in ("/assets/none.js", "/assets/", "/assets/..%2Findex.html", "/assets/%252e%252e/index.html"):
            assert developer.page(path).status == 404

    def test_endpoints_are_where_browsers_find_them(self, developer: Person) -> None:
        found = developer.get("endpoints").json
        assert {item["path"] for item in found} >= {"/shop/purchases", "/shop/purchases/{id}"}

    def test_unknown_addresses_are_no_pages(self, developer: Person) -> None:
        for path in ("nothing", "", "../v2/session"):
            assert developer.get(path).status == 404


@pytest.mark.parametrize("env", ["production", None])
def test_without_a_sign_of_development_there_is_nothing(host: str, env: str | None) -> None:
    shop = make_shop().with_settings(**({"env": env} if env else {}))
    if host.startswith("django") and env is None:
        pytest.skip("Django always gives a sign: DEBUG")
    with HOSTS[host](shop, "auto", "") as address:
        for path in ("", "/", "/api/v1/session"):
            assert Person(Client(address), None).page(path).status == 404
        assert Client(address).send("POST", "/workbench/api/v1/queues/order.placed/pause", json={}).status in {
            404,
            403,
        }


def test_switched_off_there_is_nothing(host: str) -> None:
    with HOSTS[host](make_shop().with_settings(env="development"), False, "") as address:
        assert Person(Client(address), None).page("/").status == 404


@pytest.mark.parametrize("workbench", [True, Workbench(redact=["vat_id"])])
def test_production_wants_to_know_who(workbench: Any) -> None:
    with pytest.raises(ConfigError, match=r"authorize=\.\.\."):
        site_of(make_shop().with_settings(env="production"), workbench)


@pytest.mark.parametrize("name", ["fastapi", "flask", "alone"])
def test_frameworks_do_not_start_without_knowing(name: str) -> None:
    with ExitStack() as stack, pytest.raises(ConfigError, match="nobody says who"):
        stack.enter_context(HOSTS[name](make_shop().with_settings(env="production"), True, ""))

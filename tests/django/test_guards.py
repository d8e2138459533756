"""What stands before a step: the CSRF token, decorators, permission classes, Django's own limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import Permission, User
from django.test import AsyncClient, Client, override_settings
from django.views.decorators.csrf import csrf_exempt

from motia import ApiRequest, http, step

JSON = "application/json"


class IsAda:
    """As Django REST framework's: it has no more than this."""

    message = "only ada may"

    def has_permission(self, request: Any, view: Any) -> bool:
        return bool(request.user.username == "ada")


GUARDS = {
    "open": [],
    "exempt": [csrf_exempt],
    "member": [login_required],
    "editor": [login_required, permission_required("auth.add_user", raise_exception=True), csrf_exempt],
    "ada": [IsAda],
    "ada-made": [IsAda()],
}


def _steps() -> Iterator[Any]:
    for name, guards in GUARDS.items():

        @step(f"sync-{name}", triggers=[http("POST", f"/sync/{name}", dependencies=guards)])
        def blocking(req: ApiRequest[Any]) -> Any:
            return {"user": req.native.user.username}

        @step(f"async-{name}", triggers=[http("POST", f"/async/{name}", dependencies=guards)])
        async def waiting(req: ApiRequest[Any]) -> Any:
            return {"user": (await req.native.auser()).username}

        yield from (blocking, waiting)


@pytest.fixture(autouse=True)
def _project() -> Iterator[None]:
    with override_settings(MOTIA={"STEPS": list(_steps())}):
        yield
    User.objects.all().delete()


def client_of(name: str | None, **options: Any) -> Client:
    client = Client(enforce_csrf_checks=True, **options)
    if name is not None:
        client.force_login(User.objects.get_or_create(username=name)[0])
    return client


both = pytest.mark.parametrize("kind", ["sync", "async"])


@both
class TestCsrf:
    def test_who_has_no_session_needs_no_token(self, kind: str) -> None:
        assert client_of(None).post(f"/{kind}/open", {}, content_type=JSON).status_code == 200

    def test_a_session_without_a_user_needs_none_either(self, kind: str) -> None:
        client = client_of(None)
        session = client.session
        session["basket"] = [1]
        session.save()
        assert client.post(f"/{kind}/open", {}, content_type=JSON).status_code == 200

    def test_a_session_that_authenticates_needs_it(self, kind: str) -> None:
        client = client_of("ada")
        refused = client.post(f"/{kind}/open", {}, content_type=JSON)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf_failed")
        client.cookies["csrftoken"] = token = "a" * 32
        assert client.post(f"/{kind}/open", {}, content_type=JSON).status_code == 403
        wrong = client.post(f"/{kind}/open", {}, content_type=JSON, headers={"X-CSRFToken": "b" * 32})
        assert wrong.status_code == 403
        reply = client.post(f"/{kind}/open", {}, content_type=JSON, headers={"X-CSRFToken": token})
        assert (reply.status_code, reply.json()) == (200, {"user": "ada"})

    def test_one_step_may_be_exempt(self, kind: str) -> None:
        assert client_of("ada").post(f"/{kind}/exempt", {}, content_type=JSON).status_code == 200


@both
class TestDependencies:
    def test_login_required(self, kind: str) -> None:
        reply = client_of(None).post(f"/{kind}/member", {}, content_type=JSON)
        assert (reply.status_code, reply["Location"]) == (302, f"/accounts/login/?next=/{kind}/member")

    def test_the_first_stands_before_the_others(self, kind: str) -> None:
        assert client_of(None).post(f"/{kind}/editor", {}, content_type=JSON).status_code == 302
        client = client_of("bob")
        assert client.post(f"/{kind}/editor", {}, content_type=JSON).status_code == 403
        User.objects.get(username="bob").user_permissions.add(Permission.objects.get(codename="add_user"))
        reply = client.post(f"/{kind}/editor", {}, content_type=JSON)
        assert (reply.status_code, reply.json()) == (200, {"user": "bob"})

    @pytest.mark.parametrize("name", ["ada", "ada-made"])
    def test_permission_class(self, kind: str, name: str) -> None:
        assert client_of(None).post(f"/{kind}/{name}", {}, content_type=JSON).status_code == 401
        for user, status in (("bob", 403), ("ada", 200)):
            client = Client()
            client.force_login(User.objects.get_or_create(username=user)[0])
            reply = client.post(f"/{kind}/{name}", {}, content_type=JSON)
            assert reply.status_code == status
            assert status == 200 or "only ada may" in reply.json()["error"]["message"]

    async def test_under_asgi(self, kind: str) -> None:
        client = AsyncClient(enforce_csrf_checks=True)
        assert (await client.post(f"/{kind}/editor", {}, content_type=JSON)).status_code == 302
        assert (await client.post(f"/{kind}/ada", {}, content_type=JSON)).status_code == 401
        await client.aforce_login((await User.objects.aget_or_create(username="ada"))[0])
        assert (await client.post(f"/{kind}/open", {}, content_type=JSON)).status_code == 403
        assert (await client.post(f"/{kind}/exempt", {}, content_type=JSON)).status_code == 200


@both
class TestLimits:
    def test_allowed_hosts(self, kind: str) -> None:
        for host, status in (("localhost", 200), ("elsewhere.example", 400)):
            assert client_of(None).post(f"/{kind}/open", {}, content_type=JSON, HTTP_HOST=host).status_code == status

    @override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=100)
    def test_data_upload_max_memory_size(self, kind: str) -> None:
        for size, status in ((80, 200), (101, 413)):
            reply = client_of(None).post(f"/{kind}/open", f'"{"x" * (size - 2)}"', content_type=JSON)
            assert reply.status_code == status
        assert "100" in reply.json()["error"]["message"]

"""The gate: who is let in, and that every failure of a hook is a no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import pytest

from motia import HttpError, Stream
from motia.compat import StreamAuthResult
from motia.concurrency import ThreadPool
from motia.requests import QueryParams
from motia.web import gate as gates
from motia.web.gate import Gate, StreamRequest, StreamSubscription


def request(headers: Mapping[str, str] | None = None) -> StreamRequest:
    return StreamRequest(headers or {}, "/__motia/streams", QueryParams(), "127.0.0.1", None)


def subscription(stream: str) -> StreamSubscription:
    return StreamSubscription(stream, "g", None, "1")


def made(authenticate: Any = None, origins: tuple[str, ...] = ()) -> Gate:
    return Gate(authenticate, origins, ThreadPool(4))


async def refused(work: Any) -> int:
    with pytest.raises(HttpError) as error:
        await work
    return error.value.status


async def test_authenticate_says_who_it_is() -> None:
    async def waiting(request: Any) -> Any:
        return {"path": request["path"], "query": request.queryParams.get("x")}

    assert await made(waiting).admit(request()) == {"path": "/__motia/streams", "query": None}
    assert await made(lambda request: None).admit(request()) is None
    assert await made().admit(request()) is None


async def test_what_authenticate_raises_refuses() -> None:
    def fails(request: Any) -> Any:
        raise KeyError("token")

    def says(request: Any) -> Any:
        raise HttpError(403)

    assert await refused(made(fails).admit(request())) == 401
    assert await refused(made(says).admit(request())) == 403


NOES = [
    False,
    StreamAuthResult(authorized=False),
    StreamAuthResult(authorized=False, context={"user": "ada"}),
    {"authorized": False, "user": "ada"},
    {"authorized": None},
    {"unauthorized": True},
]


@pytest.mark.parametrize("answer", NOES)
async def test_a_no_in_motias_own_words_is_a_no_from_every_hook(answer: Any) -> None:
    async def waiting(*args: Any) -> Any:
        return answer

    assert await refused(made(waiting).admit(request())) == 401
    assert await refused(made(lambda request: answer).admit(request())) == 401
    Stream("gate.no_access", can_access=waiting)
    assert await refused(made().join(subscription("gate.no_access"), None)) == 403
    Stream("gate.no_join", on_join=waiting)
    assert await refused(made().join(subscription("gate.no_join"), None)) == 403


async def test_the_hooks_are_told_the_context_that_was_found() -> None:
    ada = {"user": "ada"}
    for answer in (StreamAuthResult(authorized=True, context=ada), {"authorized": True, "context": ada}, ada):
        assert await made(lambda request, answer=answer: answer).admit(request()) == ada
    assert await made(lambda request: StreamAuthResult(authorized=True)).admit(request()) is None
    whole = {"authorized": True, "user": "ada"}
    assert await made(lambda request: whole).admit(request()) is whole


async def test_a_hook_that_hangs_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "HOOK_TIMEOUT", 0.05)

    async def hangs(*args: Any) -> bool:
        await anyio.sleep(60)
        return True

    Stream("gate.hangs", can_access=hangs)
    assert await refused(made(hangs).admit(request())) == 401
    assert await refused(made().join(subscription("gate.hangs"), None)) == 403


@pytest.mark.parametrize("answer", [False, None, 0, "", ZeroDivisionError()])
async def test_only_yes_is_a_yes(answer: Any) -> None:
    def can_access(subscription: Any, context: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    Stream("gate.asked", can_access=can_access)
    assert await refused(made().join(subscription("gate.asked"), None)) == 403


@pytest.mark.parametrize("answer", [False, {"unauthorized": True}, ZeroDivisionError()])
async def test_on_join_may_refuse(answer: Any) -> None:
    async def on_join(subscription: Any, context: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    Stream("gate.joined", can_access=lambda *_: True, on_join=on_join)
    assert await refused(made().join(subscription("gate.joined"), None)) == 403
    Stream("gate.welcome", on_join=lambda *_: None)
    await made().join(subscription("gate.welcome"), None)


async def test_an_undeclared_stream_is_not_there() -> None:
    assert await refused(made().join(subscription("gate.undeclared"), None)) == 404


@pytest.mark.parametrize(
    ("origin", "host", "known"),
    [
        (None, "shop.example", True),
        ("https://shop.example", "shop.example", True),
        ("http://shop.example:80", "shop.example", True),
        ("https://SHOP.example", "shop.example", True),
        ("https://partner.example", "shop.example", True),
        ("https://partner.example:444", "shop.example", False),
        ("http://partner.example", "shop.example", False),
        ("https://shop.example.evil.example", "shop.example", False),
        ("https://evil-shop.example", "shop.example", False),
        ("https://shop.example:8443", "shop.example", False),
        ("null", "shop.example", False),
        ("", "shop.example", False),
        ("https://shop.example", "", False),
        ("file://shop.example", "shop.example", False),
        ("http://[::1", "shop.example", False),
    ],
)
def test_origins(origin: str | None, host: str, known: bool) -> None:
    gate = made(origins=("https://partner.example",))
    assert gate.origins.lets({"host": host, **({"origin": origin} if origin is not None else {})}) is known
    assert made(origins=("*",)).origins.lets({"host": host, "origin": origin or ""})

"""For how long a client may stay: whom a disconnection means, when a session ends, and what nobody can read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import anyio
import pytest

from motia import ConfigError, Motia, Stream, UnserializablePayload
from motia.streams.stays import Stay, disconnect, expiry_of, matches

NUMBER = UUID(int=7)


@dataclass
class Person:
    name: str
    number: UUID = NUMBER
    expires_at: Any = None


class Lazy:
    """A context that must be loaded to be asked, which cannot be done here."""

    def __getattr__(self, name: str) -> Any:
        if name not in {"user", "expires_at"}:
            raise AttributeError(name)
        raise RuntimeError("not in an event loop")


def wanted(context: Any = None, **fields: Any) -> dict[str, Any]:
    return {"fields": fields} if context is None else {"context": context, "fields": fields}


@pytest.mark.parametrize(
    ("context", "whom", "meant"),
    [
        ({"user": "ada"}, wanted(user="ada"), True),
        ({"user": "ada", "tenant": 1}, wanted(user="ada", tenant=1), True),
        ({"user": "ada", "tenant": 1}, wanted(user="ada", tenant=2), False),
        ({"user": "ada"}, wanted(name="ada"), False),
        (None, wanted(user=None), False),
        (None, wanted("ada"), False),
        ("ada", wanted("ada"), True),
        (("ada", 1), wanted(["ada", 1]), True),
        (Person("ada"), wanted(name="ada"), True),
        (Person("ada"), wanted(number=str(NUMBER)), True),
        ({"number": NUMBER}, wanted(number=str(NUMBER)), True),
    ],
)
def test_whom_a_disconnection_means(context: Any, whom: dict[str, Any], meant: bool) -> None:
    assert matches(context, whom) is meant


@pytest.mark.parametrize(
    ("context", "expires"),
    [
        (None, None),
        ("ada", None),
        ({"expires_at": None}, None),
        ({"expires_at": 0}, 0.0),
        ({"expiresAt": 12.5}, 12.5),
        ({"expires_at": datetime(2030, 1, 1, tzinfo=UTC)}, 1893456000.0),
        (Person("ada", expires_at=7), 7.0),
        (Lazy(), None),
    ],
)
def test_when_a_session_ends(context: Any, expires: float | None) -> None:
    assert expiry_of(context) == expires


@pytest.mark.parametrize("value", ["soon", math.nan, math.inf, True, datetime(2030, 1, 1), [1]])  # is the case
def test_an_end_that_cannot_be_read_is_an_error(value: Any) -> None:
    with pytest.raises(ConfigError, match="expires_at expected seconds since the epoch or a datetime with a time zone"):
        expiry_of({"expires_at": value})


async def test_disconnect_wants_to_know_whom() -> None:
    async with Motia("memory:") as motia:
        with pytest.raises(ConfigError, match=r"such as disconnect\(user='ada'\)"):
            await motia.streams.disconnect()
        with pytest.raises(UnserializablePayload):
            await motia.streams.disconnect(user=object())


async def stay_of(motia: Motia, context: Any, meanwhile: Any = None) -> tuple[Stay, anyio.Event]:
    """The stay of a client that was asked who it is while something happened."""
    over = anyio.Event()
    stay = Stay(motia.running.departures.here, motia.running.clock.now)
    await stay.begin()
    if meanwhile is not None:
        await meanwhile
        await motia.running.departures.here._look()  # type: ignore[attr-defined]  # as it would do soon
    stay.admit(context)
    stay.until(lambda reason: over.set())
    return stay, over


@pytest.mark.parametrize("how", ["app", "ambient", "context"])
async def test_who_is_disconnected_must_go_and_nobody_else(how: str) -> None:
    async with Motia("memory:") as motia:
        ada, gone = await stay_of(motia, {"user": "ada"})
        bob, _ = await stay_of(motia, {"user": "bob"})
        who = {"app": motia.streams, "ambient": Stream, "context": motia.waiting.streams}[how]
        await who.disconnect(user="ada")
        with anyio.fail_after(5):
            await gone.wait()
        assert (ada.over, bob.over) == ("disconnected", None)
        ada.close()
        bob.close()


async def test_a_logout_while_a_client_is_asked_who_it_is_counts() -> None:
    async with Motia("memory:") as motia:
        store = motia.running.streams_backend.working.streams
        stay, gone = await stay_of(motia, {"user": "ada"}, disconnect(store, None, {"user": "ada"}))
        assert (stay.over, gone.is_set()) == ("disconnected", True)
        stay.close()
        later, _ = await stay_of(motia, {"user": "ada"})
        assert later.over is None, "it came after the logout"
        later.close()


async def test_a_context_that_cannot_be_asked_must_go() -> None:
    async with Motia("memory:") as motia:
        stay, gone = await stay_of(motia, Lazy())
        await motia.streams.disconnect(user="ada")
        with anyio.fail_after(5):
            await gone.wait()
        stay.close()


async def test_a_session_that_has_ended_must_go() -> None:
    async with Motia("memory:") as motia:
        now = motia.running.clock.now()
        ended, _ = await stay_of(motia, {"expires_at": now - 1})
        assert ended.over == "the session has expired"
        ended.close()
        short, gone = await stay_of(motia, {"expires_at": now + 0.05})
        with anyio.fail_after(5):
            await gone.wait()
        assert short.over == "the session has expired"
        short.close()


async def test_who_may_have_missed_a_disconnection_begins_anew() -> None:
    async with Motia("memory:") as motia:
        stay, gone = await stay_of(motia, None)
        await motia.running.departures.here._miss("$disconnected")  # type: ignore[attr-defined]  # its log was pruned
        assert (stay.over, gone.is_set()) == ("begin anew", True)
        stay.close()

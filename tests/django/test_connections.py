"""Connections of a worker's handlers: closed after each delivery, or kept for as long as ``CONN_MAX_AGE`` says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.test import override_settings

import motia
from motia.integrations.django.models import Delivery
from motia.integrations.django.project import new_motia
from motia.worker import Worker
from tests.django_site.shop.models import Order

COUNT, THREADS = 12, 2
seen: list[tuple[Any, Any]] = []
"""What each delivery had: its thread's wrapper, and the connection of the driver."""


def _use(number: int) -> None:
    Order.objects.count()
    wrapper = connections["default"]
    seen.append((wrapper, wrapper.connection))
    if number % 3 == 0:
        raise motia.Discard("a handler that fails closes as well")


@motia.step(triggers=[motia.queue("use")])
def blocking(number: int) -> None:
    _use(number)


@motia.step(triggers=[motia.queue("use")])
async def waiting(number: int) -> None:
    await sync_to_async(_use)(number)


@pytest.fixture(params=[blocking, waiting], ids=["def", "async def"])
def project(request: pytest.FixtureRequest) -> Iterator[None]:
    with override_settings(MOTIA={"STEPS": [request.param], "THREADS": THREADS}):
        yield
    Delivery.objects.all().delete()
    seen.clear()


@sync_to_async
def _send() -> None:
    with transaction.atomic():
        for number in range(COUNT):
            motia.enqueue("use", number)


async def _until(holds: Any) -> None:
    with anyio.fail_after(15):
        while not holds():  # handlers are on threads of their own
            await anyio.sleep(0.01)


@pytest.mark.usefixtures("project")
class TestWorker:
    async def test_none_is_left_open(self) -> None:
        await _send()
        async with Worker(new_motia()).running():
            await _until(lambda: len(seen) == COUNT)
            await _until(lambda: all(wrapper.connection is None for wrapper, _ in seen))
        assert len({id(connection) for _, connection in seen}) == COUNT
        await sync_to_async(connections.close_all)()

    async def test_conn_max_age(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 60)
        await _send()
        async with Worker(new_motia()).running():
            await _until(lambda: len(seen) == COUNT)
            assert 1 <= len({id(connection) for _, connection in seen}) <= THREADS
            assert all(wrapper.connection is connection for wrapper, connection in seen)
        assert all(wrapper.connection is None for wrapper, _ in seen)  # the worker has ended
        await sync_to_async(connections.close_all)()

"""Sending inside the project's own transactions, on every vendor, with several databases, and to a queue elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError, connections, transaction
from django.test import override_settings

import motia
from motia import QueueUnavailable
from motia.integrations.django.models import Delivery, OutboxMessage, StateValue
from motia.integrations.django.project import current_motia, new_motia
from motia.integrations.django.testing import drain, enqueued
from motia.worker import Worker
from tests.django_site.databases import added, settings_of
from tests.django_site.shop.models import Order

VENDORS = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.service),
    pytest.param("mysql", marks=pytest.mark.service),
]


class Undo(Exception):
    pass


@pytest.fixture
def jobs(place: str) -> Iterator[str]:
    """An alias of a database with the tables of queue and shop, which the project's queue is in."""
    alias = f"jobs_{place.partition(':')[0]}"  # threads keep the connection of an alias
    with added(alias, settings_of(place), "motia", "shop"), override_settings(MOTIA={"URL": f"django://{alias}"}):
        yield alias


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    Order.objects.all().delete()
    OutboxMessage.objects.all().delete()


@pytest.mark.parametrize("place", VENDORS, indirect=True)
class TestItsOwnDatabase:
    def test_it_commits_and_rolls_back_with_the_orm(self, jobs: str) -> None:
        with pytest.raises(Undo), transaction.atomic(using=jobs):
            Order.objects.using(jobs).create(sku="a")
            motia.enqueue("order.created", {"id": 1})
            motia.state_manager.set("g", "k", 1)
            raise Undo
        assert not enqueued()
        assert not Order.objects.using(jobs).exists()
        assert not StateValue.objects.using(jobs).exists()
        with transaction.atomic(using=jobs):
            order = Order.objects.using(jobs).create(sku="a")
            motia.enqueue("order.created", {"id": order.pk}, key="once")
            assert motia.enqueue("order.created", {"id": order.pk}, key="once").duplicate
            motia.state_manager.set("g", "k", 1)
        assert enqueued() == [("order.created", {"id": order.pk})]
        assert motia.state_manager.get("g", "k") == 1

    def test_savepoints(self, jobs: str) -> None:
        with transaction.atomic(using=jobs):
            motia.enqueue("order.created", {"id": 1})
            with pytest.raises(Undo), transaction.atomic(using=jobs):
                motia.enqueue("order.created", {"id": 2})
                motia.enqueue("order.created", {"id": 3}, key="three")
                raise Undo
            motia.enqueue("order.created", {"id": 5})
        assert [data["id"] for _, data in enqueued()] == [1, 5]

    def test_async_code_is_in_the_same_transaction(self, jobs: str) -> None:
        async def work(*, fail: bool) -> None:
            @sync_to_async
            def inside() -> None:
                with transaction.atomic(using=jobs):
                    Order.objects.using(jobs).create(sku="a")
                    async_to_sync(send)()
                    if fail:
                        raise Undo

            await inside()

        async def send() -> None:
            await motia.enqueue("order.created", {"id": 1})

        with pytest.raises(Undo):
            async_to_sync(work)(fail=True)
        assert not enqueued()
        async_to_sync(work)(fail=False)
        assert len(enqueued()) == 1

    def test_a_transaction_of_another_database_is_waited_for(self, jobs: str) -> None:
        with pytest.raises(Undo), transaction.atomic():
            motia.enqueue("order.created", {"id": 1})
            raise Undo
        assert not enqueued()
        with transaction.atomic():
            Order.objects.create(sku="a")
            motia.enqueue("order.created", {"id": 2})
            assert not enqueued()
        assert enqueued() == [("order.created", {"id": 2})]

    def test_a_send_that_fails_after_the_commit_of_another_database_is_told(self, jobs: str) -> None:
        def fail(*args: object) -> None:
            raise OperationalError("gone away")

        with pytest.raises(QueueUnavailable, match="gone away"), transaction.atomic():
            Order.objects.create(sku="a")
            motia.enqueue("order.created", {"id": 1})
            fence = connections[jobs].execute_wrapper(fail)
            fence.__enter__()
        fence.__exit__(None, None, None)
        assert Order.objects.count() == 1
        assert not enqueued()

    def test_inside_transactions_of_both_that_of_the_queue_decides(self, jobs: str) -> None:
        with transaction.atomic(), pytest.raises(Undo), transaction.atomic(using=jobs):
            motia.enqueue("order.created", {"id": 1})
            raise Undo
        assert not enqueued()
        with pytest.raises(Undo), transaction.atomic():
            with transaction.atomic(using=jobs):
                motia.enqueue("order.created", {"id": 2})
            raise Undo
        assert [data["id"] for _, data in enqueued()] == [2]

    def test_the_transaction_of_a_handler_holds_its_acknowledgement(self, jobs: str) -> None:
        motia.enqueue("order.created", {"id": 1})
        assert drain() == 2
        assert not Delivery.objects.using(jobs).exists()

    async def test_a_worker_runs_what_was_committed(self, jobs: str) -> None:
        @sync_to_async
        def commit() -> int:
            with transaction.atomic(using=jobs):
                order = Order.objects.using(jobs).create(sku="a")
                motia.enqueue("note", order.pk)
            return int(order.pk)

        seen: list[int] = []

        @motia.step(triggers=[motia.queue("note")])
        def note(pk: int) -> None:
            seen.append(Order.objects.using(jobs).get(pk=pk).pk)

        with override_settings(MOTIA={"URL": f"django://{jobs}", "STEPS": [note]}):
            async with Worker(new_motia()).running():
                pk = await commit()
                with anyio.fail_after(10):
                    while not seen:  # the handler is on a thread of its own
                        await anyio.sleep(0.01)
        assert seen == [pk]
        await sync_to_async(connections.close_all)()


class TestAQueueElsewhere:
    @pytest.fixture
    def queue(self, tmp_path: Path) -> Iterator[None]:
        with override_settings(MOTIA={"URL": f"sqlite:///{tmp_path / 'queue.db'}"}):
            yield

    def test_it_waits_in_the_outbox_for_the_commit(self, queue: None) -> None:
        with pytest.raises(Undo), transaction.atomic():
            motia.enqueue("order.created", {"id": 1})
            raise Undo
        assert not OutboxMessage.objects.exists()
        with transaction.atomic():
            Order.objects.create(sku="a")
            motia.enqueue("order.created", {"id": 2})
        assert OutboxMessage.objects.count() == 1
        anyio.run(self._relayed)
        assert not OutboxMessage.objects.exists()

    async def _relayed(self) -> None:
        await Worker(new_motia()).run(drain=True)

    def test_without_a_transaction_it_is_sent_at_once(self, queue: None) -> None:
        motia.enqueue("order.created", {"id": 1})
        assert not OutboxMessage.objects.exists()
        assert current_motia().settings.outbox == "django://default"

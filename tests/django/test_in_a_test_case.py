"""What Django's own test cases see: views, steps, tasks and the admin, inside the transaction of a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.test import override_settings

import motia
from motia.integrations.django.models import DeadLetter, Delivery
from motia.integrations.django.testing import MotiaTestCase
from tests.django_site.shop import tasks
from tests.django_site.shop.models import Order

JSON = "application/json"
TASKS = {"default": {"BACKEND": "motia.integrations.django.tasks.MotiaBackend", "OPTIONS": {"max_retries": 1}}}


class TestSteps(MotiaTestCase):
    def test_a_request_sends_and_a_step_runs(self) -> None:
        reply = self.client.post("/orders", {"sku": "a"}, content_type=JSON)
        assert reply.status_code == 201
        self.assert_enqueued("order.created", {"id": reply.json()["id"]})
        assert self.drain() == 2
        assert Order.objects.get().paid
        self.assert_nothing_enqueued()

    def test_async_step_shares_the_transaction(self) -> None:
        reply = self.client.post("/async-orders", {"sku": "a"}, content_type=JSON)
        assert self.enqueued() == [("order.created", {"id": reply.json()["id"]})]

    def test_what_raises_leaves_nothing(self) -> None:
        for target in ("/orders", "/async-orders"):
            assert self.client.post(target, {"sku": "a", "fail": True}, content_type=JSON).status_code == 500
        self.assert_nothing_enqueued()
        assert not Order.objects.exists()

    def test_plain_code_sends_without_a_context(self) -> None:
        motia.enqueue("order.created", {"id": 7})
        motia.state_manager.set("g", "k", 1)
        assert motia.state_manager.get("g", "k") == 1
        self.assert_enqueued("order.created", {"id": 7})

    def test_savepoint_takes_its_messages_with_it(self) -> None:
        with transaction.atomic():
            motia.enqueue("order.created", {"id": 1})
            with pytest.raises(KeyError), transaction.atomic():
                motia.enqueue("order.created", {"id": 2})
                raise KeyError
        assert [data["id"] for _, data in self.enqueued()] == [1]

    def test_on_commit_sends_when_told(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            transaction.on_commit(lambda: motia.enqueue("order.created", {"id": 3}))
            self.assert_nothing_enqueued()
        self.assert_enqueued("order.created", {"id": 3})

    async def test_async_tests_work_alike(self) -> None:
        reply = await self.async_client.post("/async-orders", {"sku": "a"}, content_type=JSON)
        assert reply.status_code == 201
        await motia.enqueue("order.created", {"id": 9})
        assert await Delivery.objects.filter(topic="order.created").acount() == 4


@override_settings(TASKS=TASKS)
class TestTasks(MotiaTestCase):
    def test_a_task_runs_and_its_result_is_kept(self) -> None:
        result = tasks.add.enqueue(2, b=3)
        assert result.status == "READY"
        assert self.drain() == 1
        result.refresh()
        assert (result.status, result.return_value, result.attempts) == ("SUCCESSFUL", 5, 1)
        assert tasks.add.get_result(result.id).return_value == 5

    async def test_async_task_and_aenqueue(self) -> None:
        order = await Order.objects.acreate(sku="x")
        result = await tasks.name_of.aenqueue(order.pk)
        await sync_to_async(self.drain)()
        await result.arefresh()
        assert result.return_value == {"sku": "x", "attempt": 1}

    def test_a_task_is_retried_then_dead(self) -> None:
        tasks.failures[:] = [0, 1]
        result = tasks.flaky.enqueue()
        assert self.drain() == 1
        result.refresh()
        assert (result.status, len(result.errors)) == ("READY", 1)
        assert result.errors[0].exception_class is OSError
        self.drain(waiting=True)
        result.refresh()
        assert (result.status, result.return_value, result.attempts) == ("SUCCESSFUL", "done", 2)
        dead = tasks.hopeless.enqueue()
        self.drain()
        dead.refresh()
        assert dead.status == "FAILED"
        assert [letter.reason for letter in self.dead_letters()] == ["discarded"]

    def test_a_task_is_rolled_back_with_its_transaction(self) -> None:
        with pytest.raises(KeyError), transaction.atomic():
            result = tasks.add.enqueue(1, 1)
            raise KeyError
        self.assert_nothing_enqueued()
        with pytest.raises(Exception, match=result.id):
            tasks.add.get_result(result.id)

    def test_priority_and_time_are_kept(self) -> None:
        tasks.add.using(priority=50).enqueue(1, 1)
        tasks.add.using(run_after=datetime.now(UTC) + timedelta(hours=1)).enqueue(2, 2)
        rows = Delivery.objects.order_by("seq").values_list("priority", "state")
        assert list(rows) == [(50, "ready"), (0, "scheduled")]


class TestAdmin(MotiaTestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.admin = User.objects.create_superuser("admin", password="admin")

    def setUp(self) -> None:
        self.client.force_login(self.admin)

    def test_every_page_answers(self) -> None:
        motia.enqueue("order.created", {"id": 1})
        for model in ("delivery", "deadletter", "schedule", "subscription", "statevalue"):
            assert self.client.get(f"/admin/motia/{model}/").status_code == 200
            assert self.client.get(f"/admin/motia/{model}/add/").status_code == 403
        row = Delivery.objects.first()
        page = self.client.get(f"/admin/motia/delivery/{row.pk}/change/")
        assert page.status_code == 200
        assert "order.created" in page.content.decode()
        assert self.client.get("/admin/motia/delivery/?state=ready&step=pay").status_code == 200

    def test_dead_letters_are_redriven_and_discarded(self) -> None:
        for number in range(3):
            motia.enqueue("order.created", {"id": number})
        Delivery.objects.filter(subscription_id__startswith="pay").update(state="dead", dead_at=1.0, reason="failed")
        rows = [row.pk for row in DeadLetter.objects.filter(state="dead").order_by("seq")]
        address = "/admin/motia/deadletter/"
        page = self.client.post(address, {"action": "redrive", "_selected_action": rows[:1]}, follow=True)
        assert "1 dead letters run again" in page.content.decode()
        page = self.client.post(
            f"{address}?step=pay",
            {"action": "discard", "_selected_action": rows[1:], "select_across": "1"},
            follow=True,
        )
        assert "2 dead letters discarded" in page.content.decode()
        assert Delivery.objects.filter(state="dead").count() == 0
        assert Delivery.objects.filter(subscription_id__startswith="pay").count() == 1

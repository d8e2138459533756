"""For ``TestCase`` and ``TransactionTestCase``: what was sent, and running it in the test's own transaction."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from asgiref.sync import async_to_sync
from django.test import TestCase, TransactionTestCase

from motia.codec import loads
from motia.concurrency import drive
from motia.dispatcher import Dispatcher
from motia.errors import ConfigError
from motia.integrations.django.models import Delivery
from motia.integrations.django.project import current_motia
from motia.integrations.django.queue import DjangoQueue
from motia.integrations.django.threads import DjangoThreads
from motia.messages import DeadLetter
from motia.policies import MAX_CRASHES
from motia.queues.base import DeadQuery, Demand

_LEASE = 3600.0


class _TestThread(DjangoThreads):
    """Everything runs on the test's thread, on its connection, which nobody closes."""

    def session(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()


def enqueued(topic: str | None = None) -> list[tuple[str, Any]]:
    """The messages that wait for a worker, as ``(topic, data)``, in the order in which they were sent.

    Args:
        topic: only those.
    """
    rows = Delivery.objects.using(_queue().alias).exclude(state="dead").order_by("seq")
    found = {row.message_id: (row.topic, loads(row.payload)) for row in (rows.filter(topic=topic) if topic else rows)}
    return list(found.values())


def drain(*, waiting: bool = False, limit: int = 1000) -> int:
    """Run what is ready, and what that sends, here and now; how many deliveries ran.

    It runs on the connection of the test, so inside a ``TestCase`` as well, whose transaction no worker can see.

    Args:
        waiting: run at once what is delayed or waits for its next attempt, too.
        limit: deliveries after which it must be a loop.

    Raises:
        AssertionError: there was no end to it.
    """
    _queue()
    return int(async_to_sync(_drain)(waiting, limit))


def dead_letters() -> list[DeadLetter]:
    """Deliveries that were given up, newest first."""
    return drive(_queue().dead(DeadQuery()))


async def _drain(waiting: bool, limit: int) -> int:
    running = current_motia().running
    queue = running.backend.waiting.queue
    dispatcher = Dispatcher(running.registry, running.services, _TestThread(1))
    await queue.subscribers("")  # the tables are there, or it says what to do
    count = 0
    while True:
        if waiting:
            await _make_due(queue)
        deliveries = [
            item
            for suspects in (False, True)
            for item in (await queue.exchange([], _demand(running.registry.plans, suspects))).deliveries
        ]
        if not deliveries:
            return count
        for delivery in deliveries:
            settlement = await dispatcher.on_message(delivery)
            if settlement is not None:
                await queue.exchange([settlement])
            count += 1
            if count > limit:
                raise AssertionError(f"drain() ran {limit} deliveries and there were more: do steps feed each other?")


async def _make_due(queue: Any) -> None:
    await Delivery.objects.using(queue.alias).filter(state="scheduled").aupdate(due_at=0)


def _demand(plans: Any, suspects: bool) -> Demand:
    return Demand(f"test-{os.getpid()}", 1 + MAX_CRASHES, frozenset(plans), _LEASE, suspects)


def _queue() -> DjangoQueue:
    queue = current_motia().running.backend.blocking.queue
    if not isinstance(queue, DjangoQueue):
        raise ConfigError(
            "tests expected the queue to be in the project's database; run them with "
            "override_settings(MOTIA={'URL': 'django://default'})"
        )
    return queue


class MotiaMixin:
    """The functions of this module as methods of a test case, and two assertions."""

    def enqueued(self, topic: str | None = None) -> list[tuple[str, Any]]:
        """See ``motia.integrations.django.testing.enqueued``."""
        return enqueued(topic)

    def drain(self, *, waiting: bool = False) -> int:
        """See ``motia.integrations.django.testing.drain``."""
        return drain(waiting=waiting)

    def dead_letters(self) -> Sequence[DeadLetter]:
        """See ``motia.integrations.django.testing.dead_letters``."""
        return dead_letters()

    def assert_enqueued(self, topic: str, data: Any) -> None:
        """A message of this topic with this data waits for a worker."""
        found = enqueued(topic)
        if (topic, data) not in found:
            raise AssertionError(f"expected {data!r} to be sent to {topic!r}, found {found!r}")

    def assert_nothing_enqueued(self, topic: str | None = None) -> None:
        """No message waits for a worker."""
        if found := enqueued(topic):
            raise AssertionError(f"expected nothing to be sent, found {found!r}")


class MotiaTestCase(MotiaMixin, TestCase):
    """A ``TestCase`` with the methods of ``MotiaMixin``."""


class MotiaTransactionTestCase(MotiaMixin, TransactionTestCase):
    """A ``TransactionTestCase`` with the methods of ``MotiaMixin``; a real worker sees what it commits."""

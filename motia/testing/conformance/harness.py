"""What a suite needs of a backend, and short ways to say what it does with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from motia.messages import Delivery, Message, Settlement, Subscription, new_id
from motia.queues.base import Demand, Queue
from motia.stores.base import Store

LEASE = 30.0


@dataclass
class Harness:
    """A backend under test, empty and migrated.

    Attributes:
        queue, store: one handle.
        other: another handle to the same queue, as another process has it.
        advance: let the backend's time pass; a backend with a clock of its own really waits.
        now: the backend's wall time.
        unit: seconds of the short waits; less than 1 where ``advance`` really waits, and still long enough for a loaded
            machine.
    """

    queue: Queue
    other: Queue
    store: Store
    advance: Callable[[float], Awaitable[None]]
    now: Callable[[], float]
    unit: float = 1.0

    async def subscribe(self, *subscriptions: Subscription) -> None:
        """Declare subscriptions, each of a step of its own unless it says otherwise."""
        await self.queue.subscribe(subscriptions, steps={item.step for item in subscriptions})

    async def claim(
        self, limit: int = 100, *, by: str = "w1", of: Sequence[str] = ("s",), **more: Any
    ) -> list[Delivery]:
        """Claim as worker ``by``."""
        return (await self.queue.exchange([], demand(limit, by=by, of=of, **more))).deliveries

    async def settle(self, delivery: Delivery, kind: Any = "done", **more: Any) -> bool:
        """Settle one delivery; whether it took effect."""
        settlement = Settlement(delivery.handle, delivery.token, kind, **more)
        return (await self.queue.exchange([settlement])).settled[0]

    async def send(self, *payloads: str, topic: str = "t", **options: Any) -> list[Message]:
        """Publish one message per payload."""
        messages = [message(payload, topic=topic, **options) for payload in payloads]
        await self.queue.publish(messages)
        return messages


def subscription(name: str = "s", topic: str = "t", **options: Any) -> Subscription:
    """A subscription of a step of the same name."""
    return Subscription(name, topic, options.pop("step", name), **options)


def message(payload: str = "{}", *, topic: str = "t", **options: Any) -> Message:
    """A message with an id of its own."""
    return Message(options.pop("id", None) or new_id(), topic, payload, **options)


def demand(
    limit: int = 100, *, by: str = "w1", of: Sequence[str] = ("s",), lease: float = LEASE, suspects: bool = False
) -> Demand:
    """What worker ``by`` wants."""
    return Demand(by, limit, frozenset(of), lease, suspects)


def payloads(deliveries: Sequence[Delivery]) -> list[str]:
    """What was delivered, in the order of the claim."""
    return [delivery.payload for delivery in deliveries]

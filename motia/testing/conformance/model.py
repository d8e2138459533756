"""What a queue must do, as simply as it can be said: one Python object per delivery, and every rule an assertion."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from motia.messages import Delivery, Message, Subscription
from motia.policies import MAX_CRASHES
from motia.queues.base import Demand

State = Literal["ready", "scheduled", "suspect", "running", "dead", "gone"]


@dataclass
class Modelled:
    """One delivery.

    Attributes:
        number: the order of publishing.
        lapsed: its lease is over, and nobody has said so yet.
        moved: it was redriven, so its place within its fifo group is nobody's business.
    """

    message: Message
    subscription: Subscription
    number: int
    state: State
    token: int = 0
    attempt: int = 0
    crashes: int = 0
    owner: str = ""
    lapsed: bool = False
    asked_to_stop: bool = False
    moved: bool = False

    @property
    def id(self) -> str:
        return f"{self.message.id}:{self.subscription.id}"

    @property
    def line(self) -> tuple[str, str | None]:
        """What it must keep order within."""
        return self.subscription.id, (self.message.group or "") if self.subscription.fifo else None

    @property
    def waits(self) -> bool:
        return self.state in {"ready", "scheduled", "suspect"}

    def back(self, state: State) -> None:
        """Nobody runs it any more."""
        self.state = "suspect" if state == "ready" and self.crashes else state
        self.lapsed = self.asked_to_stop = False
        self.owner = ""

    def crash(self) -> None:
        self.crashes += 1
        self.back("dead" if self.crashes >= MAX_CRASHES else "ready")


@dataclass
class Model:
    """All deliveries of one run of the machine."""

    deliveries: dict[str, Modelled] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    keys: dict[str, str] = field(default_factory=dict)
    count: int = 0
    newest_token: int = 0

    def of(self, *states: State) -> list[Modelled]:
        return [item for item in self.deliveries.values() if item.state in states]

    def is_held(self, item: Modelled) -> bool:
        """Whether an earlier one of its group is dead, and holds it back."""
        return item.subscription.blocks and any(
            other.line == item.line and other.number < item.number for other in self.of("dead")
        )

    def of_message(self, id: str) -> list[Modelled]:
        return [item for item in self.deliveries.values() if item.message.id == id]

    def running_of(self, owner: str) -> list[Modelled]:
        return [item for item in self.of("running") if item.owner == owner]

    def publish(self, message: Message, subscriptions: Iterable[Subscription], *, later: bool) -> str:
        """The id that the receipt must have."""
        if message.key is not None:
            first = self.keys.setdefault(message.key, message.id)
            if first != message.id:
                return first
        for subscription in subscriptions:
            self.count += 1
            made = Modelled(message, subscription, self.count, "scheduled" if later else "ready")
            self.deliveries[made.id] = made
        return message.id

    def claimed(self, found: Delivery, demand: Demand, *, lapsed: bool) -> None:
        """One delivery of a claim: it was allowed, and says what it must."""
        item = self.deliveries[found.id]
        assert item.state == ("suspect" if demand.suspects else "ready"), f"claimed while {item.state}"
        assert item.subscription.id in demand.subscriptions, "claimed for a subscription that was not asked for"
        assert item.subscription.id not in self.paused, "claimed while paused"
        assert found.token > item.token, "a token must grow"
        assert (found.attempt, found.crashes) == (item.attempt + 1, item.crashes)
        assert (found.payload, found.message_id) == (item.message.payload, item.message.id)
        self._in_turn(item)
        item.state, item.token, item.attempt = "running", found.token, found.attempt
        item.owner, item.lapsed = demand.owner, lapsed
        bound = item.subscription.concurrency
        if bound is not None:
            running = [other for other in self.of("running") if other.subscription.id == item.subscription.id]
            assert len(running) <= bound, "more at once than the subscription allows"

    def _in_turn(self, item: Modelled) -> None:
        if not item.subscription.fifo:
            return
        for other in self.deliveries.values():
            if other is not item and other.line == item.line:
                assert other.state != "running", "two of one fifo group at once"
                held = other.waits or (other.state == "dead" and item.subscription.blocks)
                overtaken = held and other.number < item.number and not (other.moved or item.moved)
                assert not overtaken, "claimed before an earlier one of its fifo group"

    def not_passed_over(self, claimed: Collection[str]) -> None:
        """Of each subscription without order, nothing of a higher priority may have been left.

        What has fallen due just now, after a delay or for another try, may be a claim late.
        """
        prompt = [item for item in self.of("ready") if not item.message.delay and not item.attempt]
        for id in claimed:
            item = self.deliveries[id]
            for other in prompt:
                if other.subscription.id == item.subscription.id and not item.subscription.fifo:
                    assert other.message.priority <= item.message.priority, "a higher priority was passed over"

    def surely_claimable(self, demand: Demand) -> list[Modelled]:
        """What a claim that came back empty cannot have overlooked."""
        wanted: State = "suspect" if demand.suspects else "ready"
        return [item for item in self.of(wanted) if self._is_claimable(item, demand)]

    def _is_claimable(self, item: Modelled, demand: Demand) -> bool:
        subscription = item.subscription
        if subscription.id not in demand.subscriptions or subscription.id in self.paused:
            return False
        running = [other for other in self.of("running") if other.subscription.id == subscription.id]
        if subscription.concurrency is not None and len(running) >= subscription.concurrency:
            return False
        others = [other for other in self.deliveries.values() if other is not item and other.line == item.line]
        holding = {"dead"} if subscription.blocks else set()
        return not subscription.fifo or not any(
            other.waits or other.state == "running" or other.state in holding for other in others
        )

"""What a run knows about the lease under which it works."""

from __future__ import annotations

import time
from typing import Literal

from motia.errors import LeaseLost

SURE = 0.8
"""Part of a lease after whose last renewal it is still surely ours; the rest is for the way there and back."""
Verdict = Literal["lost", "cancelled", "released", "timeout"]
_WORDS: dict[Verdict, str] = {
    "lost": "belongs to another worker now, which completes the work",
    "cancelled": "was cancelled",
    "released": "is being handed back, since the worker stops",
    "timeout": "has run longer than its step allows",
}


class Lease:
    """The lease of one claimed delivery, kept up by the worker and looked at by the run.

    Attributes:
        owner: who holds it.
        seconds: how long it lasts without renewal.
        sure_until: monotonic time until which nobody else can have the delivery.
        verdict: why the run should end; None while it should not.
        over: the run has settled the delivery itself, in its transaction, so there is nothing left to hold.
    """

    __slots__ = ("over", "owner", "seconds", "sure_until", "verdict")

    def __init__(self, owner: str, seconds: float, since: float) -> None:
        self.owner = owner
        self.seconds = seconds
        self.verdict: Verdict | None = None
        self.over = False
        self.renewed(since)

    def renewed(self, asked: float) -> None:
        """Note that the backend has renewed it, for a question asked at a monotonic time."""
        self.sure_until = asked + SURE * self.seconds

    @property
    def is_sure(self) -> bool:
        """Whether the delivery is certainly ours, without asking."""
        return self.over or time.monotonic() < self.sure_until

    def check(self, delivery_id: str) -> None:
        """Raise ``LeaseLost`` where the run should start no new side effects."""
        if self.verdict is not None:
            raise LeaseLost(f"delivery {delivery_id} {_WORDS[self.verdict]}; stop, and clean up")
        if not self.is_sure:
            raise LeaseLost(
                f"delivery {delivery_id} has had no renewal of its lease for {SURE * self.seconds:g} s, so another "
                "worker may be about to take it; stop, and leave the work to it"
            )

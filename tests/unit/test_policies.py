"""Backoff and reconnects: the numbers that users were promised."""

from __future__ import annotations

import random

import pytest

from motia import policies
from motia.policies import Backoff, reconnect_delay


class Highest:
    """Jitter that always takes the longest wait."""

    def uniform(self, a: float, b: float, /) -> float:
        return b


class Lowest:
    """Jitter that always takes the shortest wait."""

    def uniform(self, a: float, b: float, /) -> float:
        return a


def test_exponential_waits_double_from_one_second_to_an_hour() -> None:
    waits = [Backoff().delay(attempt, Highest()) for attempt in range(1, 15)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]


def test_jitter_at_most_halves_an_exponential_wait() -> None:
    assert [Backoff().delay(attempt, Lowest()) for attempt in (1, 2, 3, 20)] == [0.5, 1, 2, 1800]


def test_the_base_scales_every_exponential_wait() -> None:
    assert [Backoff(base=0.25).delay(attempt, Highest()) for attempt in (1, 2, 3)] == [0.25, 0.5, 1]
    assert Backoff(base=0).delay(9, Highest()) == 0


def test_the_ceiling_holds_for_the_first_wait_too() -> None:
    assert Backoff(base=90, ceiling=60).delay(1, Highest()) == 60


@pytest.mark.parametrize("attempt", [1, 2, 5, 10**9])
@pytest.mark.parametrize("base", [0.0, 2.5, 7200.0])
def test_fixed_waits_are_exactly_what_was_asked_for(attempt: int, base: float) -> None:
    assert Backoff("fixed", base).delay(attempt, random.Random(1)) == base


@pytest.mark.parametrize("attempt", [-(10**9), -1, 0])
def test_an_attempt_before_the_first_counts_as_the_first(attempt: int) -> None:
    assert Backoff().delay(attempt, Highest()) == 1


@pytest.mark.parametrize("attempt", [1025, 10**6, 10**30])
def test_no_attempt_is_too_late_to_be_computed(attempt: int) -> None:
    assert Backoff().delay(attempt, Highest()) == 3600


def test_reconnects_are_spread_from_zero_to_a_bound_that_doubles_up_to_fifteen_seconds() -> None:
    bounds = [reconnect_delay(failures, Highest()) for failures in (0, 1, 2, 3, 4, 5, 6, 7, 10**30)]
    assert bounds == [0.5, 0.5, 1, 2, 4, 8, 15, 15, 15]
    assert reconnect_delay(9, Lowest()) == 0


def test_what_failed_together_does_not_return_together() -> None:
    spread = random.Random(7)
    assert len({Backoff().delay(3, spread) for _ in range(100)}) == 100
    assert len({reconnect_delay(3, spread) for _ in range(100)}) == 100


def test_the_rules_fit_together() -> None:
    assert policies.MAX_CRASHES == 3
    assert policies.PARK_LIMIT > policies.PARK_DELAY, "a parked delivery is tried again before it is given up"
    assert policies.REAP_INTERVAL <= policies.OVERTIME, "an overrun is noticed soon after it is one"
    assert policies.DEAD_FOR == 30 * 24 * 3600

"""Bounds of retries and reconnects, for any configuration and any attempt."""

from __future__ import annotations

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from motia.policies import Backoff, reconnect_delay

stable = settings(derandomize=True, deadline=None, max_examples=200)
attempts = st.one_of(st.integers(1, 40), st.integers(1, 10**400))
bases = st.floats(0, 1e308)
ceilings = st.floats(0, 1e308)
seeds = st.integers(0, 2**32)


@stable
@given(attempts, bases, ceilings, seeds)
def test_an_exponential_wait_is_finite_and_within_its_bounds(
    attempt: int, base: float, ceiling: float, seed: int
) -> None:
    wait = Backoff("exponential", base, ceiling).delay(attempt, random.Random(seed))
    assert math.isfinite(wait)
    assert 0.5 * min(base, ceiling) <= wait <= ceiling


@stable
@given(attempts, st.floats(0.001, 1e6), seeds)
def test_a_wait_is_never_more_than_the_formula_says_and_never_less_than_half(
    attempt: int, base: float, seed: int
) -> None:
    doubled = base * 2 ** (attempt - 1) if attempt < 100 else math.inf
    most = min(3600.0, doubled)
    assert most / 2 <= Backoff(base=base).delay(attempt, random.Random(seed)) <= most


@stable
@given(st.integers(1, 10**6), bases)
def test_the_longest_wait_never_shrinks_with_the_attempts(attempt: int, base: float) -> None:
    backoff = Backoff(base=base)
    assert backoff.delay(attempt, _Longest()) <= backoff.delay(attempt + 1, _Longest())


@stable
@given(attempts, bases, ceilings, seeds)
def test_a_fixed_wait_is_its_base(attempt: int, base: float, ceiling: float, seed: int) -> None:
    assert Backoff("fixed", base, ceiling).delay(attempt, random.Random(seed)) == base


@stable
@given(st.integers(-5, 10**400), seeds)
def test_a_reconnect_waits_at_most_fifteen_seconds(failures: int, seed: int) -> None:
    assert 0 <= reconnect_delay(failures, random.Random(seed)) <= min(15.0, 0.5 * 2.0 ** min(max(failures - 1, 0), 99))


class _Longest:
    def uniform(self, a: float, b: float, /) -> float:
        return b

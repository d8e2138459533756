"""How often, how soon and for how long: the numbers of retries, leases and reconnects. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

MAX_CRASHES = 3
"""Worker deaths after which a delivery is a dead letter: one that kills its process must not do so for ever.

Counted apart from attempts, since no handler said that it failed; job queues call such a delivery a poison pill.
"""
OVERTIME = 10.0
"""Seconds past its time limit after which a handler that did not heed its cancellation loses its lease."""
REAP_INTERVAL = 5.0
"""Seconds between looks for lapsed leases; with a lease of 30 s, lost work is back within 35 s."""
PARK_DELAY = 30.0
"""Seconds between tries of a delivery that this worker's code has no step or no fitting schema for."""
PARK_LIMIT = 600.0
"""Seconds after which such a delivery is a dead letter: longer than a rolling deploy takes."""
DEAD_FOR = 30 * 86_400.0
"""Seconds for which dead letters are kept."""
STREAM_LOG_KEPT = 600.0
"""Seconds for which the log of a stream is kept: who was away for longer begins with a new sync."""
MAX_ERROR_TEXT = 16 * 1024
"""Characters of a traceback kept with a dead letter."""


class Spread(Protocol):
    """Where jitter comes from; ``random.Random`` is one."""

    def uniform(self, a: float, b: float, /) -> float: ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a retry: exponential backoff with equal jitter, the custom of job queues.

    Attributes:
        kind: ``exponential`` doubles the wait with each attempt; ``fixed`` waits ``base`` each time.
        base: seconds before the first retry.
        ceiling: longest exponential wait in seconds.
    """

    kind: Literal["exponential", "fixed"] = "exponential"
    base: float = 1.0
    ceiling: float = 3600.0

    def delay(self, attempt: int, spread: Spread) -> float:
        """Seconds to wait after the given attempt, from 1, has failed.

        Exponential waits are multiplied by 0.5 to 1, so that what failed together does not return together. A fixed
        wait is exactly what was asked for, longer than ``ceiling`` or not.
        """
        if self.kind == "fixed":
            return self.base
        doublings = min(max(attempt, 1) - 1, 64)
        return min(self.ceiling, self.base * 2.0**doublings) * spread.uniform(0.5, 1.0)


def reconnect_delay(failures: int, spread: Spread) -> float:
    """Seconds before the next try to reach a backend, after ``failures`` (from 1) in a row.

    Full jitter: anything from 0 up to a bound that doubles from 0.5 s to 15 s, so that a fleet which lost its backend
    at one moment does not come back at one moment.
    """
    return spread.uniform(0.0, min(15.0, 0.5 * 2.0 ** min(max(failures, 1) - 1, 10)))

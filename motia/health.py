"""Whether an app can do its work now: for load balancers and process managers, who ask often."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

FRESH = 1.0
"""Seconds for which an answer holds: whoever asks, and however often, the backend is not asked more than that."""
PATIENCE = 2.0
"""Seconds within which the backend must answer."""
Check = Callable[[], Coroutine[Any, Any, None]]
_log = logging.getLogger("motia.health")


class Health:
    """The answer for one open app. The reasons are logged, and told to nobody.

    Args:
        checks: ask the backends, and raise where one cannot be used.
    """

    def __init__(self, checks: Iterable[Check]) -> None:
        self._checks = list(checks)
        self._answer, self._until = True, 0.0
        self._asking: asyncio.Task[bool] | None = None
        self._since = 0.0

    async def is_good(self) -> bool:
        """Whether every backend answers, as of now or of the last second. Takes two seconds at most."""
        now = time.monotonic()
        if now < self._until:
            return self._answer
        asking = self._asking
        if asking is None or asking.done() or asking.get_loop() is not asyncio.get_running_loop():
            asking = self._asking = asyncio.create_task(self._ask())
            self._since = now
        # It is not cancelled: its connection would be lost, and the next one who asks would wait for another.
        done, _ = await asyncio.wait([asking], timeout=max(0.0, self._since + PATIENCE - now))
        return bool(done) and asking.result()

    async def _ask(self) -> bool:
        problem = None
        try:
            for check in self._checks:
                await check()
        except Exception as error:  # whatever it is, nothing can be done until it is mended
            problem = error
        self._tell(problem)
        self._answer, self._until = problem is None, time.monotonic() + FRESH
        return self._answer

    def _tell(self, problem: Exception | None) -> None:
        if problem is not None and self._answer:
            _log.warning("not healthy: %s", problem)
        elif problem is None and not self._answer:
            _log.warning("healthy again")

    async def close(self) -> None:
        """Ask no more."""
        asking, self._asking = self._asking, None
        if asking is not None and asking.get_loop() is asyncio._get_running_loop():
            asking.cancel()
            await asyncio.wait([asking])

"""The time, as a value that can be replaced.

Wall time decides when something is due. Monotonic time decides leases on backends that have no server clock.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from. All values are seconds."""

    def now(self) -> float:
        """Wall time since the epoch."""
        ...

    def monotonic(self) -> float:
        """Time that never goes back, shared by the processes of one machine since its boot."""
        ...


class SystemClock:
    """The time of this machine."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


def boot_id() -> str:
    """A name for this run of the machine: monotonic times compare only where it is equal.

    Linux tells it; elsewhere the start of the machine, to the minute, has to do.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"boot-{round((time.time() - time.monotonic()) / 60)}"

"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime

START = datetime(2030, 1, 1, tzinfo=UTC)
"""Where a virtual clock starts unless it is told otherwise."""


class VirtualClock:
    """Wall and monotonic time under control of a test.

    Args:
        start: aware; default: 1 January 2030, midnight UTC.
    """

    def __init__(self, start: datetime = START) -> None:
        self._wall = start.timestamp()
        self._mono = 1_000.0

    def now(self) -> float:
        """Wall time in seconds since the epoch."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds since some moment; moves with the wall time."""
        return self._mono

    def advance(self, seconds: float) -> None:
        """Move both times forward.

        Raises:
            ValueError: ``seconds`` is negative; neither time goes back.
        """
        if seconds < 0:
            raise ValueError(f"a virtual clock expected 0 seconds or more, got {seconds}")
        self._wall += seconds
        self._mono += seconds

    def __repr__(self) -> str:
        return f"<VirtualClock at {datetime.fromtimestamp(self._wall, UTC).isoformat()}>"

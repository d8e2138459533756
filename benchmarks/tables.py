"""Printing what was measured."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

AFTER, BEFORE = "after the handler", "before it runs"


@dataclass(frozen=True)
class Found:
    """What a benchmark of queues measured.

    Attributes:
        limit: the name of the raw driver among the systems.
        systems: figures by name.
        acknowledges: of peers, where it matters: whether they do after the handler; who does before loses what runs.
        notes: what else is to be said, a line each.
    """

    backend: str
    limit: str
    systems: dict[str, dict[str, float]]
    acknowledges: dict[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def best(self, *, after: bool = False) -> str:
        """The peer that consumes fastest; ``after``: of those that acknowledge after the handler."""
        peers = [name for name in self.systems if name not in {"motia", self.limit}]
        if after:
            peers = [name for name in peers if self.acknowledges.get(name, AFTER) == AFTER]
        return max(peers, key=lambda name: self.systems[name]["consume"])

    def ratio(self, name: str) -> float:
        """Of what motia consumes to what another does."""
        return self.systems["motia"]["consume"] / self.systems[name]["consume"]


def heading(title: str, note: str = "") -> None:
    """A title, and what the figures under it are."""
    print(f"\n## {title}\n")
    if note:
        print(f"{note} Python {platform.python_version()}.\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table in Markdown, aligned for reading as it is."""
    lines = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    padded = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    print("\n".join([padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]]))


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which ``part`` of all values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def shown(key: str, value: float | None) -> str:
    """A figure of a queue as a cell."""
    if value is None:
        return ""
    return f"{value:.2f}" if key in {"p50", "p99"} else f"{value:.0f}"


def middle(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each figure over several runs."""
    return {key: sorted(run[key] for run in runs)[len(runs) // 2] for key in runs[0]}

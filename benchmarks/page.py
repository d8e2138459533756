"""The page of figures in the docs, made from a run."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.queues import BATCH, MESSAGES
from benchmarks.tables import Found, shown

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
HEAD = ""
COLUMNS = ("enqueue", "consume", "p50", "p99", "memory")


def write(found: Sequence[Found]) -> None:
    """Put the tables of these backends into the page; those of other backends stay as they were."""
    text = PAGE.read_text()
    for item in found:
        begin, end = f"<!-- {item.backend} -->", f"<!-- end {item.backend} -->"
        block = f"{begin}\n{_table(item)}\n{end}"
        text = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _, block=block: block, text, flags=re.DOTALL)
    PAGE.write_text(text)
    print(f"\n{PAGE.relative_to(Path.cwd())} has these figures now.")


def _table(found: Found) -> str:
    limit = found.systems[found.limit]
    rows = [
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{MESSAGES} messages, batches of {BATCH}; load average at the end {os.getloadavg()[1]:.1f}. "
        f"{_versions(found)}",
        "",
        *_line(["system", "enqueue/s", "consume/s", "p50 ms", "p99 ms", "MiB", "consume, ratio to raw"], found, HEAD),
    ]
    for name, figures in found.systems.items():
        cells = [shown(key, figures.get(key)) for key in COLUMNS]
        ratio = format(figures["consume"] / limit["consume"], ".3f")
        rows += _line([name, *cells, ratio], found, name)
    if found.acknowledges:
        best, safe = found.best(), found.best(after=True)
        rows += [
            "",
            f"Consumed by motia, ratio to the best peer, {best}: {found.ratio(best):.1f}; to the best that "
            f"acknowledges after the handler, {safe}: {found.ratio(safe):.1f}. {_ratios_to_raw(found)}",
        ]
    for note in found.notes:
        rows += ["", note]
    return "\n".join([*rows, ""])


def _line(cells: list[str], found: Found, name: str) -> list[str]:
    """A line of the table; two for its head."""
    if found.acknowledges:
        cells.append("acknowledges" if name == HEAD else found.acknowledges.get(name, ""))
    line = f"| {' | '.join(cells)} |"
    return [line, "|" + "---|" * len(cells)] if name == HEAD else [line]


def _ratios_to_raw(found: Found) -> str:
    single, many = _share(found, "enqueue"), _share(found, "batch")
    return f"Ratios to raw: enqueue one by one {single:.2f}, by {BATCH} {many:.2f}."


def _share(found: Found, key: str) -> float:
    return found.systems["motia"][key] / found.systems[found.limit][key]


def _versions(found: Found) -> str:
    packages = ["redis", "psycopg", *(name.lower() for name in found.systems)]
    shown_here = {name: _version(name) for name in packages if name.split()[0] not in {"raw", "motia"}}
    used = {name: number for name, number in shown_here.items() if number and _belongs(name, found)}
    return ", ".join(f"{name} {number}" for name, number in used.items()) + "."


def _belongs(package: str, found: Found) -> bool:
    drivers = {"Redis": "redis", "PostgreSQL": "psycopg"}
    return package not in drivers.values() or drivers.get(found.backend) == package


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ModuleNotFoundError:
        return None

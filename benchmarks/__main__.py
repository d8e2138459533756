"""``python -m benchmarks [NAME ...]``: run the benchmarks, print their tables, and write ``docs/performance.md``."""

from __future__ import annotations

import importlib
import sys

from benchmarks.page import write
from benchmarks.tables import Found

NAMES = (
    "imports",
    "step_files",
    "http",
    "http_flask",
    "http_django",
    "sqlite_queue",
    "postgres_queue",
    "redis_queue",
    "streams",
    "idle",
    "recording",
)


def main() -> None:
    wanted = sys.argv[1:] or NAMES
    unknown = set(wanted) - set(NAMES)
    if unknown:
        sys.exit(f"unknown benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    found = [importlib.import_module(f"benchmarks.{name}").main() for name in wanted]
    queues = [item for item in found if isinstance(item, Found)]
    if queues:
        write(queues)


if __name__ == "__main__":
    main()

"""One system in a process of its own: ``python -m benchmarks.apart MODULE FUNCTION URL`` prints its figures as JSON."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

Figures = dict[str, float]
LIMIT = 240


def apart(module: str, function: str, url: str) -> Figures:
    """Figures of ``function(url)`` in a new process, and the MiB that it had at its end, unless it knows better."""
    command = [sys.executable, "-m", "benchmarks.apart", module, function, url]
    quiet = subprocess.DEVNULL
    output = subprocess.run(command, check=False, capture_output=True, stdin=quiet, text=True, timeout=LIMIT)
    last = output.stdout.strip().splitlines()[-1:]
    if output.returncode != 0 or not last:
        raise RuntimeError(f"{module}.{function} failed:\n{output.stdout[-2000:]}{output.stderr[-4000:]}")
    found: Figures = json.loads(last[0])
    return found


def resident(pid: int) -> float:
    """The memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def finish(figures: Figures) -> None:
    """Print the figures and end this process, whatever its threads do."""
    line = json.dumps({"memory": resident(os.getpid())} | figures)
    os.write(1, f"\n{line}\n".encode())  # past whatever a worker has made of sys.stdout
    os._exit(0)


def main() -> None:
    logging.disable(logging.WARNING)
    module, name, url = sys.argv[1:]
    found = getattr(importlib.import_module(module), name)(url)
    finish(asyncio.run(found) if inspect.isawaitable(found) else found)


if __name__ == "__main__":
    main()

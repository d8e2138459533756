"""Huey's SQLite storage, for ``sqlite_queue``: ``produce`` enqueues, ``huey_consumer`` finds ``queue`` here."""

from __future__ import annotations

import os
import time
from pathlib import Path

from huey import SqliteHuey

FOLDER, COUNT = Path(os.environ["HUEY_FOLDER"]), int(os.environ["HUEY_MESSAGES"])
queue = SqliteHuey(filename=str(FOLDER / "huey.db"), results=False)
starts: list[float] = []


@queue.task()
def job(data: object) -> None:
    """Do nothing but note the time."""
    starts.append(time.perf_counter())
    if len(starts) == COUNT:
        done = FOLDER / "huey.done"
        done.write_text(str((COUNT - 1) / (starts[-1] - starts[0])))
        done.rename(FOLDER / "huey.result")


def produce() -> None:
    """Enqueue, and print how many per second."""
    began = time.perf_counter()
    for _ in range(COUNT):
        job({"order_id": "0123456789ab", "cents": 1999})
    print(COUNT / (time.perf_counter() - began))

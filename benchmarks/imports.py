"""What importing costs, in processes of their own, taken in turns."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.tables import heading, median, table

ROUNDS = 9
SUBJECTS = {
    "nothing": "pass",
    "import pydantic": "import pydantic; pydantic.BaseModel",
    "import motia": "import motia",
    "from motia import step": "from motia import step",
    "import motia.cli": "import motia.cli",
    "import fastapi": "import fastapi",
    "import motia.integrations.fastapi": "import motia.integrations.fastapi",
}
PROBE = (
    "import time; began = time.perf_counter(); {code}; took = time.perf_counter() - began; "
    "import resource, sys, os; found = os.path.exists('/proc/self/status') and open('/proc/self/status').read(); "
    # What the kernel says of a process's own memory; getrusage begins with that of the process it was forked from.
    "peak = int(found.split('VmHWM:')[1].split()[0]) / 1024 if found "
    "else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024; "
    "print(took * 1000, len(sys.modules), peak)"
)


def main() -> None:
    heading("Imports", f"Median of {ROUNDS} processes each, taken in turns; memory is the peak of the process.")
    found: dict[str, list[list[float]]] = {name: [] for name in SUBJECTS}
    for _ in range(ROUNDS):
        for name, code in SUBJECTS.items():
            output = subprocess.run(
                [sys.executable, "-c", PROBE.format(code=code)], capture_output=True, text=True, check=True
            ).stdout
            found[name].append([float(part) for part in output.split()])
    rows = [
        [name, *(f"{median([run[column] for run in runs]):.{digits}f}" for column, digits in ((0, 1), (1, 0), (2, 1)))]
        for name, runs in found.items()
    ]
    table(["import", "ms", "modules", "MiB"], rows)

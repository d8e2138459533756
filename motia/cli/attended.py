"""A command that ends when its parent is gone: ``python -m motia.cli.attended worker APP``.

Its standard input is a pipe that the parent holds and never writes to.
"""

from __future__ import annotations

import os
import signal
import threading

from motia.cli import main


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main()

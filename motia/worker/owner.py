"""Who holds a lease: a name for one worker process that never comes back.

Made of the host, the run of the machine, the pid namespace, the pid with the process's start, and something random.
A colleague on the same machine can tell from it that the process is gone, and take its work back at once.
"""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

from motia.clock import boot_id

_SEPARATOR = "|"


def make_owner(pid: int | None = None) -> str:
    """A new name for a process of this machine; default: this one."""
    pid = pid or os.getpid()
    return _SEPARATOR.join([_machine(), str(pid), _started(pid) or "?", secrets.token_hex(4)])


def pid_of(owner: str) -> int | None:
    """The process, when it is one of this machine; None when nothing can be said about it."""
    machine, _, rest = owner.rpartition(_SEPARATOR)[0].rpartition(_SEPARATOR)[0].rpartition(_SEPARATOR)
    return int(rest) if machine == _machine() and rest.isdigit() else None


def in_words(owner: str) -> str:
    """For people: the host and the pid."""
    parts = owner.split(_SEPARATOR)
    return f"{parts[0]}, pid {parts[-3]}" if len(parts) > 3 else owner


def is_gone(owner: str) -> bool:
    """Whether the process is known to be dead. False when that cannot be told."""
    pid = pid_of(owner)
    if pid is None:
        return False
    started = owner.split(_SEPARATOR)[-2]
    if started != "?":
        return _started(pid) != started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _machine() -> str:
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = "?"
    return f"{socket.gethostname()}{_SEPARATOR}{boot_id()}{_SEPARATOR}{namespace}"


def _started(pid: int) -> str | None:
    """When a process started, in clock ticks since boot; None where the system does not tell, or it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else fields[18]

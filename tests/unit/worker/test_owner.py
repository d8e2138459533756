from __future__ import annotations

import os
import subprocess
import sys

from motia.worker.owner import is_gone, make_owner, pid_of


def test_owners_differ_and_name_their_process() -> None:
    first, second = make_owner(), make_owner()
    assert first != second
    assert pid_of(first) == os.getpid()
    assert not is_gone(first)


def test_a_process_that_has_ended_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = make_owner(process.pid)
    assert not is_gone(owner)
    process.communicate(b"\n")
    assert is_gone(owner)


def test_a_pid_that_was_given_to_another_process_is_not_its_owner() -> None:
    parts = make_owner().split("|")
    parts[-2] = "1"  # started at another time
    assert is_gone("|".join(parts))


def test_nothing_is_said_of_other_machines() -> None:
    owner = "|".join(["elsewhere", *make_owner().split("|")[1:]])
    assert pid_of(owner) is None
    assert not is_gone(owner)
    assert not is_gone("no such form")

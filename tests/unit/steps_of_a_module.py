"""A module with a step, for ``test_discovery``."""

from __future__ import annotations

from motia import queue, step


@step("in-module", triggers=[queue("t")])
def in_module() -> None:
    """Do nothing."""

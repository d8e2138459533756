"""What is running in this context: read by ambient functions, loggers and tracing, set once per run."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol


class Current(Protocol):
    """A run, as far as the lower rooms need to know it."""

    @property
    def app(self) -> Any:
        """The app it belongs to."""
        ...

    @property
    def trace(self) -> Any:
        """The ``motia.tracing.Trace`` it is in."""
        ...

    @property
    def recording(self) -> Any:
        """The ``motia.tracing.recorder.Recording`` of it; None where it is not recorded."""
        ...

    @property
    def fields(self) -> Mapping[str, Any]:
        """What its log lines carry."""
        ...


running: ContextVar[Current | None] = ContextVar("motia_running", default=None)

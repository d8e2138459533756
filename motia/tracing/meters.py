"""Metrics, where the app has set a meter provider of OpenTelemetry; elsewhere one look at a variable for each delivery.

Durations are in seconds, as OpenTelemetry wants them. An exporter adds what its system wants of names: Prometheus has
``motia_dead_total`` for ``motia.dead``.
"""

from __future__ import annotations

import functools
import os
from typing import NamedTuple

from opentelemetry import metrics as otel
from opentelemetry.environment_variables import OTEL_PYTHON_METER_PROVIDER
from opentelemetry.metrics import Counter, Histogram, MeterProvider
from opentelemetry.metrics import _internal as inside

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds between which durations are counted: from a handler that only computes to the longest waits for a retry."""
_UNKNOWN = object()


def is_measured() -> bool:
    """Whether there is a meter provider: set by the app, or named in the environment for OpenTelemetry to load."""
    if getattr(inside, "_METER_PROVIDER", _UNKNOWN) is None and not _named():
        return False
    return type(otel.get_meter_provider()).__name__ != "_ProxyMeterProvider"


@functools.cache
def _named() -> bool:
    return OTEL_PYTHON_METER_PROVIDER in os.environ


def count_run(step: str, outcome: str, wait: float | None, duration: float | None) -> None:
    """A delivery has left the hands of a worker.

    Args:
        outcome: ``done``, ``retry``, ``dead``, ``release``, ``park``, or ``lost`` with its lease.
        wait: seconds from when it was due until its handler was started; None where it never was.
        duration: seconds of its run.
    """
    if not is_measured():
        return
    instruments = _instruments(otel.get_meter_provider())
    instruments.deliveries.add(1, {"step": step, "outcome": outcome})
    if wait is not None and duration is not None:
        instruments.wait.record(max(0.0, wait), {"step": step})
        instruments.duration.record(duration, {"step": step, "outcome": outcome})


def count_death(step: str, reason: str) -> None:
    """A delivery has become a dead letter."""
    if is_measured():
        _instruments(otel.get_meter_provider()).dead.add(1, {"step": step, "reason": reason})


class _Instruments(NamedTuple):
    dead: Counter
    deliveries: Counter
    wait: Histogram
    duration: Histogram


@functools.lru_cache(4)
def _instruments(provider: MeterProvider) -> _Instruments:
    meter = provider.get_meter("motia")
    seconds = functools.partial(meter.create_histogram, unit="s", explicit_bucket_boundaries_advisory=BOUNDS)
    return _Instruments(
        meter.create_counter("motia.dead", description="Deliveries that became dead letters"),
        meter.create_counter("motia.deliveries", description="Deliveries that a worker has finished with"),
        seconds("motia.delivery.wait", description="From when a delivery was due until it was started"),
        seconds("motia.delivery.duration", description="The run of a delivery"),
    )

"""Motia: one primitive, the Step, for every backend pattern, inside the web app you already have.

What is public is in ``__all__``. The other names of Motia's own Python SDK, which its step files import from here, come
from ``motia.compat`` when they are asked for.
"""

import importlib as _importlib
import typing as _typing

from motia import discovery as _discovery
from motia.ambient import Stream, cancel, enqueue, state_manager
from motia.app import Motia
from motia.config import MotiaSettings
from motia.context import FlowContext
from motia.context_blocking import SyncFlowContext
from motia.errors import (
    ConfigError,
    CorruptStore,
    Decision,
    Discard,
    HttpError,
    InvalidName,
    LeaseLost,
    MissingDependency,
    MotiaError,
    NoCurrentApp,
    NonRetryable,
    NotOpen,
    PayloadError,
    PayloadTooLarge,
    QueueUnavailable,
    ReadOnlyStore,
    RegistrationError,
    Retry,
    StorageError,
    SyncUnsupported,
    UnknownStep,
    UnknownTopic,
    UnserializablePayload,
    UpdateError,
    ValidationFailed,
)
from motia.inputs import Change, StateTriggerInput, StreamEvent, StreamTriggerInput, TriggerInfo
from motia.logs import logger
from motia.messages import Receipt
from motia.requests import ApiRequest, ApiResponse
from motia.steps import Step, StepConfig, multi_trigger_step, step
from motia.triggers import QueryParam, QueueConfig, cron, http, queue, state, stream
from motia.version import __version__
from motia.worker import Worker

stateManager = state_manager  # noqa: N816  # Motia's name

__all__ = [
    "ApiRequest",
    "ApiResponse",
    "Change",
    "ConfigError",
    "CorruptStore",
    "Decision",
    "Discard",
    "FlowContext",
    "HttpError",
    "InvalidName",
    "LeaseLost",
    "MissingDependency",
    "Motia",
    "MotiaError",
    "MotiaSettings",
    "NoCurrentApp",
    "NonRetryable",
    "NotOpen",
    "PayloadError",
    "PayloadTooLarge",
    "QueryParam",
    "QueueConfig",
    "QueueUnavailable",
    "ReadOnlyStore",
    "Receipt",
    "RegistrationError",
    "Retry",
    "StateTriggerInput",
    "Step",
    "StepConfig",
    "StorageError",
    "Stream",
    "StreamEvent",
    "StreamTriggerInput",
    "SyncFlowContext",
    "SyncUnsupported",
    "TriggerInfo",
    "UnknownStep",
    "UnknownTopic",
    "UnserializablePayload",
    "UpdateError",
    "ValidationFailed",
    "Worker",
    "__version__",
    "cancel",
    "cron",
    "enqueue",
    "http",
    "logger",
    "multi_trigger_step",
    "queue",
    "state",
    "stateManager",
    "state_manager",
    "step",
    "stream",
]


def __getattr__(name: str) -> _typing.Any:
    if name.startswith("_") or name not in (compat := _importlib.import_module("motia.compat")).__all__:
        raise AttributeError(f"module 'motia' has no attribute {name!r}")
    return getattr(compat, name)


_discovery.readers.append(lambda module: _importlib.import_module("motia.compat").read(module))

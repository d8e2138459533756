"""The remaining names of Motia's Python SDK, for imports and annotations in its files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from motia.ambient import AmbientState
from motia.compat.channels import MotiaHttpResponse
from motia.compat.http import MotiaHttpArgs, MotiaHttpRequest
from motia.compat.modules import LEGACY_TYPES, legacy_step
from motia.errors import ConfigError
from motia.inputs import Record, TriggerInfo
from motia.steps import MultiTriggerStep, Step
from motia.triggers import (
    HttpTrigger,
    Trigger,
    http,
    queue,
)

ApiMiddleware: TypeAlias = Callable[..., Any]
ApiRouteMethod: TypeAlias = Literal["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]
TriggerCondition: TypeAlias = Callable[..., Any]
TriggerConfig: TypeAlias = Trigger
TriggerInput: TypeAlias = Any
TriggerMetadata = TriggerInfo
ApiTrigger = HttpTrigger
ApiStreamRequest = MotiaHttpArgs
ApiStreamHttpRequest = MotiaHttpRequest
ApiStreamResponse = MotiaHttpResponse
StepDefinition = Step
MultiTriggerStepBuilder = MultiTriggerStep
StateManager = AmbientState
api = http
event = queue


class Enqueuer(Protocol):
    """``enqueue``, as annotations name it."""

    def __call__(self, topic: Any, data: Any = None, **options: Any) -> Awaitable[Any]: ...


Emitter = Enqueuer


@dataclass(frozen=True)
class StreamSubscription(Record):
    """What a client wants to follow.

    Attributes:
        group_id: the group.
        id: of the item; None for the whole group.
    """

    group_id: str
    id: str | None = None


@dataclass(frozen=True)
class StreamAuthInput(Record):
    """The request that opens a connection to streams."""

    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    query_params: Mapping[str, Any] = field(default_factory=dict)
    addr: str = ""


@dataclass(frozen=True)
class StreamAuthResult(Record):
    """Whether a connection is let in, and what its hooks are told of it."""

    authorized: bool
    context: Any = None


def define_step(name: str | None = None, *, type: str = "event", **declared: Any) -> Callable[[Any], Step[..., Any]]:
    """A decorator over the keys of a 0.x config::

        @define_step(type="event", subscribes=["order.created"])
        async def notify(input, ctx): ...

    Raises:
        ConfigError: a key or a value is not one.
    """
    if type not in LEGACY_TYPES:
        raise ConfigError(f"define_step expected a type of {', '.join(LEGACY_TYPES)}, got {type!r}")

    def decorate(handler: Any) -> Step[..., Any]:
        config = {**declared, "type": type, "name": name or declared.get("name") or getattr(handler, "__name__", "")}
        return legacy_step(config, handler)

    return decorate

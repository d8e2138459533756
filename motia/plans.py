"""One trigger of one step, with every choice made: what the dispatcher runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from motia.binding import Binding, is_async_callable
from motia.declared import check_name
from motia.inputs import TriggerInfo
from motia.messages import RENAMED_TOPIC, STATE_TOPIC, STEP_TOPIC, STREAM_TOPIC, Subscription
from motia.middleware import Layer, layers
from motia.policies import Backoff
from motia.routing import Path
from motia.schedules import Schedule
from motia.schemas import Schema, make_schema
from motia.steps import Step
from motia.triggers import (
    Condition,
    CronTrigger,
    HttpTrigger,
    QueueConfig,
    QueueTrigger,
    StateTrigger,
    StreamTrigger,
    Trigger,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one trigger of one step is run.

    Attributes:
        step, index, trigger: where it was declared; ``trigger`` is None for a step that only ``invoke`` reaches.
        binding: how the handler is called.
        info: what ``ctx.trigger`` says when nothing more is known.
        schema: of the body or payload; None takes anything.
        query: of the query parameters, where the step has a model for them.
        responses: of the answer, by status.
        layers: the middleware, outermost first.
        config: retries, backoff and limits of the deliveries.
        path: of an http trigger.
        schedule: of a cron trigger.
        is_plain: it is a ``def`` handler, without condition and middleware.
    """

    step: Step[..., Any]
    index: int
    trigger: Trigger | None
    binding: Binding
    info: TriggerInfo
    schema: Schema | None = None
    query: Schema | None = None
    responses: Mapping[int, Schema] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    config: QueueConfig = field(default_factory=QueueConfig)
    backoff: Backoff = field(default_factory=Backoff)
    path: Path | None = None
    schedule: Schedule | None = None
    condition: Condition | None = None
    condition_is_async: bool = False

    is_plain: bool = field(init=False)
    name: str = field(init=False)
    span_name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_plain", self.is_blocking and self.condition is None and not self.layers)
        object.__setattr__(self, "name", self.step.name)  # asked for with every message
        object.__setattr__(self, "span_name", f"step {self.step.name}")

    @property
    def is_blocking(self) -> bool:
        """Whether no part of it is ``async def``, so that it can run on the caller's own thread."""
        parts = [self.binding.is_async, self.condition is not None and self.condition_is_async]
        return not any([*parts, *(layer.is_async for layer in self.layers)])


def make_plan(step: Step[..., Any], index: int, binding: Binding, timezone: str) -> Plan:
    """The plan of a step's trigger.

    Args:
        index: the place of the trigger in the step's list.
        timezone: of cron triggers that do not give one.

    Raises:
        ConfigError: a path, expression, schema or middleware is not one.
    """
    trigger = step.config.triggers[index]
    common = {
        "step": step,
        "index": index,
        "trigger": trigger,
        "binding": binding,
        "condition": trigger.condition,
        "condition_is_async": trigger.condition is not None and is_async_callable(trigger.condition),
    }
    return _BUILDERS[type(trigger)](trigger, index, binding, timezone, common)


def bare_plan(step: Step[..., Any], binding: Binding) -> Plan:
    """The plan of a step without triggers, for ``invoke`` and ``step.enqueue``."""
    return Plan(step, 0, None, binding, TriggerInfo("queue"), schema=make_schema(binding.model))


def subscription_of(plan: Plan) -> Subscription | None:
    """The standing wish a plan stands for; None for http."""
    trigger, name, config = plan.trigger, plan.name, plan.config
    if isinstance(trigger, QueueTrigger):
        return Subscription(
            f"{name}#{trigger.topic}",
            trigger.topic,
            name,
            fifo=config.type == "fifo",
            delay=config.delay_seconds,
            concurrency=config.concurrency,
            timeout=config.run_limit,
            blocks=config.on_dead == "block",
        )
    if isinstance(trigger, StateTrigger):
        scope = f"{trigger.group or '*'}/{trigger.key or '*'}"
        return Subscription(f"{name}#{STATE_TOPIC}/{scope}", STATE_TOPIC, name, trigger.group, trigger.key)
    if isinstance(trigger, StreamTrigger):
        scope = f"{trigger.name}/{trigger.group_id or '*'}/{trigger.item_id or '*'}"
        topic = f"{STREAM_TOPIC}.{trigger.name}"
        return Subscription(f"{name}#{STREAM_TOPIC}/{scope}", topic, name, trigger.group_id, trigger.item_id)
    if isinstance(trigger, CronTrigger):
        id = schedule_id(plan)
        return Subscription(id, id, name)
    return None


def direct_subscription(plan: Plan) -> Subscription:
    """What ``step.enqueue`` sends to; it has the config of the step's queue trigger, if there is one."""
    config = plan.config
    return Subscription(
        plan.name,
        f"{STEP_TOPIC}.{plan.name}",
        plan.name,
        fifo=config.type == "fifo",
        delay=config.delay_seconds,
        concurrency=config.concurrency,
        timeout=config.run_limit,
        blocks=config.on_dead == "block",
    )


def inherited(wish: Subscription, alias: str) -> Subscription:
    """The same wish under a name that the step had before: nothing new comes to it, and what waits there is served."""
    return replace(wish, id=alias + wish.id.removeprefix(wish.step), topic=RENAMED_TOPIC)


def schedule_id(plan: Plan) -> str:
    """The name of a cron trigger in the backend."""
    trigger = cast("CronTrigger", plan.trigger)
    return f"{plan.name}#$cron/{trigger.expression}" + (f"/{trigger.timezone}" if trigger.timezone else "")


def _http(trigger: HttpTrigger, index: int, binding: Binding, timezone: str, common: dict[str, Any]) -> Plan:
    declared = trigger.body_schema if trigger.body_schema is not None else binding.model
    query = None if isinstance(trigger.query_params, tuple) else make_schema(trigger.query_params)
    return Plan(
        **common,
        info=TriggerInfo("http", index, method=trigger.method, path=trigger.path),
        schema=make_schema(declared),
        query=query,
        responses={
            status: schema for status, declared in trigger.response_schema.items() if (schema := make_schema(declared))
        },
        layers=layers(trigger.middleware),
        path=Path.parse(trigger.path),
    )


def _queue(trigger: QueueTrigger, index: int, binding: Binding, timezone: str, common: dict[str, Any]) -> Plan:
    config = trigger.config
    return Plan(
        **common,
        info=TriggerInfo("queue", index, topic=trigger.topic),
        schema=make_schema(trigger.input if trigger.input is not None else binding.model),
        config=config,
        backoff=Backoff(config.backoff_type, config.backoff_delay_ms / 1000),
    )


def _cron(trigger: CronTrigger, index: int, binding: Binding, timezone: str, common: dict[str, Any]) -> Plan:
    schedule = Schedule.parse(trigger.expression, trigger.timezone or timezone)
    return Plan(**common, info=TriggerInfo("cron", index, expression=trigger.expression), schedule=schedule)


def _state(trigger: StateTrigger, index: int, binding: Binding, timezone: str, common: dict[str, Any]) -> Plan:
    return Plan(**common, info=TriggerInfo("state", index, group_id=trigger.group))


def _stream(trigger: StreamTrigger, index: int, binding: Binding, timezone: str, common: dict[str, Any]) -> Plan:
    check_name(trigger.name)
    return Plan(**common, info=TriggerInfo("stream", index, stream_name=trigger.name, group_id=trigger.group_id))


_BUILDERS: dict[type, Callable[..., Plan]] = {
    HttpTrigger: _http,
    QueueTrigger: _queue,
    CronTrigger: _cron,
    StateTrigger: _state,
    StreamTrigger: _stream,
}

"""Questions about triggers and steps: ``is_queue_trigger(t)``, ``is_queue_step(s)``, ``get_queue_triggers(s)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from motia.steps import Step, StepConfig
from motia.triggers import Trigger, read_trigger


def _is_trigger(kind: str) -> Callable[[Any], bool]:
    def asked(trigger: Any) -> bool:
        return read_trigger(trigger).type == kind

    return asked


def _triggers(kind: str) -> Callable[[Any], list[Trigger]]:
    def found(step: Any) -> list[Trigger]:
        return [trigger for trigger in _config(step).triggers if trigger.type == kind]

    return found


def _is_step(kind: str) -> Callable[[Any], bool]:
    def asked(step: Any) -> bool:
        return any(trigger.type == kind for trigger in _config(step).triggers)

    return asked


def _config(step: Any) -> StepConfig:
    """The declaration of a step, of a config, or of a dict."""
    found = step.config if isinstance(step, Step) else step
    return StepConfig.read(found) if isinstance(found, Mapping) else found


is_api_trigger = is_http_trigger = _is_trigger("http")
is_queue_trigger = _is_trigger("queue")
is_cron_trigger = _is_trigger("cron")
is_state_trigger = _is_trigger("state")
is_stream_trigger = _is_trigger("stream")
is_api_step = is_http_step = _is_step("http")
is_queue_step = is_event_step = _is_step("queue")
is_cron_step = _is_step("cron")
is_state_step = _is_step("state")
is_stream_step = _is_step("stream")
get_api_triggers = get_http_triggers = _triggers("http")
get_queue_triggers = _triggers("queue")
get_cron_triggers = _triggers("cron")
get_state_triggers = _triggers("state")
get_stream_triggers = _triggers("stream")


def is_noop_step(step: Any) -> bool:
    """Whether nothing starts the step."""
    return not _config(step).triggers

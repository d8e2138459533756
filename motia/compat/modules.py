"""From a module with ``config`` and ``handler`` to a step of ours, whichever generation of Motia it was written for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from motia.compat.handlers import legacy_handler, modern_handler
from motia.compat.http import adapt_0x, adapt_1x
from motia.compat.schemas import documented
from motia.compat.streams import declare_stream, is_stream_config
from motia.declarations import read_keys, snake
from motia.errors import ConfigError, did_you_mean
from motia.steps import Step, StepConfig
from motia.triggers import HttpTrigger, QueueConfig, Trigger, cron, http, queue

LEGACY_TYPES = ("api", "event", "cron", "noop")
_COMMON = (
    "type", "name", "description", "flows", "emits", "virtual_emits", "virtual_subscribes", "include_files",
)  # fmt: skip
_KEYS = {
    "api": (*_COMMON, "path", "method", "middleware", "query_params", "body_schema", "response_schema"),
    "event": (*_COMMON, "subscribes", "input", "infrastructure"),
    "cron": (*_COMMON, "cron"),
    "noop": _COMMON,
}
_ALIASES = {"enqueues": "emits", "virtual_enqueues": "virtual_emits", "expression": "cron", "schedule": "cron"}
_HTTP_KEYS = frozenset({"path", "method", "middleware", "query_params", "body_schema", "response_schema"})


def read(module: ModuleType) -> Step[..., Any] | None:
    """The step of a module; None where its ``config`` is none of Motia's.

    Raises:
        ConfigError: the config has a key that nobody reads, or the handler is missing.
    """
    config, handler = getattr(module, "config", None), getattr(module, "handler", None)
    if is_stream_config(config):
        declare_stream(config)  # type: ignore[arg-type]  # just looked
        return None
    if isinstance(config, Mapping) and "type" in config:
        return legacy_step(config, handler)
    if not callable(handler):
        if isinstance(config, Mapping) and ("triggers" in config or "emits" in config):
            raise ConfigError(f"step {config.get('name')!r} has a config and no handler; add `async def handler(...)`")
        return None
    return modern_step(config, handler)  # type: ignore[arg-type]  # the caller has looked


def legacy_step(config: Mapping[str, Any], handler: Any = None) -> Step[..., Any]:
    """The step of a 0.x config, which has a ``type``.

    Raises:
        ConfigError: as for ``read``.
    """
    what, kind = f"step {config.get('name', '?')!r}", config["type"]
    if kind not in LEGACY_TYPES:
        raise ConfigError(f"{what} has the unknown type {kind!r}; {did_you_mean(str(kind), LEGACY_TYPES)}")
    keys = read_keys(config, _KEYS[kind], what, aliases=_ALIASES)
    if not callable(handler) and kind != "noop":
        raise ConfigError(f"{what} has a config and no handler; add `async def handler(...)`")
    declared = StepConfig(
        name=keys.get("name", ""),
        triggers=_TRIGGERS[kind](keys, what),
        enqueues=keys.get("emits") or (),
        virtual_enqueues=keys.get("virtual_emits") or (),
        virtual_subscribes=keys.get("virtual_subscribes") or (),
        description=keys.get("description"),
        flows=keys.get("flows") or (),
        include_files=keys.get("include_files") or (),
    )
    if not callable(handler):
        return Step(declared, noop)
    return Step(declared, legacy_handler(handler, declared, is_cron=kind == "cron"))


def noop() -> None:
    """What runs for a step that stands for something outside, such as a person or a webhook."""


def _api(keys: Mapping[str, Any], what: str) -> list[Trigger]:
    responses = keys.get("response_schema") or {}
    if not isinstance(responses, Mapping):
        responses = {200: responses}
    return [
        http(
            _needed(keys, "method", what),
            _path(_needed(keys, "path", what)),
            body_schema=documented(keys.get("body_schema")),
            response_schema={int(status): found for status, item in responses.items() if (found := documented(item))},
            query_params=keys.get("query_params") or (),
            middleware=_middleware(adapt_0x, keys.get("middleware")),
        )
    ]


def _event(keys: Mapping[str, Any], what: str) -> list[Trigger]:
    topics = _needed(keys, "subscribes", what)
    config = _infrastructure(keys.get("infrastructure"), what)
    schema = documented(keys.get("input"))
    return [queue(topic, input=schema, config=config) for topic in ([topics] if isinstance(topics, str) else topics)]


def _cron(keys: Mapping[str, Any], what: str) -> list[Trigger]:
    return [cron(_needed(keys, "cron", what))]


_TRIGGERS: dict[str, Callable[[Mapping[str, Any], str], list[Trigger]]] = {
    "api": _api,
    "event": _event,
    "cron": _cron,
    "noop": lambda keys, what: [],
}


def _needed(keys: Mapping[str, Any], name: str, what: str) -> Any:
    if not keys.get(name):
        raise ConfigError(f"{what} has no {name!r}, which a step of type {keys['type']!r} needs")
    return keys[name]


def _path(path: str) -> str:
    """Express had a bare ``*`` for the remainder; ours has a name."""
    return f"{path}rest" if isinstance(path, str) and path.endswith("/*") else path


def _middleware(adapt: Callable[..., Any], declared: Any) -> tuple[Callable[..., Any], ...]:
    given = tuple(declared or ())
    return (adapt, *given) if given else ()


def _infrastructure(declared: Any, what: str) -> QueueConfig:
    """``{"queue": {...}, "handler": {...}}`` as a queue's config; memory and processors are the machine's business."""
    if not declared:
        return QueueConfig()
    parts = read_keys(declared, ("queue", "handler"), f"infrastructure of {what}")
    known = ("timeout", "ram", "cpu", "retries", "backoff_rate")
    handler = read_keys(parts.get("handler") or {}, known, f"infrastructure.handler of {what}")
    config = dict(parts.get("queue") or {})
    if "retries" in handler and not {"maxRetries", "max_retries"} & config.keys():
        config["max_retries"] = handler["retries"]
    if "timeout" in handler:
        config["timeout"] = handler["timeout"]
    return QueueConfig.read(config)


def modern_step(config: Mapping[str, Any] | StepConfig, handler: Callable[..., Any]) -> Step[..., Any]:
    """The step of a 1.x config, which has ``triggers``.

    Raises:
        ConfigError: as for ``read``.
    """
    declared = config if isinstance(config, StepConfig) else StepConfig.read(_modernised(config))
    declared = replace(declared, triggers=tuple(_adapted(trigger) for trigger in declared.triggers))
    return Step(declared, modern_handler(handler, declared))


def _adapted(trigger: Trigger) -> Trigger:
    if isinstance(trigger, HttpTrigger) and trigger.middleware and trigger.middleware[0] is not adapt_1x:
        return replace(trigger, middleware=_middleware(adapt_1x, trigger.middleware))
    return trigger


def _modernised(config: Mapping[str, Any]) -> dict[str, Any]:
    """Early 1.x: ``emits``, and what belongs to triggers written beside them."""
    names = {"emits": "enqueues", "virtual_emits": "virtual_enqueues"}
    keys = {names.get(snake(key), snake(key)): (key, value) for key, value in config.items()}
    beside = {name: keys.pop(name)[1] for name in (*_HTTP_KEYS, "input", "infrastructure") if name in keys}
    made = {name if name in names.values() else key: value for name, (key, value) in keys.items()}
    if beside:
        made["triggers"] = [_with(trigger, beside, str(config.get("name"))) for trigger in config.get("triggers") or ()]
    return made


def _with(trigger: Any, beside: Mapping[str, Any], name: str) -> Any:
    """A trigger with what its step says beside it, where the trigger itself says nothing."""
    if not isinstance(trigger, Mapping):
        return trigger
    own = {snake(str(key)) for key in trigger}
    if trigger.get("type") in {"api", "http"}:
        return {**{key: value for key, value in beside.items() if key in _HTTP_KEYS - own and value}, **trigger}
    if trigger.get("type") in {"event", "queue"}:
        more: dict[str, Any] = {}
        if "input" not in own and beside.get("input"):
            more["input"] = documented(beside["input"])
        if "config" not in own and beside.get("infrastructure"):
            more["config"] = _infrastructure(beside["infrastructure"], f"step {name!r}")
        return {**more, **trigger}
    return trigger

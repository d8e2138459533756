"""``MOTIA = {...}`` of the project's settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any

from django.conf import settings

from motia.config import PREFIX, MotiaSettings
from motia.declarations import read_keys
from motia.errors import ConfigError, did_you_mean
from motia.web.workbench import Workbench

_OTHERS = ("QUEUE", "STATE", "STREAMS", "STEPS", "WORKER", "WORKBENCH", "AUTHENTICATE", "AUTHORIZE")


@dataclass(frozen=True)
class Project:
    """What the settings say.

    Attributes:
        urls: those of ``QUEUE``, ``STATE`` and ``STREAMS`` that are given.
        steps: further sources of steps, besides ``steps.py`` of the installed apps.
        worker: ``"auto"``, True or False.
        workbench: the same, or a ``Workbench``.
    """

    settings: MotiaSettings
    urls: Mapping[str, str]
    steps: tuple[Any, ...]
    worker: bool | str
    workbench: bool | str | Workbench
    authenticate: Callable[..., Any] | None


def read_project() -> Project:
    """The settings of motia in this project: ``MOTIA``, then ``MOTIA_*`` variables, then what Django's own suggest.

    Raises:
        ConfigError: a key is unknown, or its value does not fit.
    """
    given = getattr(settings, "MOTIA", {})
    if not isinstance(given, Mapping):
        raise ConfigError(f"MOTIA expected a dict such as {{'URL': 'django://default'}}, got {given!r}")
    chosen = {str(key).upper().removeprefix(PREFIX): value for key, value in given.items()}
    _check(chosen)
    others = {key: chosen.pop(key) for key in _OTHERS if key in chosen}
    defaults = {name: value for name, value in _defaults().items() if f"{PREFIX}{name}" not in os.environ}
    queue = str(others.get("QUEUE") or {**defaults, **chosen}.get("URL") or os.environ[f"{PREFIX}URL"])
    if not queue.startswith(("django:", "memory:")) and f"{PREFIX}OUTBOX" not in os.environ:
        defaults["OUTBOX"] = "django://default"
    steps = others.get("STEPS", ())
    if isinstance(steps, str):
        raise ConfigError(f"MOTIA['STEPS'] expected a list, got the text {steps!r}; write [{steps!r}]")
    return Project(
        MotiaSettings.from_env(**{name.lower(): value for name, value in {**defaults, **chosen}.items()}),
        {name.lower(): others[name] for name in ("QUEUE", "STATE", "STREAMS") if others.get(name)},
        tuple(steps),
        _mode("WORKER", others.get("WORKER", "auto")),
        _workbench(others.get("WORKBENCH", "auto"), _callable("AUTHORIZE", others.get("AUTHORIZE"))),
        _callable("AUTHENTICATE", others.get("AUTHENTICATE")),
    )


def _defaults() -> dict[str, Any]:
    return {
        "URL": "django://default",
        "ENV": "development" if settings.DEBUG else "production",
        "DEBUG": settings.DEBUG,
        "TIMEZONE": settings.TIME_ZONE or "UTC",
    }


def _check(chosen: Mapping[str, Any]) -> None:
    known = [name.upper() for name in MotiaSettings.model_fields] + list(_OTHERS)
    for key in chosen:
        if key not in known:
            raise ConfigError(f"MOTIA has an unknown key {key!r}; {did_you_mean(key, known)}")


def _mode(name: str, value: Any) -> bool | str:
    if value != "auto" and not isinstance(value, bool):
        raise ConfigError(f"MOTIA[{name!r}] expected 'auto', True or False, got {value!r}")
    return bool(value) if isinstance(value, bool) else "auto"


def _workbench(value: Any, authorize: Callable[..., Any] | None) -> bool | str | Workbench:
    """``"auto"``, True, False, a ``Workbench``, its options as a dict, or the dotted name of one of these.

    In options too, functions may be dotted names.

    Args:
        authorize: what ``AUTHORIZE`` says, for whom that is enough.
    """
    if authorize is not None and value in ("auto", True):
        return Workbench(authorize=authorize)
    if isinstance(value, str) and value != "auto":
        value = load_by_name(value)
    if isinstance(value, Mapping):
        known = [field.name for field in fields(Workbench)]
        given: dict[str, Any] = {str(key).lower(): option for key, option in value.items()}
        options = read_keys(given, known, "MOTIA['WORKBENCH']")
        for name in {"authorize", "role"} & options.keys():
            options[name] = _function(options[name])
        return Workbench(**options)
    return value if isinstance(value, Workbench) else _mode("WORKBENCH", value)


def _function(value: Any) -> Any:
    """A function by its dotted name; a role's name has no dots."""
    return load_by_name(value) if isinstance(value, str) and "." in value else value


def _callable(name: str, value: Any) -> Callable[..., Any] | None:
    """A function, or the dotted name of one: settings are read before there are models to import."""
    found: Callable[..., Any] | None = load_by_name(value) if isinstance(value, str) else value
    if found is not None and not callable(found):
        raise ConfigError(f"MOTIA[{name!r}] expected a function or its dotted name, got {value!r}")
    return found


def load_by_name(name: str) -> Any:
    """What stands under a dotted name.

    Raises:
        ConfigError: nothing does.
    """
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"MOTIA names {name!r}, which cannot be imported: {error}") from error

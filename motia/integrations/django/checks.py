"""System checks: what does not fit in this project, each with an id and how to mend it. They open no connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connections
from django.urls import NoReverseMatch, get_resolver

from motia.errors import ConfigError, MotiaError, RegistrationError
from motia.integrations.django.built_in import site_in
from motia.integrations.django.guards import guarded
from motia.integrations.django.project import DjangoMotia, current_motia
from motia.triggers import HttpTrigger

SQLITE_OPTIONS = (
    '"OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, '
    '"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"}'
)


def connect() -> None:
    """Register the checks."""
    register(_settings, "motia")
    register(_deployment, "motia", deploy=True)
    register(_databases, "motia")


def _motia() -> DjangoMotia | None:
    """The app, where its settings and its steps fit."""
    try:
        motia = current_motia()
        _ = motia.registry
    except MotiaError:
        return None
    return motia


def _settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E001: the settings. E002: the steps. E003: a guard. E007: the Workbench. W003, W004, W006: see the messages."""
    try:
        motia = current_motia()
        _ = motia.registry
    except RegistrationError as error:
        return [Error(str(problem), id="motia.E002") for problem in error.problems]
    except MotiaError as error:
        return [Error(str(error), id="motia.E001")]
    return [*_guards(motia), *_workbench(motia), *_atomic(motia), *_unreachable(motia), *_limits(motia)]


def _workbench(motia: DjangoMotia) -> Iterator[CheckMessage]:
    try:
        site_in(motia)
    except ConfigError as error:
        yield Error(
            f"MOTIA['WORKBENCH']: {error}",
            hint='Set MOTIA["AUTHORIZE"] = django_staff() from motia.web.workbench, or leave WORKBENCH to "auto".',
            id="motia.E007",
        )


def _guards(motia: DjangoMotia) -> Iterator[CheckMessage]:
    for plan in motia.registry.http:
        assert isinstance(plan.trigger, HttpTrigger)
        try:
            guarded(_nothing, plan.trigger.dependencies)
        except ConfigError as error:
            yield Error(f"step {plan.name!r}: {error}", id="motia.E003")


def _nothing(*args: Any) -> None:
    """Stands for a step."""


def _atomic(motia: DjangoMotia) -> Iterator[CheckMessage]:
    aliases = [alias for alias, given in connections.settings.items() if given.get("ATOMIC_REQUESTS")]
    steps = sorted({plan.name for plan in motia.registry.http if not plan.is_blocking})
    if aliases and steps:
        yield Warning(
            f"ATOMIC_REQUESTS of {', '.join(aliases)} does not hold for the `async def` steps {', '.join(steps)}: "
            "Django has no atomic async views",
            hint="Write `async with ctx.transaction():` in them, or make them `def`.",
            id="motia.W003",
        )


def _unreachable(motia: DjangoMotia) -> Iterator[CheckMessage]:
    steps = [plan.name for plan in motia.registry.http]
    if not steps or not getattr(settings, "ROOT_URLCONF", None):
        return
    try:
        found = "motia" in get_resolver().namespace_dict
    except (ImportError, NoReverseMatch):  # Django's own checks tell of it
        return
    if not found:
        yield Warning(
            f"the http steps {', '.join(sorted(steps))} have no URLs",
            hint='Add path("", include("motia.integrations.django.urls")) to ROOT_URLCONF.',
            id="motia.W004",
        )


def _limits(motia: DjangoMotia) -> Iterator[CheckMessage]:
    allowed = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if allowed is not None and motia.settings.body_limit > allowed:
        yield Warning(
            f"MOTIA['BODY_LIMIT'] of {motia.settings.body_limit} bytes is above DATA_UPLOAD_MAX_MEMORY_SIZE "
            f"({allowed}), which wins for all bodies but file uploads",
            hint="Raise DATA_UPLOAD_MAX_MEMORY_SIZE, or lower BODY_LIMIT.",
            id="motia.W006",
        )


def _databases(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E004: the alias. W001: SQLite. W002: memory. W007: MySQL."""
    motia = _motia()
    found: list[CheckMessage] = []
    for url in urls_of(motia) if motia is not None else ():
        if url.startswith("django:"):
            found += _database(url.partition("://")[2])
        elif url.startswith("memory:"):
            found.append(
                Warning(
                    f"{url} keeps messages in the memory of one process: a worker elsewhere sees none of them",
                    hint="Use it in tests; django://default keeps them in the project's database.",
                    id="motia.W002",
                )
            )
    return found


def urls_of(motia: DjangoMotia) -> list[str]:
    """Where its parts are."""
    given = [motia.url, *(url for url in motia.project.urls.values()), motia.settings.outbox]
    return sorted({url for url in given if url})


def _database(alias: str) -> Iterator[CheckMessage]:
    given = connections.settings.get(alias)
    if given is None:
        yield Error(f"django://{alias}: there is no such alias in DATABASES", id="motia.E004")
        return
    engine, options = given["ENGINE"].rpartition(".")[2], given.get("OPTIONS", {})
    if not any(vendor in engine for vendor in _VENDORS):
        yield Error(
            f"django://{alias} expected SQLite, PostgreSQL, MySQL or MariaDB, got {given['ENGINE']}", id="motia.E005"
        )
    if "sqlite" in engine and str(options.get("transaction_mode", "")).upper() != "IMMEDIATE":
        yield Warning(
            f"database {alias!r} is SQLite with transactions that take the write lock late: with a worker beside the "
            "server, some of them fail with 'database is locked' without waiting",
            hint=f"Set {SQLITE_OPTIONS}.",
            id="motia.W001",
        )
    level = str(options.get("isolation_level", "read committed")).lower()
    if "mysql" in engine and level in {"repeatable read", "serializable"}:
        yield Warning(
            f"database {alias!r} has the isolation level {level!r}: ctx.state may see an old value in a transaction",
            hint='Set "OPTIONS": {"isolation_level": "read committed"}, which is Django\'s default.',
            id="motia.W007",
        )


_VENDORS = ("sqlite", "postg", "psycopg", "mysql", "mariadb", "spatialite")


def _deployment(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W005: SQLite in production. W008: Redis. W009: internals of errors."""
    motia = _motia()
    found: list[CheckMessage] = []
    if motia is None:
        return found
    found += [make(url) for url in urls_of(motia) for matches, make in _DEPLOYED if matches(url)]
    if motia.settings.debug:
        found.append(Warning("MOTIA['DEBUG'] shows clients the text of unexpected errors", id="motia.W009"))
    return found


def _is_sqlite(url: str) -> bool:
    alias = url.partition("://")[2]
    given = connections.settings.get(alias, {}) if url.startswith("django:") else {}
    return url.startswith("sqlite:") or "sqlite" in given.get("ENGINE", "")


_DEPLOYED: tuple[tuple[Callable[[str], bool], Callable[[str], CheckMessage]], ...] = (
    (
        _is_sqlite,
        lambda url: Warning(
            f"{url} is SQLite: one machine, one writer at a time",
            hint="Use PostgreSQL, MySQL or MariaDB where more than one machine serves the project.",
            id="motia.W005",
        ),
    ),
    (
        lambda url: url.startswith(("redis:", "rediss:")),
        lambda url: Warning(
            "messages in Redis survive its restart only with `appendonly yes`, and full memory only with "
            "`maxmemory-policy noeviction`",
            hint="Check both with `redis-cli CONFIG GET`, then silence this with SILENCED_SYSTEM_CHECKS.",
            id="motia.W008",
        ),
    ),
)

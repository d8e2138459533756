"""``django.tasks`` on motia's queue: ``"BACKEND": "motia.integrations.django.tasks.MotiaBackend"`` in ``TASKS``.

For Django 6's own framework, and for the package ``django-tasks`` on 5.2. The framework itself has no worker, no
retries and no dead letters; here a task is a delivery like any other. ``OPTIONS`` are those of ``QueueConfig``, such as
``max_retries`` and ``timeout``, and ``result_ttl``: seconds for which results are kept, default a week.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core import checks

from motia.codec import dumps, loads
from motia.concurrency import drive
from motia.context import FlowContext
from motia.errors import ConfigError, Discard, MissingDependency, did_you_mean
from motia.integrations.django.project import DjangoMotia, current_motia
from motia.messages import Message, new_id
from motia.queues.base import DeadQuery
from motia.steps import Step, step
from motia.tracing import current_trace, new_trace
from motia.triggers import QueueConfig, queue

if find_spec("django.tasks") is None and find_spec("django_tasks") is None:
    raise MissingDependency("MotiaBackend needs Django 6, or on 5.2 the package: pip install django-tasks")
api = import_module("django_tasks" if find_spec("django.tasks") is None else "django.tasks")
_base = import_module(f"{api.__name__}.base")
_signals = import_module(f"{api.__name__}.signals")
_exceptions = import_module(f"{api.__name__}.exceptions")
_backends = import_module(f"{api.__name__}.backends.base")
BACKEND = f"{__name__}.MotiaBackend"
GROUP = "django.tasks"
RESULT_TTL = 7 * 86_400.0
_OPTIONS = set(QueueConfig.model_fields)


class MotiaBackend(_backends.BaseTaskBackend):  # type: ignore[misc,name-defined]  # found at run time
    """Sends tasks; ``manage.py motia_worker`` runs them."""

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Send a task, in the transaction that is open."""
        self.validate_task(task)
        result = _result(self.alias, task, new_id(), {"args": args, "kwargs": kwargs, "enqueued_at": _now()})
        drive(_send(current_motia(), self, result))
        _signals.task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> Any:
        """A result by its id.

        Raises:
            TaskResultDoesNotExist: there is none, or it was kept long enough.
        """
        running = current_motia().running
        text = drive(running.state_backend.blocking.store.get(GROUP, str(result_id)))
        if text is None:
            raise _exceptions.TaskResultDoesNotExist(str(result_id))
        record = loads(text)
        if record["status"] in {"READY", "RUNNING"}:
            self._look_for_death(running.backend.blocking.queue, result_id, record)
        return _result(self.alias, _task(record), result_id, record)

    def _look_for_death(self, queue: Any, result_id: str, record: dict[str, Any]) -> None:
        """A task whose worker died or that ran too long could not say so itself."""
        ids = [f"{result_id}:{_name(self.alias, record['queue_name'])}#{_topic(self.alias, record['queue_name'])}"]
        for letter in drive(queue.dead(DeadQuery(ids=ids))):
            finished = datetime.fromtimestamp(letter.dead_at, UTC).isoformat()
            record |= {"status": "FAILED", "finished_at": finished}
            if not record["errors"]:
                record["errors"] = [["builtins.RuntimeError", letter.error or letter.reason]]

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        """Whether the options fit."""
        try:
            _config(self.options)
        except (ConfigError, ValueError) as error:
            yield checks.Error(f"TASKS[{self.alias!r}]: {error}", id="motia.E006")


def task_steps() -> Iterator[Step[..., Any]]:
    """The steps that run the tasks of this project: one for each queue of each backend that is ours."""
    for alias, given in getattr(settings, "TASKS", {}).items():
        if given.get("BACKEND") == BACKEND:
            for name in sorted(given.get("QUEUES", ["default"]) or ["default"]):
                yield _step(alias, name, given.get("OPTIONS", {}))


def _step(alias: str, queue_name: str, options: Mapping[str, Any]) -> Step[..., Any]:
    config = _config(options)

    async def run_task(data: dict[str, Any], ctx: FlowContext[Any]) -> None:
        await _run(alias, data, ctx, config)

    declared = {"name": _name(alias, queue_name), "description": f"Tasks of {alias!r} in the queue {queue_name!r}"}
    return step(triggers=[queue(_topic(alias, queue_name), config=config)], **declared)(run_task)


def _config(options: Mapping[str, Any]) -> QueueConfig:
    chosen = {name: value for name, value in options.items() if name != "result_ttl"}
    for name in chosen:
        if name not in _OPTIONS:
            raise ConfigError(f"unknown option {name!r}; {did_you_mean(name, [*sorted(_OPTIONS), 'result_ttl'])}")
    return QueueConfig(**chosen)


def _name(alias: str, queue_name: str) -> str:
    return f"tasks.{alias}.{queue_name}"


def _topic(alias: str, queue_name: str) -> str:
    return f"django.tasks.{alias}.{queue_name}"


async def _send(motia: DjangoMotia, backend: MotiaBackend, result: Any) -> None:
    """The record of a task and its message, in one transaction where both are in one database."""
    running, task = motia.running, result.task
    record = _record(result)
    data = {name: record[name] for name in ("task", "args", "kwargs", "takes_context")}
    message = Message(
        result.id,
        _topic(backend.alias, task.queue_name),
        dumps(data, limit=motia.settings.payload_limit),
        (current_trace() or new_trace()).traceparent,
        priority=task.priority,
        at=task.run_after.timestamp() if task.run_after else None,
    )
    ports, store = running.backend.blocking, running.state_backend.blocking.store
    ttl = backend.options.get("result_ttl", RESULT_TTL)
    if ports.database is None:
        await store.change(GROUP, result.id, lambda old: dumps(record), ttl=ttl)
        await ports.queue.publish([message])
        return
    async with ports.database.transaction():
        await store.change(GROUP, result.id, lambda old: dumps(record), ttl=ttl)
        await ports.queue.publish([message])


async def _run(alias: str, data: dict[str, Any], ctx: FlowContext[Any], config: QueueConfig) -> None:
    """Run a task, and keep what became of it."""
    id = str(ctx.delivery_id).partition(":")[0]
    backend = api.task_backends[alias]
    record = await _update(backend, id, lambda found: _started(found or {**_EMPTY, **data}, ctx))
    result = _result(alias, _task(record), id, record)
    _signals.task_started.send(sender=type(backend), task_result=result)
    given = [_base.TaskContext(task_result=result)] if record["takes_context"] else []
    try:
        value = loads(dumps(await result.task.acall(*given, *data["args"], **data["kwargs"])))
    except Exception as error:
        last = isinstance(error, Discard) or ctx.attempt > config.max_retries
        told = [f"{type(error).__module__}.{type(error).__qualname__}", traceback.format_exc()]
        change = {"status": "FAILED", "finished_at": _now()} if last else {"status": "READY"}
        record = await _update(backend, id, lambda found: {**found, **change, "errors": [*found["errors"], told]})
        if last:
            _signals.task_finished.send(type(backend), task_result=_result(alias, result.task, id, record))
        raise
    ended = {"status": "SUCCESSFUL", "finished_at": _now(), "return_value": value}
    record = await _update(backend, id, lambda found: {**found, **ended})
    _signals.task_finished.send(type(backend), task_result=_result(alias, result.task, id, record))


def _started(record: dict[str, Any], ctx: FlowContext[Any]) -> dict[str, Any]:
    now = _now()
    workers = [*record["worker_ids"], str(ctx.attempt)]
    first = record["started_at"] or now
    return {**record, "status": "RUNNING", "started_at": first, "last_attempted_at": now, "worker_ids": workers}


async def _update(backend: Any, id: str, change: Any) -> dict[str, Any]:
    store = current_motia().running.state_backend.waiting.store
    ttl = backend.options.get("result_ttl", RESULT_TTL)
    changed = await store.change(GROUP, id, lambda old: dumps(change(loads(old) if old else None)), ttl=ttl)
    record: dict[str, Any] = loads(changed.new)
    return record


_TIMES = ("enqueued_at", "started_at", "finished_at", "last_attempted_at")
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(_TIMES),
    "status": "READY",
    "errors": [],
    "worker_ids": [],
    "return_value": None,
    "queue_name": "default",
    "priority": 0,
    "run_after": None,
    "takes_context": False,
}


def _record(result: Any) -> dict[str, Any]:
    """What is kept of a new task."""
    task = result.task
    return {
        **_EMPTY,
        "task": task.module_path,
        "args": result.args,
        "kwargs": result.kwargs,
        "queue_name": task.queue_name,
        "priority": task.priority,
        "run_after": task.run_after.isoformat() if task.run_after else None,
        "takes_context": task.takes_context,
        "enqueued_at": result.enqueued_at.isoformat(),
    }


def _result(alias: str, task: Any, id: str, record: Mapping[str, Any]) -> Any:
    record = {**_EMPTY, **record}
    result = _base.TaskResult(
        task=task,
        id=id,
        status=_base.TaskResultStatus(record["status"]),
        args=list(record["args"]),
        kwargs=dict(record["kwargs"]),
        backend=alias,
        errors=[_base.TaskError(exception_class_path=path, traceback=text) for path, text in record["errors"]],
        worker_ids=list(record["worker_ids"]),
        **{name: _moment(record[name]) for name in _TIMES},
    )
    object.__setattr__(result, "_return_value", record["return_value"])
    return result


def _task(record: Mapping[str, Any]) -> Any:
    """The task that a record names, with the options it was sent with."""
    module, _, name = record["task"].rpartition(".")
    found = getattr(import_module(module), name)
    given = found if hasattr(found, "using") else None
    if given is None:
        raise ConfigError(f"expected a task at {record['task']!r}, got {found!r}")
    return given.using(priority=record["priority"], queue_name=record["queue_name"])


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

"""What starts a step: ``http``, ``queue``, ``cron``, ``state`` and ``stream``, as frozen values without behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from motia.declarations import read_keys
from motia.errors import ConfigError, did_you_mean

Condition: TypeAlias = Callable[..., Any]
Misfire: TypeAlias = Literal["latest", "all", "skip"]
Overlap: TypeAlias = Literal["allow", "skip"]
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")


class QueueConfig(BaseModel):
    """How deliveries of one subscription are run. Keys are read in camelCase as well.

    Attributes:
        type: ``fifo`` runs the deliveries of one group one at a time and in order; without a group, all of them.
        max_retries: retries after the first attempt; 0 is legal.
        backoff_type: ``exponential`` doubles the delay each time, up to an hour, and spreads it; ``fixed`` keeps it.
        backoff_delay_ms: delay before the first retry, in milliseconds.
        visibility_timeout: longest run of the handler in seconds, where ``timeout`` is not given.
        delay_seconds: added to every message.
        concurrency: deliveries running at once over all workers; None for no bound.
        timeout: longest run of the handler in seconds. Past it an async handler is cancelled, and the attempt failed.
        on_dead: of ``fifo``, when a delivery has become a dead letter: ``skip`` goes on with the next one of its group,
            ``block`` waits until it was redriven or discarded.

    Raises:
        ConfigError: a key is unknown or a value does not fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    type: Literal["standard", "fifo"] = "standard"
    max_retries: int = Field(default=3, ge=0)
    backoff_type: Literal["exponential", "fixed"] = "exponential"
    backoff_delay_ms: float = Field(default=1000, ge=0)
    visibility_timeout: float = Field(default=900, gt=0)
    delay_seconds: float = Field(default=0, ge=0)
    concurrency: int | None = Field(default=None, ge=1)
    timeout: float | None = Field(default=None, gt=0)
    on_dead: Literal["skip", "block"] = "skip"

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, data: Any, made: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            found = made(read_keys(data, cls.model_fields, "QueueConfig") if isinstance(data, Mapping) else data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(["QueueConfig", *map(str, first["loc"])])
            raise ConfigError(f"{where}: {first['msg']}, got {first['input']!r}") from error
        if found.on_dead == "block" and found.type != "fifo":
            raise ConfigError(f'QueueConfig.on_dead="block" expected type="fifo", got type={found.type!r}')
        return found

    @classmethod
    def read(cls, data: QueueConfig | Mapping[str, Any] | None) -> QueueConfig:
        """A config from itself, a mapping, or None for the defaults.

        Raises:
            ConfigError: a key is unknown or a value does not fit.
        """
        return data if isinstance(data, cls) else cls.model_validate({} if data is None else data)

    @property
    def run_limit(self) -> float:
        """Longest run of the handler in seconds."""
        return self.visibility_timeout if self.timeout is None else self.timeout


@dataclass(frozen=True, slots=True)
class QueryParam:
    """A documented query parameter."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """See ``http``."""

    type: ClassVar[str] = "http"
    method: str
    path: str
    body_schema: Any = None
    response_schema: Mapping[int, Any] = field(default_factory=dict)
    query_params: Any = ()
    middleware: Sequence[Callable[..., Any]] = ()
    condition: Condition | None = None
    dependencies: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """See ``queue``."""

    type: ClassVar[str] = "queue"
    topic: str
    input: Any = None
    config: QueueConfig = field(default_factory=QueueConfig)
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """See ``cron``."""

    type: ClassVar[str] = "cron"
    expression: str
    timezone: str | None = None
    condition: Condition | None = None
    misfire: Misfire = "latest"
    overlap: Overlap = "allow"


@dataclass(frozen=True, slots=True)
class StateTrigger:
    """See ``state``."""

    type: ClassVar[str] = "state"
    group: str | None = None
    key: str | None = None
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class StreamTrigger:
    """See ``stream``."""

    type: ClassVar[str] = "stream"
    name: str
    group_id: str | None = None
    item_id: str | None = None
    condition: Condition | None = None


Trigger: TypeAlias = HttpTrigger | QueueTrigger | CronTrigger | StateTrigger | StreamTrigger


def http(
    method: str,
    path: str,
    *,
    body_schema: Any = None,
    response_schema: Mapping[int, Any] | Any = None,
    query_params: Any = (),
    middleware: Sequence[Callable[..., Any]] = (),
    condition: Condition | None = None,
    dependencies: Sequence[Any] = (),
) -> HttpTrigger:
    """Run the step for an http request, and answer with what it returns.

    Args:
        method: ``GET POST PUT DELETE PATCH OPTIONS HEAD``.
        path: ``/orders/:id`` or ``/orders/{id}``; ``*rest`` takes the remainder. A static segment beats a parameter.
        body_schema: a pydantic model, anything ``TypeAdapter`` takes, or a JSON Schema dict; a body that does not fit
            is answered with 400. Default: the annotation of the handler.
        response_schema: one schema per status, or one for 200; validates and serialises the answer.
        query_params: documented parameters (``QueryParam`` or ``{"name", "description"}``), or a model to validate by.
        middleware: ``(req, ctx, next)``, outermost first.
        condition: ``(input, ctx) -> bool``; where it is false the request is answered with 422.
        dependencies: the framework's own: FastAPI ``Depends``, decorators of Flask and Django views.

    Raises:
        ConfigError: the method or path is not one.
    """
    verb = method.upper() if isinstance(method, str) else method
    if verb not in METHODS:
        raise ConfigError(f"http() expected a method of {', '.join(METHODS)}, got {method!r}")
    if not isinstance(path, str) or not path:
        raise ConfigError(f"http() expected a path such as '/orders/:id', got {path!r}")
    return HttpTrigger(
        method=verb,
        path=path if path.startswith("/") else f"/{path}",
        body_schema=body_schema,
        response_schema=_by_status(response_schema),
        query_params=_query_params(query_params),
        middleware=_listed("middleware", middleware),
        condition=_callable("http()", condition),
        dependencies=_listed("dependencies", dependencies),
    )


def queue(
    topic: str,
    *,
    input: Any = None,  # Motia's name
    config: QueueConfig | Mapping[str, Any] | None = None,
    condition: Condition | None = None,
) -> QueueTrigger:
    """Run the step for every message of a topic, with attempts, lease and dead letter of its own.

    Args:
        topic: any text that does not start with ``$``.
        input: the schema of the payload; default: the annotation of the handler.
        config: retries, backoff, order, concurrency; see ``QueueConfig``.
        condition: ``(input, ctx) -> bool``; where it is false the delivery is done without running the step.

    Raises:
        ConfigError: the topic or the config is not one.
    """
    _check_name("queue()", "topic", topic)
    return QueueTrigger(
        topic=topic, input=input, config=QueueConfig.read(config), condition=_callable("queue()", condition)
    )


def cron(
    expression: str,
    *,
    timezone: str | None = None,
    condition: Condition | None = None,
    misfire: Misfire = "latest",
    overlap: Overlap = "allow",
) -> CronTrigger:
    """Run the step on a schedule, once per tick however many workers run.

    Args:
        expression: 5 fields (minute first), 6 (seconds first) or 7 (year last), or ``@hourly`` and the like.
        timezone: an IANA name; default: the ``timezone`` setting.
        condition: ``(None, ctx) -> bool``; where it is false this tick is skipped.
        misfire: what becomes of ticks of the last hour that no worker was there for: one run of the ``latest``, a run
            for each of ``all``, of the last hundred at most, or none: ``skip``.
        overlap: ``skip`` leaves a tick out while a run of an earlier one waits, runs or is to be retried.

    Raises:
        ConfigError: ``misfire`` or ``overlap`` is not one of these.
    """
    for name, value, known in (
        ("misfire", misfire, ("latest", "all", "skip")),
        ("overlap", overlap, ("allow", "skip")),
    ):
        if value not in known:
            raise ConfigError(f"cron() expected {name} to be one of {', '.join(known)}, got {value!r}")
    condition = _callable("cron()", condition)
    return CronTrigger(expression=expression, timezone=timezone, condition=condition, misfire=misfire, overlap=overlap)


def state(*, group: str | None = None, key: str | None = None, condition: Condition | None = None) -> StateTrigger:
    """Run the step for every change of state, as a delivery like any other.

    Args:
        group: only changes in this group; default: all.
        key: only changes of this key; default: all.
        condition: ``(input, ctx) -> bool``.
    """
    return StateTrigger(group=group, key=key, condition=_callable("state()", condition))


def stream(
    name: str, *, group_id: str | None = None, item_id: str | None = None, condition: Condition | None = None
) -> StreamTrigger:
    """Run the step for every change in a stream, as a delivery like any other.

    Args:
        name: of the stream.
        group_id: only changes in this group; default: all.
        item_id: only changes of this item; default: all.
        condition: ``(input, ctx) -> bool``.
    """
    _check_name("stream()", "name", name)
    return StreamTrigger(name=name, group_id=group_id, item_id=item_id, condition=_callable("stream()", condition))


_MAKERS: dict[str, tuple[Callable[..., Trigger], type[Any]]] = {
    "http": (http, HttpTrigger),
    "queue": (queue, QueueTrigger),
    "cron": (cron, CronTrigger),
    "state": (state, StateTrigger),
    "stream": (stream, StreamTrigger),
}
_TYPE_ALIASES = {"api": "http", "event": "queue"}
_KEY_ALIASES = {"schedule": "expression", "cron": "expression", "stream_name": "name"}


def read_trigger(data: Trigger | Mapping[str, Any]) -> Trigger:
    """A trigger from itself, or from a mapping with a ``type``.

    Raises:
        ConfigError: the type or a key is unknown.
    """
    if not isinstance(data, Mapping):
        if isinstance(data, tuple(kind for _, kind in _MAKERS.values())):
            return data
        raise ConfigError(f"expected a trigger such as queue('topic'), got {data!r} of type {type(data).__name__}")
    kind = _TYPE_ALIASES.get(data.get("type", ""), data.get("type", ""))
    if kind not in _MAKERS:
        raise ConfigError(
            f"a trigger has the unknown type {data.get('type')!r}; {did_you_mean(str(kind), list(_MAKERS))}"
        )
    make, value = _MAKERS[kind]
    known = [entry.name for entry in fields(value)]
    rest = {key: entry for key, entry in data.items() if key != "type"}
    try:
        return make(**read_keys(rest, known, f"the {kind} trigger", aliases=_KEY_ALIASES))
    except TypeError as error:
        raise ConfigError(f"the {kind} trigger {dict(data)!r} lacks a value: {error}") from error


def _by_status(schemas: Any) -> dict[int, Any]:
    if schemas is None:
        return {}
    if isinstance(schemas, Mapping) and all(str(status).isdigit() for status in schemas):
        return {int(status): schema for status, schema in schemas.items()}
    return {200: schemas}


def _query_params(params: Any) -> Any:
    return tuple(_query_param(item) for item in params) if isinstance(params, (list, tuple)) else params


def _query_param(item: Any) -> QueryParam:
    if isinstance(item, QueryParam):
        return item
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
        raise ConfigError(f"query_params expected QueryParam('name', 'description') or a dict of these, got {item!r}")
    return QueryParam(**read_keys(item, ("name", "description"), "a query parameter"))


def _callable(call: str, condition: Any) -> Condition | None:
    if condition is not None and not callable(condition):
        raise ConfigError(f"{call} expected a function (input, ctx) -> bool as condition, got {condition!r}")
    return condition  # type: ignore[no-any-return]  # it is None or callable


def _listed(what: str, items: Any) -> tuple[Any, ...]:
    if items is None or isinstance(items, (list, tuple)):
        return tuple(items or ())
    raise ConfigError(f"{what} of http() expected a list, got {items!r}")


def _check_name(call: str, what: str, name: Any) -> None:
    if not isinstance(name, str) or not name or name.startswith("$") or len(name) > 200:
        raise ConfigError(f"{call} expected a {what} of 1 to 200 characters that does not start with '$', got {name!r}")

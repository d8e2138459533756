"""The Step: a function, and what starts it. Declaring one registers nothing and does no I/O."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, cast, overload

from motia import ambient
from motia.declarations import read_keys
from motia.errors import ConfigError, UnknownStep
from motia.messages import is_name
from motia.triggers import Trigger, read_trigger

P = ParamSpec("P")
R = TypeVar("R")
MAX_STEP_NAME = 200
_TRIGGER_NAMES = {"http": "http", "api": "http", "queue": "queue", "event": "queue"}


@dataclass(frozen=True, slots=True)
class Enqueue:
    """A topic a step sends to; label and conditional only draw the edge in diagrams."""

    topic: str
    label: str | None = None
    conditional: bool = False


class _Spelled(type):
    """Has a dataclass take its fields in camelCase too, and name the nearest one to what it does not know."""

    def __call__(cls, *args: Any, **declared: Any) -> Any:
        known = [entry.name for entry in fields(cast(Any, cls))]
        return super().__call__(*args, **read_keys(declared, known, cls.__name__))


@dataclass(frozen=True)
class StepConfig(metaclass=_Spelled):
    """What a step is declared as. Keys are read in camelCase as well.

    Attributes:
        name: unique in an app; default: the name of the function.
        triggers: what starts it; none means it is for ``invoke`` and diagrams only.
        enqueues: the topics it sends to; for diagrams and checks, not enforced.
        virtual_enqueues, virtual_subscribes: edges that exist in diagrams only.
        description: default: the first line of the function's docstring.
        flows: the diagrams it is part of.
        include_files: kept for Motia's step files; without effect.
        aliases: names it had before; what still waits under these runs it.
    """

    name: str = ""
    triggers: Sequence[Trigger] = ()
    enqueues: Sequence[Enqueue] = ()
    virtual_enqueues: Sequence[Enqueue] = ()
    virtual_subscribes: Sequence[str] = ()
    description: str | None = None
    flows: Sequence[str] = ()
    include_files: Sequence[str] = ()
    aliases: Sequence[str] = ()

    def __post_init__(self) -> None:
        what = f"step {self.name!r}" if self.name else "a step"
        if not is_name(self.name) or len(self.name) > MAX_STEP_NAME:
            raise ConfigError(f"a step's name expected text of at most {MAX_STEP_NAME} characters, got {self.name!r}")
        for group in (
            "triggers",
            "enqueues",
            "virtual_enqueues",
            "virtual_subscribes",
            "flows",
            "include_files",
            "aliases",
        ):
            value = getattr(self, group)
            if value is not None and (isinstance(value, (str, Mapping)) or not isinstance(value, Sequence)):
                raise ConfigError(f"{group} of {what} expected a list, got {value!r}")
        put = functools.partial(object.__setattr__, self)  # a frozen value is completed where it is made
        put("triggers", tuple(read_trigger(item) for item in self.triggers or ()))
        for group in ("enqueues", "virtual_enqueues"):
            put(group, tuple(_enqueue(item, what) for item in getattr(self, group) or ()))
        put("virtual_subscribes", tuple(_enqueue(item, what).topic for item in self.virtual_subscribes or ()))
        put("flows", tuple(self.flows or ()))
        put("include_files", tuple(self.include_files or ()))
        put("aliases", tuple(self.aliases or ()))

    @classmethod
    def read(cls, data: StepConfig | Mapping[str, Any]) -> StepConfig:
        """A config from itself or from a mapping.

        Raises:
            ConfigError: a key is unknown; names it and the nearest known one.
        """
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            raise ConfigError(f"expected a StepConfig or a dict, got {data!r} of type {type(data).__name__}")
        known = [entry.name for entry in fields(cls)]
        return cls(**read_keys(data, known, f"step {data.get('name', '?')!r}"))


class Step(Generic[P, R]):
    """A function and what starts it. Calling it calls the function, so unit tests need no app.

    Attributes:
        name: unique in an app.
        config: the declaration.
        handler: the function.
        file: the step file it was found in, if it was one.

    Args:
        by_kind: functions that kinds of triggers have of their own; see ``multi_trigger_step``.
    """

    def __init__(
        self, config: StepConfig, handler: Callable[P, R], by_kind: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        if not callable(handler):
            raise ConfigError(f"step {config.name!r} expected a function as handler, got {handler!r}")
        functools.update_wrapper(cast(Any, self), handler, updated=())
        name = config.name or getattr(handler, "__name__", "")
        if not name:
            raise ConfigError(f"a step made of {handler!r} needs a name")
        description = config.description or (inspect.getdoc(handler) or "").split("\n")[0] or None
        self.config = replace(config, name=name, description=description)
        self.handler = handler
        self._by_kind = dict(by_kind or {})
        self.file: str | None = None

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def source(self) -> str:
        """The file and line of the function, or its step file where the function is another's; for messages."""
        if self.file is not None and self.written_in != self.file:
            return self.file
        code = getattr(inspect.unwrap(self.handler), "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(self.handler)

    @property
    def written_in(self) -> str | None:
        """The file of the function; None where it is not written in Python."""
        code = getattr(inspect.unwrap(self.handler), "__code__", None)
        return code.co_filename if code else None

    def handler_for(self, kind: str) -> Callable[..., Any]:
        """The function that a kind of trigger runs."""
        return self._by_kind.get(kind) or self._by_kind.get("default") or self.handler

    def wrapped(self, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Step[..., Any]:
        """This step with each of its functions replaced by what ``wrap`` makes of it."""
        by_kind = {kind: wrap(handler) for kind, handler in self._by_kind.items()}
        return Step(self.config, wrap(self.handler), by_kind)

    def enqueue(self, data: Any = None, **options: Any) -> Any:
        """Send a message for this step alone, through the current app; see ``motia.enqueue``."""
        return ambient.enqueue_step(self.name, data, **options)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.handler(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Step {self.name!r}: {', '.join(trigger.type for trigger in self.config.triggers) or 'no triggers'}>"


StepName: TypeAlias = str | Step[..., Any]
"""A step where one is meant: by its name, or itself."""


def name_of(step: StepName) -> str:
    """The name of a step, given by name or itself.

    Raises:
        UnknownStep: it is neither.
    """
    if isinstance(step, Step):
        return step.name
    if not isinstance(step, str):
        raise UnknownStep(f"expected a step or the name of one, got {step!r}")
    return step


class StepBuilder:
    """What ``step(config)`` returns: takes the handler by ``.handle(fn)`` or as a decorator."""

    def __init__(self, config: StepConfig) -> None:
        self.config = config

    def handle(self, handler: Callable[P, R]) -> Step[P, R]:
        """The step with this handler."""
        return Step(self.config, handler)

    __call__ = handle


@overload
def step(config: StepConfig | Mapping[str, Any], /, handler: Callable[P, R]) -> Step[P, R]: ...
@overload
def step(config: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    name: str | StepConfig | Mapping[str, Any] | None = None,
    /,
    *,
    triggers: Sequence[Trigger | Mapping[str, Any]] = (),
    enqueues: Sequence[str | Mapping[str, Any]] = (),
    virtual_enqueues: Sequence[str | Mapping[str, Any]] = (),
    virtual_subscribes: Sequence[str] = (),
    description: str | None = None,
    flows: Sequence[str] = (),
    include_files: Sequence[str] = (),
    aliases: Sequence[str] = (),
) -> StepBuilder: ...
def step(first: Any = None, /, handler: Any = None, **declared: Any) -> Any:
    """Declare a step. Four spellings build the same ``Step``::

        @step("create-order", triggers=[http("POST", "/orders")])
        async def create_order(req, ctx): ...

        step({"name": "create-order", "triggers": [...]}, create_order)
        step({"name": "create-order", "triggers": [...]}).handle(create_order)
        config = {...}; def handler(req, ctx): ...      # a module, given to Motia(steps=[...])

    Raises:
        ConfigError: a key or a value of the declaration is not one.
    """
    if callable(first) and not isinstance(first, StepConfig):
        return Step(StepConfig(), first)
    if isinstance(first, str) or first is None:
        if "name" in declared and first:
            raise ConfigError(f"step {first!r} gives its name twice; drop name={declared['name']!r}")
        config = StepConfig.read({**declared, **({"name": first} if first else {})})
    else:
        config = StepConfig.read(first)
        if declared:
            raise ConfigError(f"step {config.name!r} is declared by its config; move {sorted(declared)} into it")
    builder = StepBuilder(config)
    return builder if handler is None else builder.handle(handler)


@dataclass
class MultiTriggerStep:
    """One handler per kind of trigger; see ``multi_trigger_step``."""

    config: StepConfig
    chosen: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def on_http(self, handler: Callable[..., Any]) -> MultiTriggerStep:
        return self._on("http", handler)

    on_api = on_http

    def on_queue(self, handler: Callable[..., Any]) -> MultiTriggerStep:
        return self._on("queue", handler)

    def on_cron(self, handler: Callable[..., Any]) -> MultiTriggerStep:
        return self._on("cron", handler)

    def on_state(self, handler: Callable[..., Any]) -> MultiTriggerStep:
        return self._on("state", handler)

    def on_stream(self, handler: Callable[..., Any]) -> MultiTriggerStep:
        return self._on("stream", handler)

    def handlers(self, handlers: Mapping[str, Callable[..., Any]] | None = None) -> Step[..., Any]:
        """The step, with these handlers added to those given before."""
        chosen = self.chosen | {_TRIGGER_NAMES.get(kind, kind): handler for kind, handler in (handlers or {}).items()}
        missing = {trigger.type for trigger in self.config.triggers} - chosen.keys() - {"default"}
        if missing and "default" not in chosen:
            raise ConfigError(
                f"step {self.config.name!r} has no handler for its triggers {sorted(missing)}; add "
                + ", ".join(f".on_{kind}(fn)" for kind in sorted(missing))
            )

        async def handler(input: Any, ctx: Any) -> Any:  # for whoever calls the step: a run goes straight to its own
            return await ctx.match(chosen)

        return Step(self.config, handler, chosen)

    def _on(self, kind: str, handler: Callable[..., Any]) -> MultiTriggerStep:
        return MultiTriggerStep(self.config, self.chosen | {kind: handler})


def multi_trigger_step(config: StepConfig | Mapping[str, Any]) -> MultiTriggerStep:
    """A step with one handler per kind of trigger::

    multi_trigger_step(config).on_http(f).on_queue(g).handlers()

    Each is bound like the handler of a step of its own: ``async def`` or ``def``, by its names, with the schema that
    its annotations give.
    """
    return MultiTriggerStep(StepConfig.read(config))


def _enqueue(item: Any, what: str) -> Enqueue:
    if isinstance(item, Enqueue):
        return item
    if isinstance(item, str):
        return Enqueue(item)
    if isinstance(item, Mapping) and isinstance(item.get("topic"), str):
        return Enqueue(**read_keys(item, [entry.name for entry in fields(Enqueue)], f"an enqueue of {what}"))
    raise ConfigError(f"enqueues of {what} expected topics or {{'topic', 'label', 'conditional'}}, got {item!r}")

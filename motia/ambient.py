"""The current app: what ``motia.enqueue`` and its kin reach from a plain view, a model's ``save`` or a shell.

It is the first of these:

1. in a handler, the app that runs it;
2. in a request of Django, the project's; in an application context of Flask, the one mounted on that app;
3. the app that was opened last, of those that are open (``async with``, ``open()``, the lifespan of FastAPI);
4. in a process with Django, the project's; in one with Flask, the one mounted last.

Apps that Django or Flask open themselves are in none but their own places, so they never stand in for another's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from motia.concurrency import in_event_loop
from motia.current import running
from motia.declared import declare
from motia.errors import NoCurrentApp
from motia.items import Items
from motia.items_blocking import SyncStreams


class Verbs(Protocol):
    """What an app, or a running handler, can do for ambient code."""

    async def enqueue(self, topic: Any, data: Any = None, **options: Any) -> Any: ...
    async def enqueue_step(self, step: str, data: Any = None, **options: Any) -> Any: ...
    async def cancel(self, message_id: str) -> bool: ...
    @property
    def state(self) -> Any: ...
    @property
    def streams(self) -> Any: ...
    @property
    def bridge(self) -> Any: ...
    @property
    def portal(self) -> Any: ...


class App(Protocol):
    """An open app, seen from ambient code."""

    @property
    def waiting(self) -> Verbs:
        """Verbs that may suspend."""
        ...

    @property
    def blocking(self) -> Verbs:
        """The same verbs over the blocking driver, to be run by its ``bridge``."""
        ...


class Host(NamedTuple):
    """A framework that opens apps itself. Both functions return None where it has no app to offer.

    Attributes:
        here: the app of the request or the context that is running.
        default: the one for code outside of any.
    """

    here: Callable[[], App | None]
    default: Callable[[], App | None]


_open_apps: list[App] = []
_hosts: dict[str, Host] = {}


def current_app() -> App:
    """The app that ambient functions use; see the rule at the top.

    Raises:
        NoCurrentApp: there is none.
    """
    for app in _offers():
        if app is not None:
            return app
    raise NoCurrentApp(
        "no motia app is open in this process; open one with `async with motia:`, mount it on your web app, "
        "or call `motia.open()` in a script"
    )


def _offers() -> Iterator[App | None]:
    run = running.get()
    yield None if run is None else run.app
    yield from (host.here() for host in _hosts.values())
    yield _open_apps[-1] if _open_apps else None
    yield from (host.default() for host in _hosts.values())


def use_host(name: str, host: Host, *, first: bool = False) -> None:
    """Have a framework asked for its apps, from now on.

    Args:
        name: whoever had it before is forgotten.
        first: before all others, as becomes one that has the whole process.
    """
    _hosts.pop(name, None)
    others = dict(_hosts)
    if first:
        _hosts.clear()
    _hosts[name] = host
    _hosts.update(others)


def app_opened(app: App) -> None:
    """Make ``app`` the one that ambient functions use."""
    _open_apps.append(app)


def leave_to_host(app: App) -> None:
    """Have an app that a framework has opened found through that framework alone."""
    app_closed(app)


def app_closed(app: App) -> None:
    """Let ambient functions use the app that was opened before."""
    if app in _open_apps:
        _open_apps.remove(app)


def _either(verb: str, *args: Any, **kwargs: Any) -> Any:
    """An awaitable where a loop runs in this thread; the result elsewhere."""
    app = current_app()
    if in_event_loop():
        return getattr(app.waiting, verb)(*args, **kwargs)
    return app.blocking.bridge(getattr(app.blocking, verb)(*args, **kwargs))


def enqueue(topic: Any, data: Any = None, **options: Any) -> Any:
    """Send a message through the current app.

    Takes what ``ctx.enqueue`` takes. Returns a ``Receipt``; an awaitable of it where an event loop runs.

    Raises:
        NoCurrentApp: no app is open in this process.
    """
    return _either("enqueue", topic, data, **options)


def enqueue_step(step: str, data: Any = None, **options: Any) -> Any:
    """Send a message to one step of the current app; see ``enqueue``."""
    return _either("enqueue_step", step, data, **options)


def cancel(message_id: str) -> Any:
    """Cancel a message through the current app; see ``Motia.cancel``. Awaitable where an event loop runs."""
    return _either("cancel", message_id)


class AmbientState:
    """The state of the current app: the operations of ``ctx.state``, awaitable where an event loop runs."""

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("_"):
            raise AttributeError(operation)

        def call(*args: Any, **kwargs: Any) -> Any:
            app = current_app()
            if in_event_loop():
                return getattr(app.waiting.state, operation)(*args, **kwargs)
            return app.blocking.bridge(getattr(app.blocking.state, operation)(*args, **kwargs))

        call.__name__ = operation
        return call


state_manager = AmbientState()


class Stream:
    """A stream of the current app, and its declaration: importing the module that makes one is all it takes.

    Has the operations of ``motia.items.Items``: ``get set update delete list list_groups send subscribe mirror``. They
    are awaitable where an event loop runs, and block elsewhere.

    Args:
        name: of 1 to 200 of the characters ``A-Z a-z 0-9 _ . : -``.
        schema: of the items: a pydantic model, a dataclass, a TypedDict or a JSON Schema dict.
        can_access: asked at every join of a client, ``(subscription, context) -> bool``, plain or async; what is not
            true, and an exception, refuses. ``context`` is what the app's ``authenticate`` returned. Without it
            everybody may join who is authenticated at all.
        on_join: called at every join that was granted; False or an exception refuses it.
        on_leave: called once for every join, when the client leaves or is gone.

    Raises:
        ConfigError: the name is not one.
    """

    def __init__(
        self, name: str, *, schema: Any = None, can_access: Any = None, on_join: Any = None, on_leave: Any = None
    ) -> None:
        options = {"schema": schema, "can_access": can_access, "on_join": on_join, "on_leave": on_leave}
        declare(name, options)
        self.name = name

    @staticmethod
    def disconnect(context: Any = None, /, **fields: Any) -> Any:
        """Close the connections of clients, whatever streams they follow; see ``motia.items.Streams.disconnect``.

        Awaitable where an event loop runs.
        """
        app = current_app()
        if in_event_loop():
            return app.waiting.streams.disconnect(context, **fields)
        return app.blocking.bridge(app.blocking.streams.disconnect(context, **fields))

    def __class_getitem__(cls, item: Any) -> type[Stream]:
        """``Stream[Todo]("todo")`` says what the items are to those who read it."""
        return cls

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("_"):
            raise AttributeError(operation)
        if not hasattr(Items, operation):
            raise AttributeError(f"a stream has no {operation!r}")

        def call(*args: Any, **kwargs: Any) -> Any:
            app = current_app()
            if in_event_loop():
                return getattr(app.waiting.streams[self.name], operation)(*args, **kwargs)
            services = app.blocking
            items = SyncStreams(services.streams, services.bridge, services.portal)[self.name]
            return getattr(items, operation)(*args, **kwargs)

        call.__name__ = operation
        return call

    def __repr__(self) -> str:
        return f"Stream({self.name!r})"

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from motia import ApiRequest, ConfigError, Motia, Step
from motia.compat import MotiaHttpArgs, read
from motia.compat.http import LegacyRequest, Payload, readable
from motia.requests import QueryParams
from motia.testing import SyncMotiaTester


def module(config: dict[str, Any], handler: Callable[..., Any] | None = None) -> ModuleType:
    made = ModuleType("some_step")
    vars(made).update(config=config, handler=handler)
    return made


def legacy(kind: str, handler: Any, **more: Any) -> Step[..., Any]:
    keys = {
        "api": {"path": "/x", "method": "POST", "emits": []},
        "event": {"subscribes": ["t"], "emits": []},
        "cron": {"cron": "* * * * *", "emits": []},
    }
    made = read(module({"type": kind, "name": "x", **keys[kind], **more}, handler))
    assert made is not None
    return made


def modern(handler: Any, *triggers: Any, **more: Any) -> Step[..., Any]:
    made = read(module({"name": "x", "triggers": triggers, "enqueues": [], **more}, handler))
    assert made is not None
    return made


def decorated(handler: Any) -> Any:
    async def inner(*args: Any, **kwargs: Any) -> Any:
        return await handler(*args, **kwargs)

    return inner


async def two(input: Any, context: Any) -> Any:
    await context.state.set("got", "it", [type(input).__name__, context.trigger.type])


async def one(c: Any) -> Any:
    kind = type(c).__name__ if isinstance(c, (dict, ApiRequest)) else None
    await (c if kind is None else _saved).state.set("got", "it", kind or "context")


class _Saved:
    @property
    def state(self) -> Any:
        from motia import state_manager  # noqa: PLC0415  # what files import

        return state_manager


_saved = _Saved()


async def none() -> Any:
    await _saved.state.set("got", "it", "nothing")


def by_name(data: Any, state: Any) -> Any:
    state.set("got", "it", dict(data))


@pytest.mark.parametrize(
    ("kind", "handler", "expected"),
    [
        ("event", two, ["Payload", "queue"]),
        ("event", decorated(two), ["Payload", "queue"]),
        ("event", one, "Payload"),
        ("event", none, "nothing"),
        ("event", by_name, {"a": 1}),
        ("api", two, ["LegacyRequest", "http"]),
        ("api", decorated(two), ["LegacyRequest", "http"]),
        ("api", one, "LegacyRequest"),
        ("cron", one, "context"),
        ("cron", decorated(one), "context"),
        ("cron", two, ["NoneType", "cron"]),
    ],
)
def test_0x_handlers_are_given_what_they_take(kind: str, handler: Any, expected: Any) -> None:
    with SyncMotiaTester(Motia(steps=[legacy(kind, handler)])) as t:
        if kind == "api":
            t.post("/x", json={"a": 1})
        elif kind == "event":
            t.enqueue("t", {"a": 1})
        else:
            t.advance(minutes=1)
        t.wait_idle()
        assert t.state.get("got", "it") == expected


def test_annotations_of_0x_bind_nothing() -> None:
    class Input(BaseModel):
        n: int

    async def handler(data: Input, context: Any) -> None:
        await context.state.set("got", "it", data["n"])  # type: ignore[index]  # as in 0.x, it is a dict

    with SyncMotiaTester(Motia(steps=[legacy("event", handler)])) as t:
        t.enqueue("t", {"n": "not a number"})
        t.wait_idle()
        assert t.state.get("got", "it") == "not a number"


def test_what_is_not_awaited_takes_effect_even_when_the_handler_fails() -> None:
    async def handler(input: Any, context: Any) -> None:
        context.state.set("got", "it", 1)  # type: ignore[unused-coroutine]  # that is the point
        raise RuntimeError("after all")

    with SyncMotiaTester(Motia(steps=[legacy("event", handler, infrastructure={"queue": {"maxRetries": 0}})])) as t:
        t.enqueue("t", {})
        t.wait_idle()
        assert t.state.get("got", "it") == 1
        assert [letter.reason for letter in t.dead_letters] == ["failed"]


def test_infrastructure_is_kept() -> None:
    step = legacy(
        "event",
        two,
        infrastructure={"handler": {"timeout": 7, "ram": 2048, "cpu": 1, "retries": 5, "backoffRate": 2},
                        "queue": {"type": "fifo", "delaySeconds": 3, "visibilityTimeout": 60}},
    )  # fmt: skip
    (trigger,) = step.config.triggers
    config = trigger.config  # type: ignore[union-attr]  # a queue trigger
    assert (config.type, config.max_retries, config.delay_seconds, config.timeout) == ("fifo", 5, 3, 7)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"type": "event", "name": "x"}, "has no 'subscribes', which a step of type 'event' needs"),
        ({"type": "api", "name": "x", "path": "/x", "method": "FETCH"}, "expected a method of"),
        ({"type": "cron", "name": "x", "corn": "* * * * *"}, "unknown key 'corn'; did you mean 'cron'"),
        ({"type": "event", "name": "x", "subscribes": ["t"], "infrastructure": {"handler": {"ramm": 1}}}, "'ramm'"),
        ({"name": "x", "triggers": [{"type": "qeue", "topic": "t"}]}, "unknown type 'qeue'; did you mean 'queue'"),
        ({"name": "x", "triggers": [], "enqeues": []}, "unknown key 'enqeues'; did you mean 'enqueues'"),
    ],
)
def test_a_config_that_is_wrong_is_told(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read(module(config, two))


@pytest.mark.parametrize("config", [{"type": "event", "name": "x", "subscribes": ["t"]}, {"name": "x", "triggers": []}])
def test_a_config_without_a_handler_is_told(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="has a config and no handler"):
        read(module(config))


def test_a_noop_needs_no_handler() -> None:
    step = read(module({"type": "noop", "name": "x", "virtualEmits": ["/a"], "virtualSubscribes": [{"topic": "b"}]}))
    assert step is not None
    assert ([item.topic for item in step.config.virtual_enqueues], step.config.virtual_subscribes) == (["/a"], ("b",))


def test_configs_of_others_are_left_alone() -> None:
    assert read(module({"debug": True})) is None
    assert read(module({"name": "s", "baseConfig": {"storageType": "default"}})) is None


class Body(BaseModel):
    n: int


def test_1x_parameters_by_name_and_models() -> None:
    async def handler(body: Body, ctx: Any, emit: Any = None) -> Any:
        return {"status": 200, "body": {"n": body.n, "emit": emit is not None, "ctx": type(ctx).__name__}}

    trigger = {"type": "http", "method": "POST", "path": "/x"}
    with SyncMotiaTester(Motia(steps=[modern(handler, trigger)])) as t:
        assert t.post("/x", json={"n": 1}).json == {"n": 1, "emit": True, "ctx": "Context"}
        assert t.post("/x", json={"n": "x"}).status == 400


def test_requests_of_0x_answer_to_every_name() -> None:
    request = LegacyRequest.of(
        ApiRequest(
            path_params={"id": "7"}, query_params=QueryParams([("a", "1"), ("a", "2"), ("b", "3")]), raw_body=b"raw"
        )
    )
    assert isinstance(request, dict)
    assert request["pathParams"] == request.get("path_params") == request.params == {"id": "7"}
    assert request["queryParams"] == request.query == {"a": ["1", "2"], "b": "3"}
    assert (request["body"], request["rawBody"], request.raw_body) == ({}, "raw", "raw")
    request["user"] = "ann"
    request.body = {"n": 1}
    assert (request.user, request["body"], "user" in request, request.get("nothing", 5)) == ("ann", {"n": 1}, True, 5)
    with pytest.raises(KeyError):
        request["nothing"]
    assert not hasattr(request, "nothing")


def test_payloads_have_attributes_at_any_depth() -> None:
    data = Payload({"user": {"name": "ann"}, "list": [{"n": 1}]})
    assert (data.user.name, data.list[0].n, data["user"]) == ("ann", 1, {"name": "ann"})
    assert getattr(data, "nothing", None) is None


def test_arguments_of_1x_are_a_request_with_a_response() -> None:
    request = ApiRequest({"n": 1}, path_params={"id": "7"}, raw_body=b"raw")
    request["user"] = "ann"
    args: MotiaHttpArgs[Any] = MotiaHttpArgs(request)
    assert isinstance(args, ApiRequest)
    assert (args.request.body, args.path_params, args["user"], args.rawBody) == ({"n": 1}, {"id": "7"}, "ann", "raw")
    assert args.request_body.read_all() == b"raw"
    assert MotiaHttpArgs(body=5).body == 5


def test_a_model_is_read_as_a_dict_too() -> None:
    class Todo(BaseModel):
        title: str
        tags: list[str] = []

    todo: Any = readable(Todo(title="write"))
    assert isinstance(todo, Todo)
    assert (todo.title, todo["title"], todo.get("tags"), todo.get("x", 1), "title" in todo) == (
        "write",
        "write",
        [],
        1,
        True,
    )
    assert todo.model_dump() == {"title": "write", "tags": []}

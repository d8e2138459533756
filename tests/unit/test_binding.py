from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from pydantic import BaseModel

from motia import ApiRequest, ConfigError, FlowContext, StateTriggerInput, SyncFlowContext
from motia.binding import bind
from motia.testing import fake_context


class Order(BaseModel):
    number: int


@dataclass
class Parcel:
    weight: float


class Note(TypedDict):
    text: str


class Callable_:
    async def __call__(self, data: Any, ctx: Any) -> Any:
        return data, ctx


REQUEST: ApiRequest[Any] = ApiRequest(body={"b": 1}, path_params={"p": 2}, query_params={"q": "3"}, headers={"h": "4"})
CTX = fake_context()


def call(handler: Any, value: Any = "input") -> Any:
    return bind(handler).call(value, CTX)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda: (), ()),
        (lambda ctx: (ctx,), (CTX,)),
        (lambda context: (context,), (CTX,)),
        (lambda anything: (anything,), ("input",)),
        (lambda data: (data,), ("input",)),
        (lambda data, ctx: (data, ctx), ("input", CTX)),
        (lambda whatever, context: (whatever, context), ("input", CTX)),
        (lambda one, two: (one, two), ("input", CTX)),
        (lambda req, ctx=None: (req, ctx), ("input", CTX)),
        (lambda ctx, order: (ctx, order), (CTX, "input")),
        (lambda ctx, order, /: (ctx, order), (CTX, "input")),
        (lambda context, data: (context, data), (CTX, "input")),
        (lambda data, other=5: (data, other), ("input", 5)),
        (lambda trace_id, state, logger: (trace_id, state, logger), (CTX.trace_id, CTX.state, CTX.logger)),
        (lambda data, emit, ctx: (data, emit, ctx), ("input", CTX.enqueue, CTX)),
        (lambda *, ctx: (ctx,), (CTX,)),
        (lambda data, /: (data,), ("input",)),
        (lambda *args, **kwargs: args, ()),
    ],
)
def test_what_a_handler_is_called_with(handler: Any, expected: Any) -> None:
    assert call(handler) == expected


def test_parts_of_a_request_by_name() -> None:
    got = call(lambda body, path_params, query, headers, req: (body, path_params, query, headers, req), REQUEST)
    assert got == ({"b": 1}, {"p": 2}, {"q": "3"}, {"h": "4"}, REQUEST)
    assert call(lambda body: body, REQUEST) == {"b": 1}
    assert call(lambda params, ctx: (params, ctx), REQUEST) == ({"p": 2}, CTX)
    assert call(lambda body, context: (body, context), REQUEST) == ({"b": 1}, CTX)
    assert call(lambda trace_id, ctx: (trace_id, ctx), REQUEST) == (CTX.trace_id, CTX)
    for handler in (lambda data, ctx: data, lambda request, ctx: request, lambda body, /, ctx: body):
        assert call(handler, REQUEST) is REQUEST


def test_where_there_is_no_request_names_of_its_parts_stand_for_the_input() -> None:
    assert call(lambda query, ctx: query, "what to look for") == "what to look for"
    assert call(lambda params: params, {"a": 1}) == {"a": 1}


def test_annotations_say_what_the_context_and_the_body_are() -> None:
    def by_context(c: FlowContext[Any]) -> Any:
        return c

    def by_model(order: Order, c: SyncFlowContext[Any]) -> Any:
        return order, c

    def by_context_first(c: FlowContext[Any], order: Order) -> Any:
        return c, order

    assert call(by_context) is CTX
    assert call(by_context_first, REQUEST) == (CTX, {"b": 1})
    assert call(by_model, REQUEST) == ({"b": 1}, CTX)
    assert call(by_model, "payload") == ("payload", CTX)


def test_the_schema_is_taken_from_the_annotation() -> None:
    def request(req: ApiRequest[Order], ctx: Any) -> None: ...
    def model(order: Order) -> None: ...
    def several(orders: list[Order], ctx: Any) -> None: ...
    def parcel(data: Parcel) -> None: ...
    def note(data: Note) -> None: ...
    def loose(data: dict[str, Any], ctx: Any) -> None: ...
    def event(change: StateTriggerInput, ctx: Any) -> None: ...
    def annotated(order: Annotated[Order, "x"]) -> None: ...

    found = [bind(item).model for item in (request, model, several, parcel, note, loose, event, annotated)]
    assert found == [Order, Order, list[Order], Parcel, Note, None, None, Annotated[Order, "x"]]


def test_annotations_that_exist_for_type_checkers_only_are_no_obstacle() -> None:
    def handler(data: OnlyForCheckers, ctx: FlowContext[Any]) -> Any:  # type: ignore[name-defined]  # noqa: F821
        return data, ctx

    assert call(handler) == ("input", CTX)


def test_flavours() -> None:
    async def coroutine(data: Any) -> None: ...
    async def generator(data: Any) -> Any:
        yield 1

    def plain(data: Any) -> None: ...

    @functools.wraps(coroutine)
    def wrapped(*args: Any) -> Any:
        return coroutine(*args)

    flavours = [bind(item).is_async for item in (coroutine, generator, plain, wrapped, Callable_())]
    assert flavours == [True, True, False, True, True]
    assert bind(functools.partial(coroutine)).is_async


def test_a_name_that_means_nothing_is_an_error_with_the_nearest_one() -> None:
    def handler(data: Any, loger: Any, state: Any) -> None: ...

    with pytest.raises(ConfigError, match="parameter 'loger' that means nothing here; did you mean 'logger'"):
        bind(handler)

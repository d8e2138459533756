"""Streams in real runs: operations, schemas, triggers and subscribers."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from pydantic import BaseModel

import motia as public
from motia import (
    ConfigError,
    FlowContext,
    Motia,
    Stream,
    StreamTriggerInput,
    SyncFlowContext,
    UnserializablePayload,
    UpdateError,
    ValidationFailed,
    http,
    queue,
    step,
    stream,
)
from motia.testing import MotiaTester, SyncMotiaTester, fake_context, fake_sync_context


class Todo(BaseModel):
    id: str
    title: str
    votes: int = 0


todos = Stream("items.todo", schema=Todo)
free = Stream("items.free")


async def test_items_carry_their_id_and_changes_tell_before_and_after() -> None:
    async with Motia("memory:") as motia:
        items = motia.streams["items.free"]
        change = await items.set("inbox", "a", {"title": "x"})
        assert dict(change) == {"old_value": None, "new_value": {"title": "x", "id": "a"}}
        assert await items.get("inbox", "a") == {"title": "x", "id": "a"}
        assert (await items.set("inbox", "a", {"id": "other"})).new_value == {"id": "a"}
        assert (await items.update("inbox", "a", [{"type": "increment", "path": "n", "by": 2}])).new_value["n"] == 2
        assert (await items.update("inbox", "new", {"type": "set", "path": "k", "value": 1})).old_value is None
        assert await items.list("inbox") == await items.get_group("inbox") == await items.getGroup("inbox")
        assert [item["id"] for item in await items.list("inbox")] == ["a", "new"]
        assert await items.list_groups() == ["inbox"]
        assert await items.delete("inbox", "a") == {"id": "a", "n": 2}
        assert await items.delete("inbox", "a") is None


async def test_a_schema_is_kept() -> None:
    async with Motia("memory:") as motia:
        items = motia.streams["items.todo"]
        assert (await items.set("g", "a", {"title": "x"})).new_value == {"id": "a", "title": "x", "votes": 0}
        await items.set("g", "b", Todo(id="whatever", title="y"))
        assert (await items.get("g", "b"))["id"] == "b"
        with pytest.raises(ValidationFailed, match=r"an item of stream 'items.todo'"):
            await items.set("g", "a", {"votes": "many"})
        with pytest.raises(ValidationFailed):
            await items.update("g", "a", [{"type": "remove", "path": "title"}])
        assert (await items.get("g", "a"))["title"] == "x"


async def test_what_is_no_item_is_refused() -> None:
    async with Motia("memory:") as motia:
        items = motia.streams["items.free"]
        with pytest.raises(UnserializablePayload, match="expected an object, since every item carries its id"):
            await items.set("g", "a", "text")
        with pytest.raises(UpdateError):
            await items.update("g", "a", [{"type": "fly"}])
        with pytest.raises(ConfigError, match="expected a group of 1 to 799 bytes"):
            await items.get("", "a")
        for call in (items.get, items.delete, lambda group, id: items.set(group, id, {})):
            with pytest.raises(ConfigError, match="expected an id of 1 to 1000 bytes of UTF-8 without NUL, got None"):
                await call("g", None)
        with pytest.raises(ConfigError, match="expected an event such as"):
            await items.send("g", {"data": 1})
        with pytest.raises(ConfigError, match="a stream's name expected"):
            motia.streams["no/name"]
        with pytest.raises(ConfigError, match="a stream's name expected"):
            Stream("no name")


async def test_a_later_declaration_takes_nothing_away() -> None:
    def gate(subscription: Any, context: Any) -> bool:
        return False

    Stream("items.gated", can_access=gate)
    Stream("items.gated", schema=Todo)
    async with Motia("memory:") as motia:
        assert "items.gated" in [item.name for item in motia.streams_declared]
    found = next(spec for spec in public.declared.declared() if spec.name == "items.gated")
    assert (found.can_access, found.schema) == (gate, Todo)


async def test_contexts_and_modules_use_one_stream() -> None:
    @step(triggers=[http("POST", "/todos")])
    async def add(req: Any, ctx: FlowContext[Any]) -> Any:
        await ctx.streams["items.todo"].set("g", "a", req.body)
        return await todos.get("g", "a")

    @step(triggers=[queue("vote")])
    def vote(data: Any, ctx: SyncFlowContext[Any]) -> None:
        ctx.streams["items.todo"].update("g", "a", [{"type": "increment", "path": "votes"}])
        todos.update("g", "a", [{"type": "increment", "path": "votes"}])
        assert todos.list("g") == ctx.streams["items.todo"].list("g")
        assert ctx.streams.get("items.todo").list_groups() == ["g"]

    async with MotiaTester(Motia("memory:", steps=[add, vote])) as t:
        assert (await t.post("/todos", json={"title": "x"})).json["title"] == "x"
        await t.enqueue("vote")
        await t.wait_idle()
        assert (await t.streams["items.todo"].get("g", "a"))["votes"] == 2


async def test_stream_triggers_are_deliveries() -> None:
    seen: list[tuple[str, StreamTriggerInput]] = []

    @step(triggers=[stream("items.free"), stream("items.free", group_id="g", item_id="b")])
    async def watch(change: StreamTriggerInput, ctx: FlowContext[Any]) -> None:
        assert ctx.is_stream()
        assert (ctx.trigger.stream_name, ctx.trigger.group_id) == ("items.free", change.group_id)
        seen.append((f"{ctx.trigger.index}", change))

    async with MotiaTester(Motia("memory:", steps=[watch])) as t:
        items = t.streams["items.free"]
        await items.set("g", "a", {"n": 1})
        await items.update("g", "a", [{"type": "increment", "path": "n"}])
        await items.delete("g", "a")
        await items.delete("g", "a")
        await items.send("other", {"type": "typing", "data": {"who": 1}})
        await t.wait_idle()
        all_of_it = [change for index, change in seen if index == "0"]
        assert [(change.event.type, change.id) for change in all_of_it] == [
            ("create", "a"), ("update", "a"), ("delete", "a"), ("event", None),
        ]  # fmt: skip
        assert all_of_it[2]["event"]["data"] == {"n": 2, "id": "a"}
        assert all_of_it[3].event.event == {"type": "typing", "data": {"who": 1}}
        assert (all_of_it[0].streamName, all_of_it[0].groupId, all_of_it[0].item_id) == ("items.free", "g", "a")
        assert [index for index, _ in seen] == ["0"] * 4
        await items.set("g", "b", {})
        await t.wait_idle()
        assert sorted(index for index, _ in seen[4:]) == ["0", "1"]


async def test_a_rolled_back_transaction_changes_no_stream() -> None:
    seen: list[Any] = []

    @step(triggers=[queue("go")])
    async def fails(data: Any, ctx: FlowContext[Any]) -> None:
        async with ctx.transaction():
            await ctx.streams["items.free"].set("g", "a", {})
            raise ZeroDivisionError

    @step(triggers=[stream("items.free")])
    async def watch(change: Any) -> None:
        seen.append(change)

    async with MotiaTester(Motia("memory:", steps=[fails, watch])) as t:
        await t.enqueue("go")
        await t.wait_idle()
        assert await t.streams["items.free"].list("g") == []
    assert seen == []


async def test_subscribers_get_a_sync_and_every_change_in_order() -> None:
    async with Motia("memory:") as motia:
        items = motia.streams["items.free"]
        await items.set("g", "a", {"n": 0})
        changes = items.subscribe("g")
        with anyio.fail_after(10):
            first = await anext(changes)
            assert (first.event.type, first.event.data, first.id) == ("sync", [{"n": 0, "id": "a"}], None)
            for number in range(1, 301):
                await items.update("g", "a", [{"type": "set", "path": "n", "value": number}])
                await items.set("other", "a", {})
                if number % 50 == 0:
                    found = [await anext(changes) for _ in range(50)]
                    assert [change.event.data["n"] for change in found] == list(range(number - 49, number + 1))
        await changes.aclose()
        assert not motia.running.tails.here.busy


async def test_a_reader_that_falls_behind_gets_a_new_sync() -> None:
    async with Motia("memory:") as motia:
        items = motia.streams["items.free"]
        changes = items.subscribe("g", "a")
        with anyio.fail_after(10):
            assert (await anext(changes)).event.data is None
            for number in range(2000):
                await items.set("g", "a", {"n": number})
                if number % 20 == 0:
                    await anyio.lowlevel.checkpoint()
            kinds = set()
            while True:
                change = await anext(changes)
                kinds.add(change.event.type)
                if change.event.data["n"] == 1999:
                    break
        assert "sync" in kinds
        await changes.aclose()


async def test_subscriptions_end_with_the_app() -> None:
    async with Motia("memory:") as motia:
        changes = motia.streams["items.free"].subscribe("g")
        await anext(changes)
    with anyio.fail_after(5), pytest.raises(StopAsyncIteration):
        await anext(changes)


async def test_tokens_are_mirrored_into_an_item() -> None:
    async def tokens() -> Any:
        for word in ("one ", "two ", "three"):
            yield word

    async with Motia("memory:") as motia:
        items = motia.streams["items.free"]
        passed = [token async for token in items.mirror("chat", "m", tokens(), item={"role": "assistant"})]
        assert passed == ["one ", "two ", "three"]
        assert await items.get("chat", "m") == {"role": "assistant", "text": "one two three", "id": "m"}
        await items.mirror("chat", "n", tokens(), field="body", done={"done": True})
        assert await items.get("chat", "n") == {"body": "one two three", "id": "n", "done": True}


def test_blocking_code_has_it_all() -> None:
    with SyncMotiaTester(Motia("memory:")) as t:
        items = t.streams["items.free"]
        assert "".join(items.mirror("g", "a", ["x", "y"], done={"done": 1})) == "xy"
        changes = items.subscribe("g")
        assert next(changes).event.data == [{"text": "xy", "id": "a", "done": 1}]
        items.send("g", {"type": "ping"}, id="a")
        assert next(changes).event.event == {"type": "ping", "data": None}
        assert items.delete("g", "a")["text"] == "xy"
        assert next(changes).event.type == "delete"
        changes.close()


async def test_fake_contexts_have_streams() -> None:
    ctx = fake_context()
    await ctx.streams.todo.set("g", "a", {"x": 1})
    assert await ctx.streams.todo.list("g") == [{"x": 1, "id": "a"}]
    assert ctx.enqueued == []
    sync = fake_sync_context()
    sync.streams.todo.set("g", "a", {})
    assert sync.streams.todo.get("g", "a") == {"id": "a"}

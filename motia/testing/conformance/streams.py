"""Stream stores: items, the log of their changes, snapshots and pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import anyio.lowlevel
import pytest

from motia.databases.base import Connection
from motia.streams.base import Entry, StreamStore
from motia.testing.conformance.stores import ODD_NAMES


@dataclass
class StreamHarness:
    """A stream store under test, empty and migrated.

    Attributes:
        store: one handle.
        other: another handle to the same streams, as another process has it.
        advance: let the backend's time pass; a backend with a clock of its own really waits.
        transactional: what follows from a change can roll it back.
    """

    store: StreamStore
    other: StreamStore
    advance: Callable[[float], Awaitable[None]]
    transactional: bool = True

    async def set(self, id: str, text: str, *, group: str = "g", stream: str = "s") -> Entry:
        """Set an item."""
        entry = (await self.store.change(stream, group, id, lambda old: text)).entry
        assert entry is not None
        return entry

    async def log(self, after: int = 0, *, stream: str = "s") -> list[Entry]:
        """The entries of a stream, as another process reads them."""
        entries = await self.other.read(stream, after, 1000)
        assert entries is not None
        return entries


class StreamConformance:
    """Everything that ``motia.streams.base`` promises."""

    async def test_an_item_is_kept_replaced_and_deleted(self, streams: StreamHarness) -> None:
        store = streams.store
        assert await store.get("s", "g", "a") is None
        assert (await store.change("s", "g", "a", lambda old: "1"))[:2] == (None, "1")
        assert (await store.change("s", "g", "a", lambda old: f"{old}2"))[:2] == ("1", "12")
        assert await streams.other.get("s", "g", "a") == "12"
        assert (await store.change("s", "g", "a", lambda old: None))[:2] == ("12", None)
        assert await store.get("s", "g", "a") is None
        assert await store.groups("s") == []

    async def test_pages_show_items_and_groups(self, streams: StreamHarness) -> None:
        for id in ("b", "a", "ab", "c"):
            await streams.set(id, f'"{id}"')
        await streams.set("x", "1", group="h")
        await streams.set("y", "1", group="g", stream="s2")
        first = await streams.other.page("s", "g", limit=3)
        second = await streams.other.page("s", "g", limit=3, cursor=first.next)
        assert sorted(first.items + second.items) == [
            ("a", '"a"', 3),
            ("ab", '"ab"', 4),
            ("b", '"b"', 3),
            ("c", '"c"', 3),
        ]
        assert (len(first.items), second.next) == (3, None)
        assert sorted(item.key for item in (await streams.other.page("s", "g", prefix="a")).items) == ["a", "ab"]
        assert await streams.other.page("s", "nobody") == ([], None)
        assert await streams.other.page_groups("s") == (["g", "h"], None)
        assert await streams.other.page_groups("nobody") == ([], None)

    async def test_each_change_is_logged(self, streams: StreamHarness) -> None:
        store = streams.store
        for text in ("1", "2", None):
            await store.change("s", "g", "a", lambda old, text=text: text)  # type: ignore[misc]  # bound now
        event = await store.emit("s", "g", None, '{"type":"x"}')
        about = await store.emit("s", "g", "a", '{"type":"y"}')
        entries = await streams.log()
        assert [(entry.kind, entry.id, entry.data) for entry in entries] == [
            ("create", "a", "1"),
            ("update", "a", "2"),
            ("delete", "a", "2"),
            ("event", None, '{"type":"x"}'),
            ("event", "a", '{"type":"y"}'),
        ]
        assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
        assert entries[3:] == [event, about]
        assert {(entry.stream, entry.group) for entry in entries} == {("s", "g")}

    async def test_timestamps_grow_strictly(self, streams: StreamHarness) -> None:
        for number in range(20):
            await streams.set("a", str(number))
        stamps = [entry.timestamp for entry in await streams.log()]
        assert stamps == sorted(set(stamps))
        assert (await streams.store.snapshot("s", "g")).head.timestamp == stamps[-1]

    async def test_deleting_nothing_logs_nothing(self, streams: StreamHarness) -> None:
        assert await streams.store.change("s", "g", "a", lambda old: None) == (None, None, None)
        assert await streams.log() == []
        assert (await streams.set("a", "1")).seq == 1

    async def test_a_group_lists_its_items_in_the_order_of_their_first_setting(self, streams: StreamHarness) -> None:
        for id in ("z", "a", "m"):
            await streams.set(id, "1")
        await streams.set("z", "2")
        await streams.set("x", "9", group="other")
        await streams.set("x", "9", stream="t")
        assert await streams.other.list("s", "g") == [("z", "2"), ("a", "1"), ("m", "1")]
        assert await streams.store.list("s", "missing") == []
        assert await streams.store.groups("s") == ["g", "other"]
        assert await streams.store.groups("missing") == []

    @pytest.mark.parametrize("name", [name for name in ODD_NAMES if name.isprintable()])
    async def test_odd_names_are_names(self, streams: StreamHarness, name: str) -> None:
        await streams.set(name, '"here"', group=name)
        assert await streams.store.get("s", name, name) == '"here"'
        assert await streams.store.groups("s") == [name]
        snapshot = await streams.store.snapshot("s", name)
        assert snapshot.items == [(name, '"here"')]
        page = await streams.store.resume("s", name, 0, snapshot.head.born, 10)
        assert page is not None
        assert [(entry.group, entry.id) for entry in page.entries] == [(name, name)]

    async def test_streams_and_groups_are_never_confused(self, streams: StreamHarness) -> None:
        await streams.set("x", "1", stream="a", group="b/c")
        await streams.set("x", "2", stream="a.b", group="c")
        assert await streams.store.groups("a") == ["b/c"]
        assert await streams.store.groups("a.b") == ["c"]
        assert await streams.store.list("a", "b") == []

    async def test_a_snapshot_holds_the_items_and_the_head(self, streams: StreamHarness) -> None:
        empty = await streams.store.snapshot("s", "g")
        assert (empty.head.seq, empty.items) == (0, [])
        assert empty.head.timestamp == empty.head.born > 0
        await streams.set("a", "1")
        last = await streams.set("b", "2")
        whole = await streams.other.snapshot("s", "g")
        assert (whole.head.seq, whole.head.timestamp) == (last.seq, last.timestamp)
        assert whole.items == [("a", "1"), ("b", "2")]
        assert whole.head.born == empty.head.born
        assert (await streams.store.snapshot("s", "g", "b")).items == [("b", "2")]
        assert (await streams.store.snapshot("s", "g", "c")).items == []

    async def test_heads_tell_which_streams_have_moved(self, streams: StreamHarness) -> None:
        await streams.set("a", "1", stream="one")
        await streams.set("a", "2", stream="one")
        await streams.set("a", "1", stream="two")
        assert await streams.other.heads(["one", "two", "three"]) == {"one": 2, "two": 1}

    async def test_the_log_is_read_page_by_page(self, streams: StreamHarness) -> None:
        for number in range(5):
            await streams.set("a", str(number))
        first = await streams.other.read("s", 0, 2)
        rest = await streams.other.read("s", 2, 10)
        assert first is not None
        assert rest is not None
        assert [entry.data for entry in first + rest] == ["0", "1", "2", "3", "4"]
        assert await streams.other.read("s", 5, 10) == []

    async def test_a_group_is_resumed_page_by_page(self, streams: StreamHarness) -> None:
        born = (await streams.store.snapshot("s", "g")).head.born
        for number in range(4):
            await streams.set("a", str(number))
            await streams.set("a", str(number), group="other")
        page = await streams.other.resume("s", "g", 2, born, 2)
        assert page is not None
        assert [entry.data for entry in page.entries] == ["1", "2"]
        rest = await streams.other.resume("s", "g", page.upto, born, 2)
        assert rest is not None
        assert [entry.data for entry in rest.entries] == ["3"]
        assert rest.upto == 8
        assert await streams.other.resume("s", "g", 8, born, 2) == ([], 8)

    async def test_what_another_life_has_numbered_is_not_resumed(self, streams: StreamHarness) -> None:
        born = (await streams.store.snapshot("s", "g")).head.born
        await streams.set("a", "1")
        assert await streams.store.resume("s", "g", 0, born - 1, 10) is None
        assert await streams.store.resume("s", "g", 7, born, 10) is None
        assert await streams.store.resume("unused", "g", 5, born, 10) is None

    async def test_the_pruned_part_of_the_log_is_refused(self, streams: StreamHarness) -> None:
        store = streams.store
        born = (await store.snapshot("s", "g")).head.born
        await streams.set("a", "1")
        await streams.set("a", "2")
        assert await store.prune(60.0) == 0
        await streams.advance(1.2)
        assert await store.prune(1.0) == 2
        assert await store.prune(1.0) == 0
        assert await store.read("s", 0, 10) is None
        assert await store.resume("s", "g", 1, born, 10) is None
        assert await store.read("s", 2, 10) == []
        assert await store.resume("s", "g", 2, born, 10) == ([], 2)
        assert (await streams.set("a", "3")).seq == 3
        assert await store.read("s", 1, 10) is None
        assert [entry.data for entry in await streams.log(2)] == ["3"]
        assert await store.get("s", "g", "a") == "3"

    async def test_changes_are_atomic(self, streams: StreamHarness) -> None:
        async def count(store: StreamStore) -> None:
            for _ in range(20):
                await store.change("s", "g", "n", lambda old: str(int(old or "0") + 1))

        async with anyio.create_task_group() as tasks:
            for store in (streams.store, streams.other, streams.store, streams.other):
                tasks.start_soon(count, store)
        entries = await streams.log()
        assert [entry.data for entry in entries] == [str(number) for number in range(1, 81)]

    async def test_a_reader_is_never_shown_an_entry_late(self, streams: StreamHarness) -> None:
        """Numbers become visible in order, however many write."""
        seen: list[int] = []
        writers = 6

        async def write(number: int) -> None:
            for turn in range(15):
                store = streams.store if number % 2 else streams.other
                await store.change("s", f"g{number}", "n", lambda old, turn=turn: str(turn))  # type: ignore[misc]  # bound now

        async def read() -> None:
            while len(seen) < writers * 15:
                seen.extend(entry.seq for entry in await streams.log(seen[-1] if seen else 0))
                await anyio.lowlevel.checkpoint()

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                for number in range(writers):
                    tasks.start_soon(write, number)
        assert seen == list(range(1, writers * 15 + 1))

    async def test_a_snapshot_is_of_its_head(self, streams: StreamHarness) -> None:
        """Of all changes up to its head, and of none after it, however many write."""
        writing = 4

        async def write(number: int) -> None:
            nonlocal writing
            store = streams.store if number % 2 else streams.other
            for _ in range(15):
                await store.change("s", "g", f"n{number}", lambda old: str(int(old or "0") + 1))
            writing -= 1

        async def read() -> None:
            while writing:
                head, items = await streams.store.snapshot("s", "g")
                assert sum(int(value) for _, value in items) == head.seq
                await anyio.lowlevel.checkpoint()

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                for number in range(writing):
                    tasks.start_soon(write, number)

    async def test_a_failing_computation_changes_nothing(self, streams: StreamHarness) -> None:
        def fail(old: str | None) -> str:
            raise ZeroDivisionError

        await streams.set("a", "1")
        with pytest.raises(ZeroDivisionError):
            await streams.store.change("s", "g", "a", fail)
        assert [entry.data for entry in await streams.log()] == ["1"]
        assert (await streams.set("a", "2")).seq == 2

    async def test_what_follows_commits_and_rolls_back_with_the_change(self, streams: StreamHarness) -> None:
        if not streams.transactional:
            pytest.skip("this backend has no transactions")
        seen: list[Entry] = []

        async def follow(entry: Entry, connection: Connection) -> None:
            seen.append(entry)
            if entry.data == "2":
                raise ZeroDivisionError

        change = await streams.store.change("s", "g", "a", lambda old: "1", follow=follow)
        with pytest.raises(ZeroDivisionError):
            await streams.store.change("s", "g", "a", lambda old: "2", follow=follow)
        assert await streams.store.get("s", "g", "a") == "1"
        assert await streams.log() == [change.entry]
        assert seen[0] == change.entry

    async def test_listeners_are_told(self, streams: StreamHarness) -> None:
        told = anyio.Event()
        with streams.store.listen(told.set):
            await streams.set("a", "1")
            with anyio.fail_after(5):
                await told.wait()

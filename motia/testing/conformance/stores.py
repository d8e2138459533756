"""State stores: values, order, lifetime, atomic changes."""

from __future__ import annotations

import json

import anyio
import pytest

from motia.databases.base import Connection
from motia.stores.base import MAX_PAGE, MAX_SHOWN, StoredChange
from motia.testing.conformance.harness import Harness

ODD_NAMES = ["a:b", "a/b", "100%", "o'neill", 'quo"te', "ünï😀", " space ", "*", "a\\b", "x" * 400]


class StoreConformance:
    """Everything that ``motia.stores.base`` promises."""

    async def test_a_value_is_kept_and_replaced(self, harness: Harness) -> None:
        store = harness.store
        assert await store.get("g", "k") is None
        assert await store.change("g", "k", lambda old: "1") == ("g", "k", None, "1")
        assert await store.change("g", "k", lambda old: "2") == ("g", "k", "1", "2")
        assert await store.get("g", "k") == "2"

    async def test_a_value_is_deleted(self, harness: Harness) -> None:
        store = harness.store
        await store.change("g", "k", lambda old: "1")
        assert (await store.change("g", "k", lambda old: None)).old == "1"
        assert await store.get("g", "k") is None
        assert (await store.change("g", "k", lambda old: None)) == ("g", "k", None, None)
        assert await store.groups() == []

    async def test_a_group_lists_its_keys_in_the_order_of_their_first_setting(self, harness: Harness) -> None:
        for key in ("z", "a", "m"):
            await harness.store.change("g", key, lambda old: "1")
        await harness.store.change("g", "z", lambda old: "2")
        await harness.store.change("other", "x", lambda old: "9")
        assert await harness.store.list("g") == [("z", "2"), ("a", "1"), ("m", "1")]
        assert await harness.store.list("missing") == []
        assert await harness.store.groups() == ["g", "other"]

    async def test_pages_show_every_value_once(self, harness: Harness) -> None:
        store = harness.store
        keys = [f"k{number:02}" for number in range(11)]
        for key in reversed(keys):
            await store.change("g", key, lambda old: "1")
        await store.change("h", "other", lambda old: "1")
        seen: list[str] = []
        cursor = None
        while True:
            page = await store.page("g", cursor=cursor, limit=3)
            assert len(page.items) <= 3
            seen += [item.key for item in page.items]
            cursor = page.next
            if cursor is None:
                break
            await store.change("g", seen[-1], lambda old: None)  # what was seen may go meanwhile
        assert sorted(seen) == keys
        assert await store.page("missing") == ([], None)
        for odd in ("!", "9" * 26, "\u0661", "-1"):
            assert (await store.page("h", cursor=odd)).next is None, "a cursor that is not readable is none"
            assert (await store.page_groups(odd)).next is None
        assert (await store.page_groups("!")).next is None
        assert await store.page("h", limit=1) == ([("other", "1", 1)], None)

    async def test_a_page_has_the_keys_that_begin_alike(self, harness: Harness) -> None:
        store = harness.store
        for key in ("a", "ab", "ab%", "ab_c", "abü", "ac", "Ab"):
            await store.change("g", key, lambda old: "1")
        found = await store.page("g", prefix="ab")
        assert (sorted(item.key for item in found.items), found.next) == (["ab", "ab%", "ab_c", "abü"], None)
        first = await store.page("g", prefix="ab", limit=2)
        second = await store.page("g", prefix="ab", limit=2, cursor=first.next)
        assert sorted(item.key for item in first.items + second.items) == ["ab", "ab%", "ab_c", "abü"]

    async def test_a_page_is_bounded_in_number_and_in_size(self, harness: Harness) -> None:
        store = harness.store
        for number in range(MAX_PAGE + 1):
            await store.change("g", f"k{number:03}", lambda old: "1")
        assert len((await store.page("g", limit=10_000)).items) == MAX_PAGE
        await store.change("long", "k", lambda old: json.dumps("x" * MAX_SHOWN))
        assert (await store.page("long")).items == [("k", None, MAX_SHOWN + 2)]

    async def test_pages_leave_out_what_has_run_out(self, harness: Harness) -> None:
        store = harness.store
        await store.change("g", "short", lambda old: "1", ttl=harness.unit)
        await store.change("g", "long", lambda old: "2")
        await store.change("gone", "short", lambda old: "1", ttl=harness.unit)
        assert len((await store.page("g")).items) == 2
        await harness.advance(1.1 * harness.unit)
        assert (await store.page("g")).items == [("long", "2", 1)]
        assert await store.page_groups() == (["g"], None)

    async def test_pages_tell_of_every_group(self, harness: Harness) -> None:
        store = harness.store
        assert await store.page_groups() == ([], None)
        names = [f"group {number:03}" for number in range(300)]
        for name in names:
            await store.change(name, "a", lambda old: "1")
            await store.change(name, "b", lambda old: "1")
        seen: set[str] = set()
        cursor, pages = None, 0
        while pages == 0 or cursor is not None:
            page = await store.page_groups(cursor, 100)
            assert page.names == sorted(page.names)
            assert len(page.names) <= 2 * 100
            seen |= set(page.names)
            cursor, pages = page.next, pages + 1
        assert sorted(seen) == names
        assert pages > 1

    @pytest.mark.parametrize("name", ODD_NAMES)
    async def test_odd_names_are_names(self, harness: Harness, name: str) -> None:
        await harness.store.change(name, name, lambda old: '"here"')
        assert await harness.store.get(name, name) == '"here"'
        assert await harness.store.list(name) == [(name, '"here"')]
        assert await harness.store.groups() == [name]
        assert await harness.store.page(name, prefix=name) == ([(name, '"here"', 6)], None)
        assert await harness.store.page_groups() == ([name], None)
        assert await harness.store.clear(name) == 1

    async def test_groups_and_keys_are_never_confused(self, harness: Harness) -> None:
        await harness.store.change("a", "b:c", lambda old: "1")
        await harness.store.change("a:b", "c", lambda old: "2")
        assert await harness.store.get("a", "b:c") == "1"
        assert await harness.store.get("a:b", "c") == "2"

    async def test_a_value_lives_as_long_as_it_was_given(self, harness: Harness) -> None:
        store = harness.store
        await store.change("g", "k", lambda old: "1", ttl=harness.unit)
        assert await store.get("g", "k") == "1"
        await harness.advance(1.1 * harness.unit)
        assert await store.get("g", "k") is None
        assert await store.list("g") == []
        assert await store.groups() == []
        assert (await store.change("g", "k", lambda old: old or '"new"')).old is None

    async def test_a_change_sets_the_lifetime_anew(self, harness: Harness) -> None:
        await harness.store.change("g", "k", lambda old: "1", ttl=harness.unit)
        await harness.store.change("g", "k", lambda old: "2")
        await harness.advance(1.1 * harness.unit)
        assert await harness.store.get("g", "k") == "2"

    async def test_prune_frees_what_has_run_out(self, harness: Harness) -> None:
        await harness.store.change("g", "k", lambda old: "1", ttl=harness.unit)
        await harness.store.change("g", "l", lambda old: "1")
        assert await harness.store.prune() == 0
        await harness.advance(1.1 * harness.unit)
        assert await harness.store.prune() == 1

    async def test_clear_deletes_a_group(self, harness: Harness) -> None:
        for key in ("a", "b"):
            await harness.store.change("g", key, lambda old: "1")
        await harness.store.change("other", "a", lambda old: "1")
        assert await harness.store.clear("g") == 2
        assert await harness.store.clear("g") == 0
        assert await harness.store.groups() == ["other"]

    async def test_changes_are_atomic(self, harness: Harness) -> None:
        async def count() -> None:
            for _ in range(20):
                await harness.store.change("g", "n", lambda old: str(int(old or "0") + 1))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(count)
        assert await harness.store.get("g", "n") == "100"

    async def test_a_failing_computation_changes_nothing(self, harness: Harness) -> None:
        await harness.store.change("g", "k", lambda old: "1")

        def fail(old: str | None) -> str:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await harness.store.change("g", "k", fail)
        assert await harness.store.get("g", "k") == "1"

    async def test_what_follows_commits_and_rolls_back_with_the_change(self, harness: Harness) -> None:
        if not harness.queue.capabilities.transactional:
            pytest.skip("this backend has no transactions")
        seen: list[StoredChange] = []

        async def follow(change: StoredChange, connection: Connection) -> None:
            seen.append(change)
            if change.new == "2":
                raise ZeroDivisionError

        await harness.store.change("g", "k", lambda old: "1", follow=follow)
        with pytest.raises(ZeroDivisionError):
            await harness.store.change("g", "k", lambda old: "2", follow=follow)
        assert await harness.store.get("g", "k") == "1"
        await harness.store.clear("g", follow=follow)
        assert seen == [("g", "k", None, "1"), ("g", "k", "1", "2"), ("g", "k", "1", None)]

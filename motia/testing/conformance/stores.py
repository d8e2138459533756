"""State stores: values, order, lifetime, atomic changes."""

from __future__ import annotations

import anyio
import pytest

from motia.databases.base import Connection
from motia.stores.base import StoredChange
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

    @pytest.mark.parametrize("name", ODD_NAMES)
    async def test_odd_names_are_names(self, harness: Harness, name: str) -> None:
        await harness.store.change(name, name, lambda old: '"here"')
        assert await harness.store.get(name, name) == '"here"'
        assert await harness.store.list(name) == [(name, '"here"')]
        assert await harness.store.groups() == [name]
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

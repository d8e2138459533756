"""State as it is called: with and without a group, by place and by name, in both flavours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from motia import ConfigError, InvalidName, Motia, queue, state_manager, step
from motia.testing import MotiaTester, fake_context, fake_sync_context

ONE = [{"type": "set", "path": "a", "value": 1}]


@step("t", triggers=[queue("t")])
async def t(data: Any) -> None: ...


async def test_groups_keys_and_values_are_given_by_place_or_by_name() -> None:
    state = fake_context().state
    await state.set("g", "k", 1)
    await state.set("g", "l", value=2)
    await state.set(group="g", key="m", value=3)
    await state.set("k", 4)
    await state.set("l", value=5)
    await state.set(key="m", value=None)
    assert await state.list("g") == [1, 2, 3]
    assert await state.list() == [4, 5, None]
    assert await state.get(key="k") == await state.get("k") == await state.get(group="default", key="k") == 4
    assert (await state.update(group="g", key="u", ops=ONE)).new_value == {"a": 1}
    assert (await state.update(key="u", ops=ONE)).new_value == {"a": 1}
    assert await state.delete(key="u") == {"a": 1}


def test_blocking_code_says_the_same() -> None:
    state = fake_sync_context().state
    state.set(group="g", key="k", value=1)
    state.set(key="k", value=None)
    state.set("l", value=2, ttl=60)
    assert (state.get("g", key="k"), state.list()) == (1, [None, 2])
    assert state.update("g", "u", ops=ONE, ttl=60).new_value == state.update(key="u", ops=ONE).new_value == {"a": 1}
    assert state.delete(group="g", key="u") == {"a": 1}


@pytest.mark.parametrize("ttl", [60, timedelta(minutes=1)])
async def test_a_lifetime_is_seconds_or_a_timedelta(ttl: Any) -> None:
    async with MotiaTester(Motia("memory:", steps=[t])) as tester:
        await tester.state.set("g", "k", 1, ttl)
        await tester.state.update("g", "l", ONE, ttl)
        await tester.advance(seconds=59)
        assert await tester.state.keys("g") == ["k", "l"]
        await tester.advance(seconds=2)
        assert await tester.state.keys("g") == []


@pytest.mark.parametrize("ttl", [0, -1, "5", float("nan"), float("inf"), timedelta(0)])
async def test_what_is_no_lifetime_is_refused(ttl: Any) -> None:
    with pytest.raises(ConfigError, match="expected a number of seconds above 0, or a timedelta, got"):
        await fake_context().state.set("g", "k", 1, ttl=ttl)


async def test_too_few_arguments_and_wrong_names_say_what_was_expected() -> None:
    state = fake_context().state
    with pytest.raises(TypeError, match=r"state\.set expected \(group, key, value\) or \(key, value\), got 1 of them"):
        await state.set("k")
    with pytest.raises(InvalidName, match="expected a key of 1 to 1000 bytes"):
        await state.get()
    async with Motia("memory:", steps=[t]):
        with pytest.raises(TypeError, match=r"state\.update expected \(group, key, ops\)"):
            await state_manager.update("k")

"""A step gets another name: what waits under the old one is not left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from motia import Motia, RegistrationError, Step, Worker, cron, queue, step
from motia.web.checking import orphans

ran: list[tuple[str, Any]] = []


def a_step(name: str, *aliases: str) -> Step[..., Any]:
    async def handler(data: Any, ctx: Any) -> None:
        ran.append((name, data))

    return step(name, triggers=[queue("sent"), cron("0 0 1 1 *")], aliases=aliases)(handler)


async def left_behind(motia: Motia) -> list[str]:
    return [fault.detail for fault in orphans(motia, await motia.running.backend.waiting.queue.stats())]


async def test_what_waits_under_a_former_name_is_run_once(tmp_path: Path) -> None:
    ran.clear()
    url = f"sqlite:///{tmp_path / 'motia.db'}"
    async with Motia(url, steps=[old := a_step("send-mail")]) as motia:
        await motia.enqueue("sent", "by the old name")
        await old.enqueue("directly")
    motia = Motia(url, steps=[a_step("mail-customer", "send-mail")])
    async with motia:
        await motia.enqueue("sent", "by the new name")
        assert await left_behind(motia) == []
        await Worker(motia, queues=["mail-customer"]).run(drain=True)
    expected = ["by the new name", "by the old name", "directly"]
    assert sorted(ran) == [("mail-customer", data) for data in expected]


async def test_without_the_alias_it_waits_and_the_check_tells(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'motia.db'}"
    async with Motia(url, steps=[a_step("send-mail")]) as motia:
        await motia.enqueue("sent", 1)
    async with Motia(url, steps=[a_step("mail-customer")]) as motia:
        assert await left_behind(motia) == ["1 deliveries wait for 'send-mail#sent', which no step of this app serves"]


@pytest.mark.parametrize(
    "steps",
    [
        [a_step("a", "b"), a_step("b")],
        [a_step("a", "c"), a_step("b", "c")],
        [a_step("a", "a")],
    ],
)
def test_an_alias_is_a_name_that_no_step_has(steps: list[Step[..., Any]]) -> None:
    with pytest.raises(RegistrationError, match="an alias is a name that no step has any more") as caught:
        _ = Motia("memory:", steps=steps).registry
    assert str(caught.value).count(__file__) >= 2

"""The queue of one subscriber."""

from __future__ import annotations

import anyio
import anyio.lowlevel

from motia.streams.outbox import MAX_BYTES, MAX_MESSAGES, Outbox


async def test_all_that_waits_is_taken_at_once() -> None:
    outbox: Outbox[int] = Outbox()
    for number in range(3):
        outbox.put(number, 1)
    assert await outbox.take() == [0, 1, 2]
    assert await outbox.take(patience=0.01) is None


async def test_a_reader_is_woken() -> None:
    outbox: Outbox[int] = Outbox()
    async with anyio.create_task_group() as tasks:

        async def read() -> None:
            with anyio.fail_after(5):
                assert await outbox.take() == [1]
                assert await outbox.take() == []

        tasks.start_soon(read)
        await anyio.lowlevel.checkpoint()
        outbox.put(1, 1)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        outbox.close()


async def test_too_many_messages_fill_it_and_are_forgotten() -> None:
    told: list[str] = []
    outbox: Outbox[int] = Outbox(lambda: told.append("full"))
    for number in range(MAX_MESSAGES):
        outbox.put(number, 1)
    assert not outbox.full
    outbox.put(0, 1)
    outbox.put(0, 1)
    assert outbox.full
    assert told == ["full"]
    assert await outbox.take() == []


async def test_too_many_bytes_fill_it_but_one_long_message_passes() -> None:
    outbox: Outbox[str] = Outbox()
    outbox.put("long", 10 * MAX_BYTES)
    assert await outbox.take() == ["long"]
    outbox.put("a", MAX_BYTES - 1)
    outbox.put("b", 2)
    assert outbox.full

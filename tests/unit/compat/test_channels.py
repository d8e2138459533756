from __future__ import annotations

import anyio
import pytest

from motia import ConfigError, PayloadTooLarge
from motia.compat.channels import CHUNK, MAX_UNSENT, ChannelReader, ChannelWriter, MotiaHttpResponse

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_request_is_read_with_and_without_await() -> None:
    data = bytes(range(256)) * 1024
    reader = ChannelReader(data)
    assert reader.read_all() == await reader.read_all() == data
    assert [len(piece) for piece in reader.stream] == [CHUNK] * 4
    assert b"".join([piece async for piece in reader.stream]) == data


async def test_pieces_come_in_order_and_end_with_close() -> None:
    writer = ChannelWriter()
    got: list[bytes] = []

    async def read() -> None:
        async for piece in writer.pieces():
            got.append(piece)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        for number in range(3):
            writer.stream.write(str(number))
            await anyio.lowlevel.checkpoint()
        writer.close()
    assert b"".join(got) == b"012"
    with pytest.raises(ConfigError, match="not closed yet"):
        writer.write(b"more")


async def test_a_write_that_is_awaited_waits_for_the_client() -> None:
    writer = ChannelWriter()
    with anyio.move_on_after(0.05) as scope:
        await writer.write(bytes(CHUNK + 1))
    assert scope.cancelled_caught
    pieces = writer.pieces()

    async def take() -> None:
        assert len(await anext(pieces)) == CHUNK + 1
        writer.write(b"x")
        assert await anext(pieces) == b"x"

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take)
        with anyio.fail_after(5):
            await writer.room()
    await pieces.aclose()


async def test_what_nobody_awaits_is_bounded() -> None:
    writer = ChannelWriter()
    for _ in range(MAX_UNSENT // (1024 * 1024)):
        writer.write(bytes(1024 * 1024))
    with pytest.raises(PayloadTooLarge, match="wait for a slow client"):
        writer.write(b"x")


async def test_status_and_headers_are_set_with_and_without_await() -> None:
    response = MotiaHttpResponse()
    assert not response.touched
    await response.status(201)
    response.headers({"x-a": "1"})
    await response.headers({"x-b": "2"})
    answer = response.answer("body")
    assert (answer.status, answer.body, answer.headers) == (201, "body", {"x-a": "1", "x-b": "2"})
    assert response.touched

"""Messages that go together: who waits for whom, and who hears what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from motia.errors import QueueUnavailable, StorageError
from motia.messages import Message, Receipt
from motia.queues.group_commit import LANES, MOST, GroupCommit


class Server:
    """Commits when it is told to."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.answering = asyncio.Event()
        self.refused: dict[str, Exception] = {}

    async def publish(self, messages: Sequence[Message], seconds: float) -> list[Receipt]:
        assert seconds > 0
        self.commits.append([message.id for message in messages])
        await self.answering.wait()
        for message in messages:
            if message.id in self.refused:
                raise self.refused[message.id]
        return [Receipt(message.id, duplicate=False) for message in messages]


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def commits(server: Server) -> GroupCommit:
    return GroupCommit(server.publish, 5.0)


def message(name: object) -> Message:
    return Message(str(name), "t", "null", "")


async def sending(commits: GroupCommit, count: int) -> list[asyncio.Task[Receipt]]:
    tasks = [asyncio.ensure_future(commits.send(message(number))) for number in range(count)]
    await asyncio.sleep(0)  # each has started
    return tasks


async def test_who_is_alone_waits_for_nobody(server: Server, commits: GroupCommit) -> None:
    server.answering.set()
    assert [(await commits.send(message(name))).message_id for name in "ab"] == ["a", "b"]
    assert server.commits == [["a"], ["b"]]


async def test_who_comes_meanwhile_goes_with_the_next(server: Server, commits: GroupCommit) -> None:
    tasks = await sending(commits, LANES + MOST + 5)
    assert server.commits == [[str(number)] for number in range(LANES)]
    server.answering.set()
    receipts = await asyncio.gather(*tasks)
    assert [receipt.message_id for receipt in receipts] == [str(number) for number in range(LANES + MOST + 5)]
    assert [len(commit) for commit in server.commits[LANES:]] == [MOST, 5]


async def test_who_gives_up_while_waiting_is_not_sent(server: Server, commits: GroupCommit) -> None:
    tasks = await sending(commits, LANES + 3)
    tasks[LANES + 1].cancel()
    server.answering.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert server.commits[LANES:] == [[str(LANES), str(LANES + 2)]]


async def test_who_gives_up_on_the_way_takes_nobody_along(server: Server, commits: GroupCommit) -> None:
    tasks = await sending(commits, LANES + 3)
    server.answering.set()
    while len(server.commits) == LANES:
        await asyncio.sleep(0)
    tasks[LANES].cancel()
    receipts = await asyncio.gather(*tasks[LANES + 1 :])
    assert [receipt.message_id for receipt in receipts] == [str(LANES + 1), str(LANES + 2)]


async def test_the_first_may_be_cancelled(server: Server, commits: GroupCommit) -> None:
    tasks = await sending(commits, LANES + 2)
    for first in tasks[:LANES]:
        first.cancel()
    server.answering.set()
    assert len(await asyncio.gather(*tasks[LANES:])) == 2


async def test_what_is_refused_is_told_to_its_sender_alone(server: Server, commits: GroupCommit) -> None:
    bad = str(LANES + 1)
    server.refused[bad] = StorageError("no room for this one")
    tasks = await sending(commits, LANES + 3)
    server.answering.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert found.pop(int(bad)) is server.refused[bad]
    assert all(isinstance(receipt, Receipt) for receipt in found)


async def test_all_hear_of_a_server_that_is_away(server: Server, commits: GroupCommit) -> None:
    server.refused[str(LANES)] = QueueUnavailable("away")
    tasks = await sending(commits, LANES + 3)
    server.answering.set()
    found = await asyncio.gather(*tasks[LANES:], return_exceptions=True)
    assert found == [server.refused[str(LANES)]] * 3
    assert (await commits.send(message("later"))).message_id == "later"


async def test_waiting_for_a_commit_has_an_end(server: Server) -> None:
    commits = GroupCommit(server.publish, 0.05)
    tasks = await sending(commits, LANES + 1)
    with pytest.raises(QueueUnavailable, match=r"within 0\.05 s"):
        await tasks[LANES]
    server.answering.set()
    assert len(await asyncio.gather(*tasks[:LANES])) == LANES
    assert (await commits.send(message("later"))).message_id == "later"
    assert [str(LANES)] not in server.commits


def test_nobody_waits_for_a_loop_that_has_ended() -> None:
    servers: list[Server] = []

    async def publish(messages: Sequence[Message], seconds: float) -> list[Receipt]:
        return await servers[-1].publish(messages, seconds)

    commits = GroupCommit(publish, 5.0)

    async def ended() -> None:
        servers.append(Server())
        await sending(commits, LANES + 1)
        raise ZeroDivisionError

    for _ in range(2):  # the next loop has lanes of its own
        with pytest.raises(ZeroDivisionError):
            asyncio.run(ended())
        assert len(servers[-1].commits) == LANES

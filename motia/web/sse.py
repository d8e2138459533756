"""Streams as server-sent events: ``GET /__motia/streams/{name}/{group}[/{id}]``, in every framework.

``event:`` is ``sync``, ``create``, ``update``, ``delete`` or ``event``, ``data:`` the frame of the wire protocol, and
``id:`` the cursor from which a client that comes back with ``Last-Event-ID`` goes on, without a gap.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import anyio

from motia import HttpError, Motia
from motia.declared import check_name
from motia.errors import ConfigError, QueueUnavailable, StorageError
from motia.items import check_names
from motia.messages import new_id
from motia.requests import QueryParams
from motia.routing import Path
from motia.streams.outbox import Outbox
from motia.streams.stays import Stay
from motia.streams.tail import Seat, Tail
from motia.streams.wire import Told, sync_frame
from motia.web.answers import Answer
from motia.web.failures import error_answer
from motia.web.gate import Gate, StreamRequest, StreamSubscription
from motia.web.streams import EVENTS, Stream
from motia.web.visits import BuiltIn, Visit

HEARTBEAT = 15.0
"""Seconds of silence after which a comment shows whether the client is still there."""
PINNED_HEARTBEAT = 3.0
"""The same where a client keeps a thread of the host, which learns by writing that it is gone."""
PAGE = 200
RETRY = b"retry: 2000\n\n"
_CURSOR = re.compile(r"(\d{1,16})-(\d{1,16})")
_UNAVAILABLE = "the service is unavailable for the moment; try again"


class Cursor(NamedTuple):
    """How far a client has come: the life of the stream, and the number of the last entry it was told."""

    born: int
    seq: int


def stream_routes(motia: Motia) -> list[BuiltIn]:
    """The routes by which streams are followed as events."""
    events = Events(motia)
    path = motia.settings.streams_path
    return [
        BuiltIn(Path.parse(f"{path}/:stream/:group"), ("GET",), events.answer),
        BuiltIn(Path.parse(f"{path}/:stream/:group/:id"), ("GET",), events.answer),
    ]


def make_gate(motia: Motia) -> Gate:
    """The gate of an open app."""
    parts = motia.running
    return Gate(parts.authenticate, motia.settings.allowed_origins, parts.threads)


@asynccontextmanager
async def staying(motia: Motia) -> AsyncIterator[Stay]:
    """The stay of a client that comes, for the time of a block."""
    stay = Stay(motia.running.departures.here, motia.running.clock.now)
    if motia.running.authenticate is not None:  # else all are nobody, whom no disconnection means
        await stay.begin()
    try:
        yield stay
    finally:
        stay.close()


class Events:
    """Answers requests for events.

    Args:
        motia: the app; open when the first request comes.
    """

    def __init__(self, motia: Motia) -> None:
        self._motia = motia
        self._pinned = 0

    async def answer(self, visit: Visit) -> Answer:
        try:
            return await self._admitted(visit)
        except HttpError as error:
            return error_answer(error)
        except (QueueUnavailable, StorageError):
            return error_answer(HttpError(503, _UNAVAILABLE, headers={"retry-after": "5"}))

    async def _admitted(self, visit: Visit) -> Answer:
        async with AsyncExitStack() as stack:
            stay = await stack.enter_async_context(staying(self._motia))
            return await self._let_in(visit, stay, stack)

    async def _let_in(self, visit: Visit, stay: Stay, stack: AsyncExitStack) -> Answer:
        """Answer a visit; what is entered on the stack is left at once, unless a stream has taken it over."""
        gate = make_gate(self._motia)
        subscription = _subscription(visit)
        query = QueryParams(parse_qsl(visit.query, keep_blank_values=True))
        context = await gate.admit(StreamRequest(visit.headers, visit.path, query, visit.addr, visit.native), stay)
        self._check_room(visit)
        await gate.join(subscription, context)
        headers = [("content-type", EVENTS), ("cache-control", "no-cache"), ("x-accel-buffering", "no")]
        if gate.origins.is_foreign(visit.headers):
            headers += [("access-control-allow-origin", visit.headers["origin"]), ("vary", "origin")]
            headers += [("access-control-allow-credentials", "true")]
        if visit.method == "HEAD":
            await gate.leave(subscription, context)
            return Answer(200, headers, b"")
        last = visit.headers.get("last-event-id") or query.get("lastEventId", "")
        outbox: Outbox[Told] = Outbox()
        stay.until(lambda reason: outbox.close())
        heartbeat = PINNED_HEARTBEAT if visit.inline else HEARTBEAT
        events = _told(self._motia.running.tails.here, outbox, subscription, _cursor(last), heartbeat)
        self._pinned += visit.inline
        stack.push_async_callback(self._ended, gate, subscription, context, visit.inline)
        return Answer(200, headers, Stream(_Body(events, stack.pop_all().aclose), events=True))

    def _check_room(self, visit: Visit) -> None:
        """Where each client keeps a thread of the host, leave half of them to others."""
        if visit.inline and self._pinned >= max(1, self._motia.settings.threads // 2):
            message = "too many clients follow streams in this process; serve them under ASGI"
            raise HttpError(503, message, headers={"retry-after": "5"})

    async def _ended(self, gate: Gate, subscription: StreamSubscription, context: Any, inline: bool) -> None:
        self._pinned -= inline
        await gate.leave(subscription, context)


class _Body(AsyncIterator[bytes]):
    """The events of one client; whatever becomes of them, ``ended`` is called once."""

    def __init__(self, events: AsyncGenerator[bytes, None], ended: Any) -> None:
        self._events = events
        self._ended = ended

    async def __anext__(self) -> bytes:
        return await anext(self._events)

    async def aclose(self) -> None:
        ended, self._ended = self._ended, None
        with anyio.CancelScope(shield=True):
            await self._events.aclose()
            if ended is not None:
                await ended()


async def _told(
    tail: Tail, outbox: Outbox[Told], subscription: StreamSubscription, cursor: Cursor | None, heartbeat: float
) -> AsyncGenerator[bytes, None]:
    """What one client is sent, until it is gone, falls too far behind, must go, or the app ends."""
    stream, group, id = subscription.stream_name, subscription.group_id, subscription.id
    seat = Seat(stream, group, lambda told: outbox.put(told, told.size), outbox.close)
    yield RETRY
    async with tail.seated(seat):
        born = None
        if cursor is not None:
            seat.hold()
            while (page := await tail.store.resume(stream, group, cursor.seq, cursor.born, PAGE)) is not None:
                for entry in page.entries:
                    if outbox.closed:
                        return
                    if id is None or entry.id == id:
                        yield _event(Told(entry), cursor.born)
                cursor = cursor._replace(seq=page.upto)
                if len(page.entries) < PAGE:
                    born, seat.wants[id] = cursor.born, cursor.seq
                    break
        if born is None:
            snapshot = await tail.join(seat, id)
            if outbox.closed:
                return
            born = snapshot.head.born
            data = sync_frame(stream, group, id, snapshot)
            yield f"id: {born}-{snapshot.head.seq}\nevent: sync\ndata: {data}\n\n".encode()
        seat.release()
        while (batch := await outbox.take(heartbeat)) != []:
            yield b"".join(_event(told, born) for told in batch) if batch else b":\n\n"


def _event(told: Told, born: int) -> bytes:
    return f"id: {born}-{told.entry.seq}\nevent: {told.entry.kind}\ndata: {told.frame}\n\n".encode()


def _subscription(visit: Visit) -> StreamSubscription:
    stream, group, id = visit.params["stream"], visit.params["group"], visit.params.get("id")
    try:
        check_name(stream)
        check_names(group, id)
    except ConfigError as error:
        raise HttpError(404, str(error), code="STREAM_NOT_FOUND") from error
    return StreamSubscription(stream, group, id, new_id())


def _cursor(text: str) -> Cursor | None:
    found = _CURSOR.fullmatch(text)
    return Cursor(int(found[1]), int(found[2])) if found else None

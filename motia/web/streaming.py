"""Streams over WebSocket, as an ASGI app that every ASGI host can mount."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import anyio

from motia import HttpError, Motia
from motia.concurrency import repeating
from motia.errors import QueueUnavailable, StorageError
from motia.requests import QueryParams
from motia.streams.outbox import Outbox
from motia.streams.stays import MISSED
from motia.streams.tail import Seat, Tail
from motia.streams.wire import Told, denied_frame, sync_frame
from motia.web.asgi import Receive, Scope, Send, headers_of, path_of
from motia.web.gate import Gate, StreamRequest, StreamSubscription
from motia.web.sockets import (
    BROKEN_RULE,
    FAULT,
    GOING_AWAY,
    HEARTBEAT,
    TRY_LATER,
    Join,
    Protocol,
    ProtocolError,
    chosen_subprotocol,
)
from motia.web.sse import make_gate, staying

HEARTBEAT_INTERVAL = 25.0
"""Seconds of silence after which a frame shows whether the client is still there; one that took nothing in all that
time is given up."""
CLOSE_TIMEOUT = 10.0
"""Seconds for which a client that does not read may still be told why it is closed."""
REFUSED = 1
"""Timestamp of a refusal: below that of any sync, which must still count if the client is let in later."""
_log = logging.getLogger("motia.streams")


class StreamSocket:
    """An ASGI app for the ``websocket`` scope.

    Args:
        motia: the app; open when the first client comes.
        native: makes the framework's own request of a scope; default: the scope itself.
    """

    def __init__(self, motia: Motia, native: Callable[[Scope], Any] = lambda scope: scope) -> None:
        self._motia = motia
        self._native = native

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        gate = make_gate(self._motia)
        try:
            async with staying(self._motia) as stay:
                context = await gate.admit(self._request(scope), stay)
                headers = [(b"cache-control", b"no-store")]
                chosen = chosen_subprotocol(scope.get("subprotocols", ()))
                await send({"type": "websocket.accept", "subprotocol": chosen, "headers": headers})
                connection = Connection(gate, context, self._motia.running.tails.here)
                stay.until(connection.dismiss)
                await connection.serve(receive, send)
        except HttpError as error:
            await _refuse(error.status, scope, send)
        except (QueueUnavailable, StorageError) as error:
            _log.error("a client could not be let in: %s", error)
            await _refuse(503, scope, send)

    def _request(self, scope: Scope) -> StreamRequest:
        query = QueryParams(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
        client = scope.get("client")
        headers, offered = headers_of(scope), scope.get("subprotocols", ())
        if offered:  # a token may be among them, and not every server leaves them in the headers
            headers["sec-websocket-protocol"] = ", ".join(offered)
        return StreamRequest(headers, path_of(scope), query, client[0] if client else "", self._native(scope))


async def _refuse(status: int, scope: Scope, send: Send) -> None:
    """Refuse the handshake, with the status where the host can send one; without one it says 403."""
    if status != 403 and "websocket.http.response" in (scope.get("extensions") or {}):
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"0")]
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close", "code": 1008})


class Connection:
    """One client: what it follows, and what waits to be sent to it."""

    def __init__(self, gate: Gate, context: Any, tail: Tail) -> None:
        self._gate = gate
        self._context = context
        self._tail = tail
        self._protocol = Protocol()
        self._outbox: Outbox[str] = Outbox(self._overflow)
        self._seats: dict[tuple[str, str], Seat] = {}
        self._closing: tuple[int, str] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._busy = False
        self._silent = False

    def dismiss(self, reason: str) -> None:
        """End the connection: its client may no longer follow anything."""
        self._stop(TRY_LATER if reason == MISSED else BROKEN_RULE, reason)

    async def serve(self, receive: Receive, send: Send) -> None:
        """Serve the client until it is gone, breaks the rules, falls too far behind, or may no longer stay."""
        reading = asyncio.ensure_future(self._read(receive))
        writing = self._writing = asyncio.ensure_future(self._write(send))
        if self._closing is not None:
            writing.cancel()
        try:
            with repeating(HEARTBEAT_INTERVAL, self._look):
                await asyncio.wait([reading, writing], return_when=asyncio.FIRST_COMPLETED)
        finally:
            with anyio.CancelScope(shield=True):
                for task in (reading, writing):
                    task.cancel()
                await asyncio.wait([reading, writing])
                await self._end()
        for task in (reading, writing):
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("a stream client's connection failed", exc_info=error)
                self._closing = (FAULT, "internal error")
        if self._closing is not None:
            await self._close(send, *self._closing)

    async def _read(self, receive: Receive) -> None:
        """Do what the client asks, one thing after the other."""
        while (message := await receive())["type"] == "websocket.receive":
            frame = message.get("text")
            try:
                asked = self._protocol.received(frame if frame is not None else message.get("bytes") or b"")
                if isinstance(asked, Join):
                    await self._join(asked.subscription)
                elif asked is not None:
                    await self._leave(asked.subscription)
            except ProtocolError as error:
                self._closing = (error.code, error.reason)
                return
            except (QueueUnavailable, StorageError) as error:
                _log.error("a client could not join a stream: %s", error)
                self._closing = (TRY_LATER, "the streams are unavailable for the moment")
                return

    async def _write(self, send: Send) -> None:
        """Send what waits, until there is too much of it."""
        try:
            while batch := await self._outbox.take():
                self._busy = True
                for frame in batch:
                    await send({"type": "websocket.send", "text": frame})
                self._busy, self._silent = False, False
        except OSError as error:
            _log.debug("a client is gone: %s", error)
        else:
            if self._outbox.closed:
                self._closing = (TRY_LATER, "begin anew") if self._tail.open else (GOING_AWAY, "the server ends")

    async def _join(self, subscription: StreamSubscription) -> None:
        stream, group, id = subscription.stream_name, subscription.group_id, subscription.id
        try:
            if not self._protocol.has_room():
                raise HttpError(403, "too many subscriptions on one connection", code="TOO_MANY_SUBSCRIPTIONS")
            await self._gate.join(subscription, self._context)
        except HttpError as error:
            self._put(denied_frame(stream, group, id, error.code or "", error.message or "", REFUSED))
            return
        self._protocol.joined[subscription.subscription_id] = subscription
        seat = self._seats.get((stream, group))
        if seat is None:
            seat = self._seats[stream, group] = Seat(stream, group, self._tell, self._outbox.close)
            await self._tail.sit(seat)
        snapshot = await self._tail.join(seat, id)
        self._put(sync_frame(stream, group, id, snapshot))
        seat.release()

    async def _leave(self, subscription: StreamSubscription) -> None:
        del self._protocol.joined[subscription.subscription_id]
        room, id = (subscription.stream_name, subscription.group_id), subscription.id
        others = [item for item in self._protocol.joined.values() if (item.stream_name, item.group_id) == room]
        seat = self._seats[room]
        if not any(item.id == id for item in others):
            seat.wants.pop(id, None)
        if not others:
            del self._seats[room]
            self._tail.leave(seat)
        await self._gate.leave(subscription, self._context)

    async def _end(self) -> None:
        for seat in self._seats.values():
            self._tail.leave(seat)
        joined, self._protocol.joined = self._protocol.joined, {}
        for subscription in joined.values():
            await self._gate.leave(subscription, self._context)

    async def _close(self, send: Send, code: int, reason: str) -> None:
        with anyio.move_on_after(CLOSE_TIMEOUT):
            try:
                await send({"type": "websocket.close", "code": code, "reason": reason})
            except (OSError, RuntimeError) as error:  # RuntimeError is how hosts say that it is closed already
                _log.debug("a client was gone before its connection was closed: %s", error)

    def _tell(self, told: Told) -> None:
        self._outbox.put(told.frame, told.size)

    def _look(self) -> None:
        """Between two looks something was sent, or a sign of life is; one timer for all of it costs the least."""
        if self._silent and self._busy:
            self._overflow()
        elif self._silent:
            self._put(HEARTBEAT)
        self._silent = True

    def _overflow(self) -> None:
        self._stop(TRY_LATER, "the client reads too slowly")

    def _stop(self, code: int, reason: str) -> None:
        self._closing = (code, reason)
        if self._writing is not None:
            self._writing.cancel()  # it waits for the client, or for something to send

    def _put(self, frame: str) -> None:
        self._outbox.put(frame, len(frame))

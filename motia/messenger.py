"""Sending: from what people write to messages, for one queue and one way of waiting."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from motia.codec import dumps, loads
from motia.databases.base import Database, joined
from motia.databases.joining import adopt, the_one
from motia.declarations import read_keys
from motia.errors import MAX_DELAY, ConfigError, InvalidName, UnknownTopic
from motia.messages import MAX_NAME, RESERVED, STEP_TOPIC, Message, Receipt, is_name, new_id
from motia.queues.base import Queue
from motia.queues.outbox import Outbox
from motia.tracing import current_trace, new_trace, recording

MAX_PRIORITY = 1_000_000
MAX_WARNINGS = 1_000
"""Topics without subscribers that are warned of: where topics are made of ids, nobody reads more, and they are kept."""
_log = logging.getLogger("motia.queue")
_OPTIONS = ("topic", "data", "delay", "at", "key", "group", "priority", "dedupe_window", "connection", "session")
_ALIASES = {
    "type": "topic",
    "message_group_id": "group",
    "message_deduplication_id": "key",
    "delay_seconds": "delay",
    "dedupe_key": "key",
}


class Messenger:
    """Sends messages.

    Args:
        queue: where they go.
        database: the queue's database, when it has one that callers' connections can join.
        topics: those that steps of this app subscribe to; others are looked up.
        payload_limit: longest payload in bytes.
        strict_topics: whether a topic that nobody subscribes to is an error.
        outbox: where messages wait that are sent in a transaction of another database.
    """

    def __init__(
        self,
        queue: Queue,
        database: Database | None,
        topics: Collection[str],
        *,
        payload_limit: int,
        strict_topics: bool,
        outbox: Outbox | None = None,
    ) -> None:
        self._queue = queue
        self._database = database
        self._topics = frozenset(topic for topic in topics if not topic.startswith(RESERVED))
        self._payload_limit = payload_limit
        self._strict = strict_topics
        self._outbox = outbox
        self._warned: set[str] = set()

    async def enqueue(
        self,
        topic: str | Mapping[str, Any],
        data: Any = None,
        *,
        delay: float | timedelta = 0.0,
        at: datetime | None = None,
        key: str | None = None,
        group: str | None = None,
        priority: int = 0,
        dedupe_window: float | timedelta = 86_400.0,
        connection: Any = None,
        session: Any = None,
    ) -> Receipt:
        """Send one message to every subscription of ``topic``.

        Args:
            topic: or Motia's form, ``{"topic": ..., "data": ..., "messageGroupId": ...}``; options in it or beside it.
            data: anything that strict JSON can carry.
            delay: seconds, or a timedelta, until it is due; at most a year.
            at: an aware datetime at which it is due; wins over ``delay``.
            key: dedupe key; a second message of this topic with it, within ``dedupe_window`` seconds (or a timedelta),
                is not sent.
            group: the group within which fifo subscriptions keep order.
            priority: higher is sooner.
            connection: a connection of the caller to the same database, of DB-API or psycopg; the message commits
                and rolls back with its transaction.
            session: the same as a ``Session`` or ``AsyncSession`` of SQLAlchemy.

        Raises:
            UnserializablePayload, PayloadTooLarge: nothing was sent.
            UnknownTopic: nobody subscribes to the topic, in strict mode.
            QueueUnavailable: the backend did not answer in time.
        """
        if isinstance(topic, Mapping):
            beside = {"data": data, "delay": delay, "at": at, "key": key, "group": group, "priority": priority}
            lent = {"dedupe_window": dedupe_window, "connection": connection, "session": session}
            return await self.enqueue(**_merged(_from_mapping(topic), beside | lent))
        await self._check(topic, looked_up=connection is None and session is None)
        message = self._message(_traceparent(), topic, data, delay, at, key, group, priority, dedupe_window)
        return (await self._post([message], connection, session))[0]

    async def enqueue_many(self, items: Iterable[Any], *, connection: Any = None, session: Any = None) -> list[Receipt]:
        """Send many messages in one transaction, all or none.

        Args:
            items: ``(topic, data)``, ``(topic, data, options)`` or Motia's mappings.
            connection, session: see ``enqueue``.
        """
        calls = [_call(item) for item in items]
        for topic in {call["topic"] for call in calls}:
            await self._check(topic, looked_up=connection is None and session is None)
        trace = _traceparent()
        messages = [self._message(trace, **_filled(call)) for call in calls]
        return await self._post(messages, connection, session) if messages else []

    async def enqueue_step(self, step: str, data: Any = None, **options: Any) -> Receipt:
        """Send one message to a step, whatever it subscribes to; takes the options of ``enqueue``."""
        lent = options.pop("connection", None), options.pop("session", None)
        message = self._message(_traceparent(), **_filled({"topic": f"{STEP_TOPIC}.{step}", "data": data, **options}))
        return (await self._post([message], *lent))[0]

    def _message(
        self,
        traceparent: str,
        topic: str,
        data: Any,
        delay: float | timedelta,
        at: datetime | None,
        key: str | None,
        group: str | None,
        priority: int,
        dedupe_window: float | timedelta,
    ) -> Message:
        payload = dumps(data, limit=self._payload_limit)
        due = 0.0 if not delay else _seconds("delay", delay)
        window = _seconds("dedupe_window", dedupe_window)
        _check_name("key", key)
        _check_name("group", group)
        if not isinstance(priority, int) or not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
            raise ConfigError(f"priority expected an integer of at most {MAX_PRIORITY}, got {priority!r}")
        return Message(new_id(), topic, payload, traceparent, key, window, group, priority, due, _moment(at))

    async def _post(self, messages: list[Message], connection: Any, session: Any) -> list[Receipt]:
        """Send, and record what the running step has sent."""
        receipts = await self._send(messages, connection, session)
        if (recorded := recording()) is not None:
            for message, receipt in zip(messages, receipts, strict=True):
                recorded.event(
                    "enqueue", "enqueue", message.topic, after=loads(message.payload), fields=_sent(message, receipt)
                )
        return receipts

    async def _send(self, messages: list[Message], connection: Any, session: Any) -> list[Receipt]:
        if connection is None and session is None:
            lent = None if self._outbox is None else joined(self._outbox.database)
            if self._outbox is not None and lent is not None:
                return await self._outbox.put_on(lent, messages)
            return await self._queue.publish(messages)
        native = the_one(connection, session)
        if self._outbox is not None:
            return await self._outbox.put(messages, native)
        if self._database is None:
            raise ConfigError(
                "connection= and session= expected a SQL queue to join, and this app's queue is another system; give "
                "the URL of their database as the setting `outbox` (MOTIA_OUTBOX): messages wait there for a relay"
            )
        return await self._queue.publish(messages, via=adopt(self._database, native))

    async def _check(self, topic: str, *, looked_up: bool) -> None:
        """Whether a topic can be sent to, and is subscribed to; the queue is not asked for what goes to the outbox."""
        if _topic(topic) in self._topics:
            return
        if not (looked_up or self._outbox is None or self._strict) or await self._queue.subscribers(topic):
            return
        if self._strict:
            raise UnknownTopic(
                f"no step subscribes to {topic!r}, so the message would be lost; "
                "mend the topic, deploy its step first, or turn MOTIA_STRICT_TOPICS off"
            )
        if topic not in self._warned and len(self._warned) < MAX_WARNINGS:
            self._warned.add(topic)
            _log.warning("no step subscribes to %r: messages sent to it are dropped", topic)


def _sent(message: Message, receipt: Receipt) -> dict[str, Any]:
    """What is recorded of a message besides its payload."""
    given = {"delay": message.delay, "at": message.at, "group": message.group, "key": message.key}
    found: dict[str, Any] = {
        "message_id": receipt.message_id,
        **{name: value for name, value in given.items() if value},
    }
    return found | {"duplicate": True} if receipt.duplicate else found


def _from_mapping(item: Mapping[str, Any]) -> dict[str, Any]:
    call = read_keys(item, _OPTIONS, "enqueue", aliases=_ALIASES)
    if "topic" not in call:
        raise ConfigError(f"enqueue expected a 'topic' in {dict(item)!r}")
    _topic(call["topic"])
    return call


def _merged(call: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """Motia's form, and what was given beside it."""
    given = {name: value for name, value in beside.items() if value != _DEFAULTS.get(name)}
    if twice := call.keys() & given:
        raise ConfigError(f"enqueue has {', '.join(sorted(twice))} in the mapping and beside it; keep one of them")
    return call | given


def _topic(topic: Any) -> str:
    if not isinstance(topic, str) or not topic or topic.startswith(RESERVED) or len(topic) > 200:
        raise ConfigError(
            f"enqueue expected a topic of 1 to 200 characters that does not start with '$', got {topic!r}"
        )
    return topic


def _call(item: Any) -> dict[str, Any]:
    if isinstance(item, Mapping):
        return _from_mapping(item)
    if isinstance(item, (tuple, list)) and 2 <= len(item) <= 3:
        options = item[2] if len(item) == 3 else {}
        if isinstance(options, Mapping):
            return _from_mapping({**options, "topic": item[0], "data": item[1]})
    raise ConfigError(f"enqueue_many expected (topic, data) or (topic, data, options), got {item!r}")


_DEFAULTS = {
    "data": None,
    "delay": 0.0,
    "at": None,
    "key": None,
    "group": None,
    "priority": 0,
    "dedupe_window": 86_400.0,
}


def _filled(call: Mapping[str, Any]) -> dict[str, Any]:
    read = read_keys(call, (*_DEFAULTS, "topic"), "enqueue", aliases=_ALIASES)
    return {**_DEFAULTS, **read}


def _check_name(what: str, name: Any) -> None:
    if name is not None and not is_name(name):
        raise InvalidName(f"{what} expected text of at most {MAX_NAME} bytes of UTF-8 without NUL, got {name!r}", name)


def _traceparent() -> str:
    return (current_trace() or new_trace()).traceparent


def _seconds(what: str, given: float | timedelta) -> float:
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= MAX_DELAY:
        raise ConfigError(f"{what} expected 0 to {MAX_DELAY:.0f} seconds (a year), got {given!r}")
    return float(seconds)


def _moment(at: datetime | None) -> float | None:
    if at is None:
        return None
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise ConfigError(f"at expected a datetime with a time zone, such as datetime.now(UTC), got {at!r}")
    return at.timestamp()

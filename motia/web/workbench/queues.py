"""Queues and their dead letters: what waits, what failed, and what to do about it.

The backends list dead letters alone: of what waits and runs they tell how much there is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from motia.codec import dumps
from motia.errors import HttpError
from motia.messages import STATE_TOPIC, STEP_TOPIC, STREAM_TOPIC, DeadLetter, Message, SubscriptionStats, new_id
from motia.plans import Plan
from motia.queues.base import DeadQuery
from motia.tracing import new_trace
from motia.web.operations import payload_of, send_to_step, trace_id_of
from motia.web.workbench import models
from motia.web.workbench.asking import Ask, Route
from motia.web.workbench.curtain import Curtain

MAX_BULK = 1000
"""Dead letters that one look reads, and one action takes."""
_NUMBERS = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+", re.IGNORECASE)
_LAST_LINE = re.compile(r"(?:[\w.]+\.)?(\w+)(?:: (.*))?", re.DOTALL)


async def list_queues(ask: Ask) -> list[models.QueueSummary]:
    """The topics; those that are reserved only while something is in them, unless ``all`` is asked for."""
    topics: dict[str, list[SubscriptionStats]] = {}
    for entry in await ask.queue.stats():
        topics.setdefault(entry.topic, []).append(entry)
    found = [_summary(ask, topic, entries) for topic, entries in sorted(topics.items())]
    return [row for row in found if row.kind == "queue" or "all" in ask.query or _holds_something(row.depth)]


def _summary(ask: Ask, topic: str, entries: Sequence[SubscriptionStats]) -> models.QueueSummary:
    plans = ask.motia.registry.plans
    consumers = [_consumer(entry, plans.get(entry.id)) for entry in entries]
    policies = {consumer.policy for consumer in consumers}
    depth = models.Depth(
        ready=sum(consumer.depth.ready for consumer in consumers),
        delayed=sum(consumer.depth.delayed for consumer in consumers),
        running=sum(consumer.depth.running for consumer in consumers),
        dead=sum(consumer.depth.dead for consumer in consumers),
    )
    paused = all(consumer.paused for consumer in consumers)
    policy = policies.pop() if len(policies) == 1 else None
    return models.QueueSummary(topic, _kind(topic), consumers, policy, depth, None, None, paused)


def _consumer(entry: SubscriptionStats, plan: Plan | None) -> models.Consumer:
    depth = models.Depth(entry.ready, entry.scheduled, entry.running, entry.dead)
    concurrency = plan.config.concurrency if plan else None
    step = entry.step or entry.id.partition("#")[0]
    return models.Consumer(step, entry.id, concurrency, policy_of(plan) if plan else None, depth, entry.paused)


def policy_of(plan: Plan) -> models.Policy:
    """How the deliveries of a trigger are tried."""
    config = plan.config
    backoff = f"{config.backoff_type} from {config.backoff_delay_ms:g} ms"
    return models.Policy(config.max_retries, backoff, config.run_limit, config.type == "fifo", config.delay_seconds)


def _holds_something(depth: models.Depth) -> bool:
    return bool(depth.ready or depth.delayed or depth.running or depth.dead)


def _kind(topic: str) -> Any:
    if "#$cron/" in topic:
        return "cron"
    for start, kind in ((STATE_TOPIC, "state"), (STREAM_TOPIC, "stream"), (STEP_TOPIC, "direct")):
        if topic.startswith(start):
            return kind
    return "queue"


async def _entries(ask: Ask) -> list[SubscriptionStats]:
    """The subscriptions of the topic that is asked for.

    Raises:
        HttpError: 404; there is no such topic.
    """
    topic = ask.params["topic"]
    found = [entry for entry in await ask.queue.stats() if entry.topic == topic]
    if not found:
        raise HttpError(404, f"no topic {topic!r}")
    return found


async def _letters(ask: Ask) -> list[DeadLetter]:
    """The newest dead letters of the topic, at most ``MAX_BULK`` of each of its steps."""
    entries = await _entries(ask)
    found: list[DeadLetter] = []
    for step in dict.fromkeys(entry.id.partition("#")[0] for entry in entries if entry.dead):
        found += await ask.queue.dead(DeadQuery(step=step, limit=MAX_BULK))
    topic = ask.params["topic"]
    return sorted((item for item in found if item.topic == topic), key=lambda item: -item.dead_at)


def _chosen(ask: Ask, letters: Sequence[DeadLetter], wanted: Callable[[str], str | None]) -> list[DeadLetter]:
    """Those that a filter is for: ``error`` is a fingerprint or a type, ``q`` a text within."""
    error, step, text = wanted("error"), wanted("step"), (wanted("q") or "").lower()
    return [
        letter
        for letter in letters
        if (error is None or error in {(failure := failure_of(letter)).fingerprint, failure.type})
        and (step is None or letter.step == step)
        and (not text or text in _searched(ask, letter))
    ]


def _searched(ask: Ask, letter: DeadLetter) -> str:
    """What a search looks at: nothing that the caller is not shown."""
    shown = (ask.curtain.text(letter.error or ""), ask.curtain.preview(letter.payload) or "", letter.id)
    return "\n".join(shown).lower()


async def list_messages(ask: Ask) -> models.Page[models.MessageSummary]:
    state = ask.query.get("state", "dead")
    if state != "dead":
        raise HttpError(422, f"queues can list their dead letters, and count the rest; got state={state!r}")
    entries = await _entries(ask)
    letters = _chosen(ask, await _letters(ask), ask.query.get)
    start, limit = ask.number("cursor", 0), ask.limit
    capped = sum(entry.dead for entry in entries) > MAX_BULK and len(letters) >= MAX_BULK
    following = str(start + limit) if len(letters) > start + limit else None
    rows = [_row(ask, letter) for letter in letters[start : start + limit]]
    return models.Page(rows, following, models.Total(len(letters), capped))


async def list_errors(ask: Ask) -> list[models.ErrorGroup]:
    """The newest dead letters by what went wrong, the most frequent first."""
    groups: dict[str, list[models.Failure]] = {}
    for letter in await _letters(ask):
        failure = _shown_failure(ask.curtain, letter)
        groups.setdefault(failure.fingerprint or "", []).append(failure)
    rows = [models.ErrorGroup(name, found[0].type, found[0].message, len(found)) for name, found in groups.items()]
    return sorted(rows, key=lambda row: -row.count)


async def get_message(ask: Ask) -> models.MessageDetail:
    letter = await _one(ask, ask.params["id"])
    row = _row(ask, letter)
    values = {name: getattr(row, name) for name in row.__slots__}
    payload = ask.curtain.value(payload_of(letter))
    failure = _shown_failure(ask.curtain, letter, stack=True)
    return models.MessageDetail(**{**values, "error": failure}, payload=payload, editable=_is_editable(ask, letter))


async def _one(ask: Ask, id: str) -> DeadLetter:
    found = await ask.queue.dead(DeadQuery(ids=[id], limit=1))
    if not found or found[0].topic != ask.params["topic"]:
        raise HttpError(404, f"no dead letter {id!r} in {ask.params['topic']!r}; it may have been redriven")
    return found[0]


def _row(ask: Ask, letter: DeadLetter) -> models.MessageSummary:
    plan = ask.motia.registry.plans.get(letter.subscription)
    return models.MessageSummary(
        id=letter.id,
        state="dead",
        step=letter.step,
        topic=letter.topic,
        at=int(letter.dead_at * 1000),
        run_at=None,
        attempt=letter.attempts,
        max=plan.config.max_retries + 1 if plan else None,
        crashes=letter.crashes,
        reason=letter.reason,
        error=_shown_failure(ask.curtain, letter),
        trace_id=trace_id_of(letter),
        group=None,
        size=len(letter.payload.encode()),
        preview=ask.curtain.preview(letter.payload),
    )


def failure_of(letter: DeadLetter) -> models.Failure:
    """What went wrong with a dead letter, from the last line of its traceback."""
    return failure_in(letter.error or "", letter.reason)


def failure_in(text: str, otherwise: str) -> models.Failure:
    """What a traceback, or a sentence, tells of.

    Args:
        otherwise: the type, where the text names none.
    """
    lines = [line for line in text.strip().splitlines() if line and not line.startswith((" ", "\t"))]
    last = lines[-1] if lines else ""
    found = _LAST_LINE.fullmatch(last) if text.startswith("Traceback") else None
    kind, message = (found[1], found[2] or "") if found else (otherwise, last)
    return models.Failure(kind, message, None, fingerprint(kind, message))


def fingerprint(kind: str, message: str) -> str:
    """Equal for failures that differ by numbers and ids alone."""
    alike = f"{kind}: {_NUMBERS.sub('#', message)[:500]}"
    return hashlib.sha256(alike.encode()).hexdigest()[:12]


def _shown_failure(curtain: Curtain, letter: DeadLetter, *, stack: bool = False) -> models.Failure:
    failure = failure_of(letter)
    text = curtain.text(letter.error) if stack and letter.error else None
    return models.Failure(failure.type, curtain.text(failure.message)[:500], text, failure.fingerprint)


def _is_editable(ask: Ask, letter: DeadLetter) -> bool:
    """Whether what is sent to the step alone arrives as this did."""
    plans = ask.motia.registry.plans
    plan, direct = plans.get(letter.subscription), plans.get(letter.step)
    return plan is not None and plan is direct


async def redrive(ask: Ask) -> models.Done:
    """Run dead letters again: those of ``ids``, or those that ``filter`` is for, or one with another payload."""
    if "edit" in ask.body:
        return await _redrive_edited(ask)
    return await _act(ask, ask.queue.redrive)


async def discard(ask: Ask) -> models.Done:
    return await _act(ask, ask.queue.discard)


async def _act(ask: Ask, act: Callable[[DeadQuery], Any]) -> models.Done:
    ids = ask.given("ids", list)
    if (ids is None) == (ask.given("filter", dict) is None):
        raise HttpError(422, "expected either 'ids' or 'filter' with 'expect'")
    if ids is None:
        ids, left = await _expected(ask)
    else:
        ids, left = await _known(ask, ids), False
    done = 0
    for part in _parts(ids):
        done += await act(DeadQuery(ids=part))
    return models.Done(done, left)


def _parts(ids: Sequence[str], size: int = 200) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


async def _known(ask: Ask, ids: Sequence[Any]) -> list[str]:
    """The ids that are dead letters of this topic."""
    if len(ids) > MAX_BULK or not all(isinstance(id, str) for id in ids):
        raise HttpError(422, f"expected 'ids' to be at most {MAX_BULK} texts")
    found = [letter for part in _parts(list(ids)) for letter in await ask.queue.dead(DeadQuery(ids=part))]
    return [letter.id for letter in found if letter.topic == ask.params["topic"]]


async def _expected(ask: Ask) -> tuple[list[str], bool]:
    """The ids that a filter is for, and whether there may be more of them.

    Raises:
        HttpError: 409; they have grown by more than a tenth since somebody counted them.
    """
    wanted, expect = ask.given("filter", dict), ask.given("expect", int)
    if expect is None:
        raise HttpError(422, "expected 'expect', the number of messages that the filter was seen to match")
    letters = _chosen(ask, await _letters(ask), lambda name: _text_of(wanted, name))
    if len(letters) > expect * 1.1:
        raise HttpError(
            409,
            f"{len(letters)} messages match by now, and {expect} were expected; look again, and then decide",
            code="count_grew",
            details={"count": len(letters)},
        )
    return [letter.id for letter in letters[:MAX_BULK]], len(letters) >= MAX_BULK


def _text_of(wanted: dict[str, Any], name: str) -> str | None:
    value = wanted.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > 200):
        raise HttpError(422, f"expected {name!r} of the filter to be a text of at most 200 characters")
    return value or None


async def _redrive_edited(ask: Ask) -> models.Done:
    """Send a dead letter's message again with another payload, to its step alone; then forget the letter."""
    ids = ask.given("ids", list, [])
    if len(ids) != 1:
        raise HttpError(422, "expected one id to send again with another payload")
    letter = await _one(ask, str(ids[0]))
    if not _is_editable(ask, letter):
        raise HttpError(
            409,
            f"step {letter.step!r} does not get what is sent to it alone as a message of {letter.topic!r}; publish a "
            "new message to the topic instead",
            code="not_editable",
        )
    data = ask.curtain.restored(ask.body["edit"], payload_of(letter))
    plan = ask.motia.registry.plans[letter.subscription]
    if plan.schema is not None:
        plan.schema.from_python(data, f"the payload for step {letter.step!r}")
    # Should forgetting fail, the same edit sent once more within a day is not run twice.
    seal = hashlib.sha256(f"{letter.id} {letter.dead_at} {dumps(data)}".encode()).hexdigest()
    await send_to_step(ask.motia, letter.step, data, key=f"redrive {seal}")
    await ask.queue.discard(DeadQuery(ids=[letter.id]))
    return models.Done(1)


async def publish(ask: Ask) -> models.Sent:
    """Send a message to a topic of the app's own."""
    topic = ask.params["topic"]
    if _kind(topic) != "queue":
        raise HttpError(422, f"{topic!r} is a topic of motia's own; send to one of the app's")
    delay = ask.given("delay_ms", (int, float), 0)
    if not 0 <= delay <= 366 * 86_400_000:
        raise HttpError(422, "expected 'delay_ms' to be 0 to a year")
    await _entries(ask)
    trace = new_trace()
    payload = dumps(ask.body.get("data"), limit=ask.motia.settings.payload_limit)
    message = Message(new_id(), topic, payload, trace.traceparent, group=ask.given("group", str), delay=delay / 1000)
    receipt = (await ask.queue.publish([message]))[0]
    return models.Sent(receipt.message_id, trace.trace_id)


async def pause(ask: Ask) -> models.Done:
    return await _pause(ask, paused=True)


async def resume(ask: Ask) -> models.Done:
    return await _pause(ask, paused=False)


async def _pause(ask: Ask, *, paused: bool) -> models.Done:
    """Pause or resume the steps of a topic. A step pauses as a whole, with its other topics."""
    only = ask.given("step", str)
    steps = {entry.step for entry in await _entries(ask) if entry.step and only in {None, entry.step}}
    if not steps:
        raise HttpError(404, f"no step {only!r} takes {ask.params['topic']!r}")
    for step in sorted(steps):
        await ask.queue.pause(step, paused)
    return models.Done(len(steps))


ROUTES = [
    Route("GET", "queues", list_queues),
    Route("GET", "queues/:topic/messages", list_messages),
    Route("POST", "queues/:topic/messages", publish, "publish", 202),
    Route("GET", "queues/:topic/errors", list_errors),
    Route("GET", "queues/:topic/messages/*id", get_message),
    Route("POST", "queues/:topic/redrive", redrive, "redrive"),
    Route("POST", "queues/:topic/discard", discard, "discard"),
    Route("POST", "queues/:topic/pause", pause, "pause"),
    Route("POST", "queues/:topic/resume", resume, "pause"),
]

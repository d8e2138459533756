"""Queues: what waits, how much of it, and the verbs for it. Their dead letters are in ``letters``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motia.codec import dumps
from motia.errors import HttpError
from motia.messages import STATE_TOPIC, STEP_TOPIC, STREAM_TOPIC, Message, SubscriptionStats, new_id
from motia.plans import Plan
from motia.tracing import new_trace
from motia.web.workbench import models
from motia.web.workbench.asking import Ask, Route


async def list_queues(ask: Ask) -> list[models.QueueSummary]:
    """The topics; those that are reserved only while something is in them, unless ``all`` is asked for."""
    topics: dict[str, list[SubscriptionStats]] = {}
    for entry in await ask.stats():
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
        blocked=sum(consumer.depth.blocked for consumer in consumers),
    )
    paused = all(consumer.paused for consumer in consumers)
    policy = policies.pop() if len(policies) == 1 else None
    return models.QueueSummary(topic, kind_of(topic), consumers, policy, depth, None, None, paused)


def _consumer(entry: SubscriptionStats, plan: Plan | None) -> models.Consumer:
    depth = models.Depth(entry.ready, entry.scheduled, entry.running, entry.dead, entry.blocked)
    concurrency = plan.config.concurrency if plan else None
    step = entry.step or entry.id.partition("#")[0]
    return models.Consumer(step, entry.id, concurrency, policy_of(plan) if plan else None, depth, entry.paused)


def policy_of(plan: Plan) -> models.Policy:
    """How the deliveries of a trigger are tried."""
    config = plan.config
    backoff = f"{config.backoff_type} from {config.backoff_delay_ms:g} ms"
    fifo = config.type == "fifo"
    return models.Policy(config.max_retries, backoff, config.run_limit, fifo, config.delay_seconds, config.on_dead)


def _holds_something(depth: models.Depth) -> bool:
    return bool(depth.ready or depth.delayed or depth.running or depth.dead or depth.blocked)


def kind_of(topic: str) -> Any:
    if "#$cron/" in topic:
        return "cron"
    for start, kind in ((STATE_TOPIC, "state"), (STREAM_TOPIC, "stream"), (STEP_TOPIC, "direct")):
        if topic.startswith(start):
            return kind
    return "queue"


async def entries_of(ask: Ask) -> list[SubscriptionStats]:
    """The subscriptions of the topic that is asked for.

    Raises:
        HttpError: 404; there is no such topic.
    """
    topic = ask.params["topic"]
    found = [entry for entry in await ask.stats() if entry.topic == topic]
    if not found:
        raise HttpError(404, f"no topic {topic!r}")
    return found


async def publish(ask: Ask) -> models.Sent:
    """Send a message to a topic of the app's own."""
    topic = ask.params["topic"]
    if kind_of(topic) != "queue":
        raise HttpError(422, f"{topic!r} is a topic of motia's own; send to one of the app's")
    delay = ask.given("delay_ms", (int, float), 0)
    if not 0 <= delay <= 366 * 86_400_000:
        raise HttpError(422, "expected 'delay_ms' to be 0 to a year")
    await entries_of(ask)
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
    steps = {entry.step for entry in await entries_of(ask) if entry.step and only in {None, entry.step}}
    if not steps:
        raise HttpError(404, f"no step {only!r} takes {ask.params['topic']!r}")
    for step in sorted(steps):
        await ask.queue.pause(step, paused)
    return models.Done(len(steps))


ROUTES = [
    Route("GET", "queues", list_queues),
    Route("POST", "queues/:topic/messages", publish, "publish", 202),
    Route("POST", "queues/:topic/pause", pause, "pause"),
    Route("POST", "queues/:topic/resume", resume, "pause"),
]

"""The tables of queue and state, as models: for migrations, the admin and tests.

Traffic does not go through the ORM: motia's statements run on the same connection, at a third of the cost. Columns and
indexes are those of ``motia.queues.schema`` and ``motia.stores.sql``; a test compares them.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from motia.integrations.django.fields import KeyField, LongField, StateIndex


def _flag() -> Any:
    return models.IntegerField(default=0, db_default=0)


class Subscription(models.Model):
    """The standing wish of a step for messages; written by whoever serves the step."""

    id = KeyField(primary_key=True)
    topic = KeyField()
    step = KeyField()
    scope_group = KeyField(null=True, blank=True)
    scope_key = KeyField(null=True, blank=True)
    fifo = _flag()
    delay: Any = models.FloatField(default=0, db_default=0)
    concurrency: Any = models.IntegerField(null=True, blank=True)
    timeout: Any = models.FloatField(default=900, db_default=900)
    paused = _flag()
    blocks = _flag()

    class Meta:
        db_table = "motia_subscription"
        indexes = (models.Index(fields=["topic"], name="motia_subscription_topic"),)

    def __str__(self) -> str:
        return str(self.id)


class Delivery(models.Model):
    """A message on its way to one subscription."""

    seq: Any = models.BigAutoField(primary_key=True)
    message_id = KeyField()
    subscription_id = KeyField()
    topic = KeyField()
    payload = LongField()
    traceparent = KeyField()
    state = KeyField()
    priority: Any = models.IntegerField(default=0, db_default=0)
    fifo_key = KeyField(null=True, blank=True)
    due_at: Any = models.FloatField()
    created_at: Any = models.FloatField()
    attempt: Any = models.IntegerField(default=0, db_default=0)
    crashes: Any = models.IntegerField(default=0, db_default=0)
    token: Any = models.IntegerField(default=0, db_default=0)
    owner = KeyField(null=True, blank=True)
    boot = KeyField(null=True, blank=True)
    lease_until: Any = models.FloatField(null=True, blank=True)
    deadline: Any = models.FloatField(null=True, blank=True)
    cancel_requested = _flag()
    reason = KeyField(null=True, blank=True)
    error = LongField(null=True, blank=True)
    dead_at: Any = models.FloatField(null=True, blank=True)
    parked_at: Any = models.FloatField(null=True, blank=True)

    class Meta:
        db_table = "motia_delivery"
        verbose_name_plural = "deliveries"
        constraints = (
            models.UniqueConstraint(fields=["message_id", "subscription_id"], name="motia_delivery_message"),
        )
        indexes = (
            StateIndex(
                fields=["subscription_id", "-priority", "seq"],
                name="motia_delivery_ready",
                condition=models.Q(state="ready"),
            ),
            StateIndex(
                fields=["subscription_id", "crashes", "-priority", "seq"],
                name="motia_delivery_suspect",
                condition=models.Q(state="suspect"),
            ),
            StateIndex(fields=["due_at"], name="motia_delivery_due", condition=models.Q(state="scheduled")),
            StateIndex(
                fields=["subscription_id", "owner"], name="motia_delivery_running", condition=models.Q(state="running")
            ),
            StateIndex(fields=["dead_at"], name="motia_delivery_dead", condition=models.Q(state="dead")),
            StateIndex(
                fields=["subscription_id", "fifo_key", "seq"],
                name="motia_delivery_fifo",
                condition=models.Q(fifo_key__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.message_id}:{self.subscription_id}"


class DeadLetter(Delivery):
    """A delivery that was given up, in the admin."""

    class Meta:
        proxy = True
        verbose_name = "dead letter"


class Dedupe(models.Model):
    """A dedupe key and the message that had it first."""

    pk = models.CompositePrimaryKey("topic", "dedupe_key")
    topic = KeyField()
    dedupe_key = KeyField()
    message_id = KeyField()
    expires_at: Any = models.FloatField()

    class Meta:
        db_table = "motia_dedupe"

    def __str__(self) -> str:
        return f"{self.topic} {self.dedupe_key}"


class Schedule(models.Model):
    """When a cron trigger fired last."""

    id = KeyField(primary_key=True)
    last_tick: Any = models.FloatField()
    paused = _flag()

    class Meta:
        db_table = "motia_schedule"

    def __str__(self) -> str:
        return str(self.id)


class StateValue(models.Model):
    """A value of ``ctx.state``."""

    seq: Any = models.BigAutoField(primary_key=True)
    group_id = KeyField()
    item_key = KeyField()
    value = LongField()
    expires_at: Any = models.FloatField(null=True, blank=True)

    class Meta:
        db_table = "motia_state"
        constraints = (models.UniqueConstraint(fields=["group_id", "item_key"], name="motia_state_key"),)
        indexes = (
            StateIndex(fields=["expires_at"], name="motia_state_expiry", condition=models.Q(expires_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.group_id} {self.item_key}"


class StreamItem(models.Model):
    """An item of a stream."""

    seq: Any = models.BigAutoField(primary_key=True)
    group_id = KeyField()
    item_key = KeyField()
    value = LongField()
    expires_at: Any = models.FloatField(null=True, blank=True)

    class Meta:
        db_table = "motia_stream_item"
        constraints = (models.UniqueConstraint(fields=["group_id", "item_key"], name="motia_stream_item_key"),)
        indexes = (
            StateIndex(
                fields=["expires_at"], name="motia_stream_item_expiry", condition=models.Q(expires_at__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return f"{self.group_id} {self.item_key}"


class StreamHead(models.Model):
    """How far a stream has got."""

    stream = KeyField(primary_key=True)
    seq: Any = models.BigIntegerField()
    stamp: Any = models.FloatField()
    born: Any = models.FloatField()

    class Meta:
        db_table = "motia_stream_head"

    def __str__(self) -> str:
        return str(self.stream)


class StreamEntry(models.Model):
    """A change of a stream, for clients that come back."""

    pk = models.CompositePrimaryKey("stream", "seq")
    stream = KeyField()
    seq: Any = models.BigIntegerField()
    stamp: Any = models.FloatField()
    group_id = KeyField()
    item_id = KeyField(null=True, blank=True)
    kind = KeyField()
    data = LongField()

    class Meta:
        db_table = "motia_stream_log"
        indexes = (models.Index(fields=["stamp"], name="motia_stream_log_age"),)

    def __str__(self) -> str:
        return f"{self.stream} {self.seq}"


class OutboxMessage(models.Model):
    """A message that waits for its way to a queue which is elsewhere."""

    seq: Any = models.BigAutoField(primary_key=True)
    message_id = KeyField()
    payload = LongField()
    created_at: Any = models.FloatField()

    class Meta:
        db_table = "motia_outbox"

    def __str__(self) -> str:
        return str(self.message_id)


class Relay(models.Model):
    """Which worker brings the messages of the outbox on their way."""

    id = KeyField(primary_key=True)
    owner = KeyField()
    lease_until: Any = models.FloatField()

    class Meta:
        db_table = "motia_relay"

    def __str__(self) -> str:
        return str(self.id)


class Handled(models.Model):
    """A delivery whose own transaction has committed, though its queue is elsewhere and may not know yet."""

    delivery_id = KeyField(primary_key=True)
    token: Any = models.IntegerField()
    handled_at: Any = models.FloatField()

    class Meta:
        db_table = "motia_handled"
        indexes = (models.Index(fields=["handled_at"], name="motia_handled_age"),)

    def __str__(self) -> str:
        return str(self.delivery_id)


class TraceHead(models.Model):
    """How far the records of traces have got."""

    id = KeyField(primary_key=True)
    seq: Any = models.BigIntegerField()
    pruned: Any = models.BigIntegerField()

    class Meta:
        db_table = "motia_trace_head"

    def __str__(self) -> str:
        return str(self.id)


class Trace(models.Model):
    """What one request, tick or message set off."""

    trace_id = KeyField(primary_key=True)
    start_us: Any = models.BigIntegerField()
    duration_us: Any = models.BigIntegerField(null=True, blank=True)
    kind = KeyField()
    status = KeyField()
    spans: Any = models.IntegerField()
    events: Any = models.IntegerField()
    words = LongField()
    data = LongField()

    class Meta:
        db_table = "motia_trace"
        indexes = (models.Index(fields=["start_us", "trace_id"], name="motia_trace_start"),)

    def __str__(self) -> str:
        return str(self.trace_id)


class Span(models.Model):
    """A recorded run of a step."""

    pk = models.CompositePrimaryKey("trace_id", "span_id")
    trace_id = KeyField()
    span_id = KeyField()
    seq: Any = models.BigIntegerField()
    step = KeyField()
    status = KeyField()
    start_us: Any = models.BigIntegerField()
    duration_us: Any = models.BigIntegerField(null=True, blank=True)
    brief = LongField()
    body = LongField()

    class Meta:
        db_table = "motia_span"
        indexes = (
            models.Index(fields=["seq"], name="motia_span_seq"),
            models.Index(fields=["start_us"], name="motia_span_start"),
        )

    def __str__(self) -> str:
        return f"{self.trace_id} {self.span_id}"


class Event(models.Model):
    """Something that happened within a recorded run."""

    seq: Any = models.BigIntegerField(primary_key=True)
    trace_id = KeyField()
    span_id = KeyField()
    step = KeyField()
    at_us: Any = models.BigIntegerField()
    type = KeyField()
    severity: Any = models.IntegerField()
    target = KeyField(null=True, blank=True)
    message = LongField(null=True, blank=True)
    data = LongField()

    class Meta:
        db_table = "motia_event"
        indexes = (
            models.Index(fields=["trace_id", "at_us"], name="motia_event_trace"),
            models.Index(fields=["type", "at_us", "seq"], name="motia_event_time"),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.seq}"


class Lock(models.Model):
    """Rows to lock on MySQL, whose own locks do not end with a transaction."""

    slot: Any = models.IntegerField(primary_key=True)

    class Meta:
        db_table = "motia_lock"

    def __str__(self) -> str:
        return str(self.slot)

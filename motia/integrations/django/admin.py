"""The admin: what is on its way, what was given up, and when schedules fire. What workers write is read-only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import F, Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.timezone import localtime

from motia.concurrency import drive
from motia.integrations.django.models import DeadLetter, Delivery, Schedule, StateValue, Subscription
from motia.integrations.django.project import current_motia
from motia.integrations.django.queue import DjangoQueue
from motia.queues.base import DeadQuery
from motia.tracing import traceparent_of

ACTION_LIMIT = 10_000


def _moment(column: str, title: str) -> Any:
    """A column of a time, which the tables keep in seconds."""

    @admin.display(description=title, ordering=column)
    def shown(self: Any, row: Any) -> str:
        seconds = getattr(row, column)
        return "-" if seconds is None else localtime(datetime.fromtimestamp(seconds, UTC)).isoformat(" ", "seconds")

    return shown


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Shows rows and changes none."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).using(_alias())


class StepFilter(admin.SimpleListFilter):
    """By step, without a scan of all deliveries."""

    title = "step"
    parameter_name = "step"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        steps = Subscription.objects.using(_alias()).values_list("step", flat=True).distinct()
        return [(step, step) for step in sorted(set(steps))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        ids = Subscription.objects.using(_alias()).filter(step=self.value()).values_list("id", flat=True)
        return queryset.filter(subscription_id__in=list(ids))


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    """Messages on their way, one row per subscription."""

    list_display = ("message_id", "step", "topic", "state", "attempt", "due", "created", "trace_id")
    list_filter = cast(Any, ("state", StepFilter, "topic"))
    search_fields = ("=message_id", "=topic", "traceparent")
    ordering = ("-seq",)
    readonly_fields = ("step", "trace_id", "due", "created", "content", "trace")
    exclude = ("payload", "error", "traceparent", "due_at", "created_at")
    due, created = _moment("due_at", "due"), _moment("created_at", "sent")

    @admin.display(description="step", ordering="subscription_id")
    def step(self, row: Delivery) -> str:
        return str(row.subscription_id).partition("#")[0]

    @admin.display(description="trace id")
    def trace_id(self, row: Delivery) -> str:
        trace = traceparent_of(row.traceparent)
        return trace.trace_id if trace else "-"

    @admin.display(description="payload")
    def content(self, row: Delivery) -> str:
        return format_html("<pre>{}</pre>", _pretty(row.payload))

    @admin.display(description="error")
    def trace(self, row: Delivery) -> str:
        return format_html("<pre>{}</pre>", row.error or "-")


@admin.register(DeadLetter)
class DeadLetterAdmin(DeliveryAdmin):
    """Deliveries that were given up, to be sent again or forgotten."""

    list_display = ("message_id", "step", "topic", "reason", "attempt", "crashes", "died", "trace_id")
    list_filter = cast(Any, (StepFilter, "reason", "topic"))
    actions = ("redrive", "discard")
    died = _moment("dead_at", "given up")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(state="dead").order_by(F("dead_at").desc())

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        """Whoever may change dead letters may do so."""
        return bool(cast(Any, request.user).has_perm("motia.change_deadletter"))

    def has_discard_permission(self, request: HttpRequest) -> bool:
        return bool(cast(Any, request.user).has_perm("motia.delete_deadletter"))

    @admin.action(description="Redrive: run them again", permissions=["redrive"])
    def redrive(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = drive(_queue().redrive(_chosen(queryset)))
        self.message_user(request, f"{count} dead letters run again.", messages.SUCCESS)

    @admin.action(description="Discard: forget them", permissions=["discard"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = drive(_queue().discard(_chosen(queryset)))
        self.message_user(request, f"{count} dead letters discarded.", messages.SUCCESS)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnly):
    """When schedules fired last; they can be paused and resumed."""

    list_display = ("id", "last", "next", "is_paused")
    actions = ("pause", "resume")
    last = _moment("last_tick", "last tick")

    @admin.display(description="next tick")
    def next(self, row: Schedule) -> str:
        plan = current_motia().registry.schedules.get(row.id)
        following = plan.schedule.next_after(row.last_tick) if plan and plan.schedule and not row.paused else None
        return localtime(following).isoformat(" ", "seconds") if following else "-"

    @admin.display(description="paused", boolean=True)
    def is_paused(self, row: Schedule) -> bool:
        return bool(row.paused)

    def has_pause_permission(self, request: HttpRequest) -> bool:
        """Whoever may change schedules may do so."""
        return bool(cast(Any, request.user).has_perm("motia.change_schedule"))

    @admin.action(description="Pause", permissions=["pause"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._set(request, queryset, paused=True)

    @admin.action(description="Resume", permissions=["pause"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._set(request, queryset, paused=False)

    def _set(self, request: HttpRequest, queryset: QuerySet[Any], *, paused: bool) -> None:
        now = current_motia().running.clock.now()
        for row in queryset:
            drive(_queue().pause_schedule(row.id, paused, now))
        self.message_user(request, f"{len(queryset)} schedules {'paused' if paused else 'resumed'}.", messages.SUCCESS)


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnly):
    """Which step wants which topic."""

    list_display = ("id", "topic", "step", "concurrency", "paused")
    list_filter = ("step",)
    search_fields = ("topic", "step")


@admin.register(StateValue)
class StateAdmin(ReadOnly):
    """Values of ``ctx.state``."""

    list_display = ("group_id", "item_key", "value")
    list_filter = ("group_id",)
    search_fields = ("=group_id", "=item_key")


def _alias() -> str:
    """The database of the queue; the default one where the queue is elsewhere."""
    queue = _queue()
    return queue.alias if isinstance(queue, DjangoQueue) else "default"


def _queue() -> Any:
    return current_motia().running.backend.blocking.queue


def _chosen(queryset: QuerySet[Any]) -> DeadQuery:
    """The letters of a queryset, with its filters applied: all that match where all were selected."""
    rows = queryset.values_list("message_id", "subscription_id")[:ACTION_LIMIT]
    return DeadQuery(ids=[f"{message}:{subscription}" for message, subscription in rows], limit=ACTION_LIMIT)


def _pretty(payload: str) -> str:
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except ValueError:
        return payload

"""All steps of an app, checked once and frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from motia.binding import bind
from motia.errors import ConfigError, RegistrationError, UnknownStep, did_you_mean
from motia.messages import RENAMED_TOPIC, Subscription
from motia.plans import Plan, bare_plan, direct_subscription, inherited, make_plan, schedule_id, subscription_of
from motia.steps import Step, StepName, name_of
from motia.triggers import HttpTrigger, QueueTrigger


@dataclass(frozen=True)
class Registry:
    """The steps of an app and how each of their triggers is run.

    Attributes:
        steps: by name, in the order of registration.
        plans: by subscription id, for the worker.
        http: the plans of all http triggers.
        schedules: the plans of all cron triggers, by schedule id.
        by_step: the plans of each step, in the order of its triggers.
        subscriptions: what the backend must know.
    """

    steps: Mapping[str, Step[..., Any]]
    plans: Mapping[str, Plan]
    http: Sequence[Plan]
    schedules: Mapping[str, Plan]
    by_step: Mapping[str, Sequence[Plan]]
    subscriptions: Sequence[Subscription]

    @property
    def topics(self) -> frozenset[str]:
        """Every topic a step subscribes to."""
        return frozenset(item.topic for item in self.subscriptions) - {RENAMED_TOPIC}

    @property
    def names(self) -> frozenset[str]:
        """The names of the steps, and those that they had before."""
        return frozenset(self.steps).union(*(step.config.aliases for step in self.steps.values()))

    def plan_of(self, step: StepName, trigger: str | None = None) -> Plan:
        """The plan by which ``invoke`` runs a step: its queue trigger if it has one, else its first.

        Raises:
            UnknownStep: no step of this app has this name, or it has no trigger of this type.
        """
        name = name_of(step)
        plans = self.by_step.get(name)
        if not plans:
            raise UnknownStep(f"no step {name!r} in this app; {did_you_mean(name, list(self.by_step))}")
        kinds = [plan.trigger.type if plan.trigger else "none" for plan in plans]
        if trigger is not None:
            if trigger not in kinds:
                raise UnknownStep(f"step {name!r} has no {trigger} trigger, only {', '.join(kinds)}")
            return plans[kinds.index(trigger)]
        return plans[kinds.index("queue")] if "queue" in kinds else plans[0]


def build_registry(steps: Iterable[Step[..., Any]], timezone: str = "UTC") -> Registry:
    """Check all steps and make every choice that does not depend on a request.

    Raises:
        RegistrationError: lists all that is wrong: equal names, colliding routes, bad expressions and schemas,
            handlers that cannot be called.
    """
    return _Builder(timezone).build(steps)


class _Builder:
    def __init__(self, timezone: str) -> None:
        self._timezone = timezone
        self.problems: list[str] = []
        self.steps: dict[str, Step[..., Any]] = {}
        self.by_step: dict[str, list[Plan]] = {}

    def build(self, steps: Iterable[Step[..., Any]]) -> Registry:
        for step in steps:
            known = self.steps.get(step.name)
            if known is None:
                self.steps[step.name] = step
                self.by_step[step.name] = self._plans(step)
            elif known is not step:
                self.problems.append(f"two steps are named {step.name!r}: {known.source} and {step.source}; rename one")
        plans = [plan for group in self.by_step.values() for plan in group]
        http = [plan for plan in plans if isinstance(plan.trigger, HttpTrigger)]
        self._check_routes(http)
        self._check_aliases()
        if self.problems:
            raise RegistrationError(self.problems)
        return self._registry(plans, http)

    def _plans(self, step: Step[..., Any]) -> list[Plan]:
        found = []
        try:
            own = bind(step.handler)
            handlers = [step.handler_for(trigger.type) for trigger in step.config.triggers]
            bindings = [own if handler is step.handler else bind(handler) for handler in handlers]
        except ConfigError as error:
            self.problems.append(f"step {step.name!r} ({step.source}): {error}")
            return []
        for index, binding in enumerate(bindings):
            try:
                found.append(make_plan(step, index, binding, self._timezone))
            except ConfigError as error:
                self.problems.append(f"step {step.name!r} ({step.source}), trigger {index}: {error}")
        return found or [bare_plan(step, own)]

    def _check_aliases(self) -> None:
        taken = dict(self.steps)
        for step in self.steps.values():
            for alias in step.config.aliases:
                other = taken.setdefault(alias, step)
                if other is not step or alias == step.name:
                    self.problems.append(
                        f"step {step.name!r} ({step.source}) has the alias {alias!r}, which is the name of "
                        f"{other.name!r} ({other.source}); an alias is a name that no step has any more"
                    )

    def _check_routes(self, plans: Sequence[Plan]) -> None:
        taken: dict[tuple[str, str], Plan] = {}
        for plan in plans:
            trigger = plan.trigger
            if not isinstance(trigger, HttpTrigger) or plan.path is None:
                continue
            other = taken.setdefault((trigger.method, plan.path.shape), plan)
            if other is not plan:
                self.problems.append(
                    f"two steps answer {trigger.method} {trigger.path}: {other.name!r} ({other.step.source}) and "
                    f"{plan.name!r} ({plan.step.source}); change one path or method"
                )

    def _registry(self, plans: Sequence[Plan], http: Sequence[Plan]) -> Registry:
        by_id: dict[str, Plan] = {}
        subscriptions: list[Subscription] = []
        for plan in plans:
            wish = subscription_of(plan)
            if wish is None:
                continue
            if wish.id in by_id:
                self.problems.append(f"step {plan.name!r} ({plan.step.source}) has the trigger {wish.id!r} twice")
            by_id[wish.id] = plan
            subscriptions.append(wish)
        if self.problems:
            raise RegistrationError(self.problems)
        for group in self.by_step.values():
            plan = next((plan for plan in group if isinstance(plan.trigger, QueueTrigger)), group[0])
            direct = direct_subscription(plan)
            by_id[direct.id] = plan
            subscriptions.append(direct)
        for wish in list(subscriptions):
            for alias in self.steps[wish.step].config.aliases:
                old = inherited(wish, alias)
                by_id[old.id] = by_id[wish.id]
                subscriptions.append(old)
        schedules = {schedule_id(plan): plan for plan in plans if plan.schedule is not None}
        return Registry(self.steps, by_id, http, schedules, self.by_step, subscriptions)

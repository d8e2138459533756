"""The first page: who asks, how the app is, and what is wrong with it."""

from __future__ import annotations

import time
import weakref
from functools import partial

from motia.app import Motia
from motia.registry import Registry
from motia.version import __version__
from motia.web.checking import Fault, orphans, written_problems
from motia.web.operations import schedules_of
from motia.web.workbench import models
from motia.web.workbench.asking import Ask, Route
from motia.web.workbench.counting import counted, metrics
from motia.web.workbench.traces import failures_of

POLL_MS = 1000
_written: weakref.WeakKeyDictionary[Motia, tuple[Registry, list[Fault]]] = weakref.WeakKeyDictionary()


async def session(ask: Ask) -> models.Session:
    settings, host = ask.motia.settings, ask.visit
    token = host.csrf
    return models.Session(
        app=models.AppFacts(ask.site.name, None, settings.env, __version__),
        user=ask.caller.name,
        can=sorted(ask.caller.rights),
        csrf=models.Token(*token) if token else None,
        live=models.Live("poll" if host.inline else "sse", POLL_MS),
        stores={**ask.motia.running.schemes, "trace": ask.motia.running.schemes["queue"] if ask.traces else None},
        retention={"days": settings.traces_keep, "traces": settings.traces_limit} if ask.traces else {},
        warnings=list(_warnings(ask)),
    )


def _warnings(ask: Ask) -> list[str]:
    found = []
    if ask.motia.running.recorder is None:
        found.append("This process does not record what runs in it; MOTIA_TRACES=true does.")
    if not ask.queue.capabilities.durable:
        found.append("Messages are kept in memory: they end with the process, and other processes see none of them.")
    return found


async def overview(ask: Ask) -> models.Overview:
    stats = await ask.stats()
    name, seconds = ask.range
    return models.Overview(
        totals=(await counted(ask, seconds)).totals(name),
        dead=sum(entry.dead for entry in stats),
        ready=sum(entry.ready for entry in stats),
        oldest_ready_ms=None,
        late_schedules=sum(facts.late for facts in await schedules_of(ask.motia)),
        failures=await failures_of(ask, int((time.time() - seconds) * 1_000_000)),
        problems=await problems_of(ask),
    )


async def problems_of(ask: Ask) -> list[models.ProblemFound]:
    """What is wrong with the app; its files are read once."""
    motia = ask.motia
    known = _written.get(motia)
    if known is None or known[0] is not motia.registry:
        found = await motia.running.threads.run(partial(written_problems, motia))
        known = _written[motia] = motia.registry, found
    return [_shown(fault) for fault in [*known[1], *orphans(motia, await ask.stats())]]


def _shown(fault: Fault) -> models.ProblemFound:
    file = models.File(fault.file, fault.line) if fault.file else None
    return models.ProblemFound(fault.code, fault.detail, fault.step, fault.topic, file)


async def search(ask: Ask) -> list[models.Hit]:
    """What is named like a text: steps, topics, flows, endpoints."""
    text = ask.query.get("q", "").lower()
    if not text:
        return []
    registry = ask.motia.registry
    flows = {name for step in ask.motia.steps for name in step.config.flows}
    topics = {item.topic for item in registry.subscriptions if "$" not in item.topic}
    hits = [
        *(models.Hit("flow", name, name, f"flows/{name}") for name in sorted(flows)),
        *(models.Hit("step", name, name, f"steps/{name}") for name in registry.steps),
        *(models.Hit("queue", topic, topic, f"queues/{topic}") for topic in sorted(topics)),
    ]
    return [hit for hit in hits if text in hit.label.lower()][: ask.limit]


ROUTES = [
    Route("GET", "session", session),
    Route("GET", "overview", overview),
    Route("GET", "metrics", metrics),
    Route("GET", "search", search),
]

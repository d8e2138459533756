"""The arrows of a flow: what its steps declare, and beside it what recorded runs really did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from motia.codec import dumps
from motia.messages import STEP_TOPIC
from motia.traces.base import Link
from motia.web.graph import Edge, Flow
from motia.web.workbench import models


def edges_of(flow: Flow, links: Sequence[Link] | None) -> list[models.FlowEdge]:
    """Every arrow between the nodes of a flow, the declared ones first.

    Args:
        links: what was recorded; None where nothing is.
    """
    steps = {node.id for node in flow.nodes}
    inside = [link for link in links or () if link.source in steps and link.target in steps]
    counts = None if links is None else _counted(inside)
    declared = [_declared(edge, counts) for edge in flow.whole().edges]
    return declared + [_observed(link) for link in inside]


def _counted(links: Sequence[Link]) -> Counter[tuple[str, str, str]]:
    """How often each declared arrow was gone: between two steps by a topic, or from a place to a step."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for link in links:
        is_change = link.kind in {"state", "stream"}
        counts[f"${link.name}" if is_change else link.source, link.target, link.name] += link.times
    return counts


def _declared(edge: Edge, counts: Counter[tuple[str, str, str]] | None) -> models.FlowEdge:
    kind = "queue" if edge.variant == "event" else edge.variant
    return models.FlowEdge(
        id=_id(kind, edge.source, edge.target, edge.topic, edge.label),
        source=edge.source,
        target=edge.target,
        kind=kind,  # type: ignore[arg-type]  # the variants of an edge are these
        label=edge.label,
        topic=edge.topic,
        conditional=edge.conditional,
        count=None if counts is None or kind == "virtual" else counts[edge.source, edge.target, edge.topic],
    )


def _observed(link: Link) -> models.FlowEdge:
    is_direct = link.kind == "invoke" or (link.topic or "").startswith(STEP_TOPIC)
    return models.FlowEdge(
        id=_id("observed", link.source, link.target, link.kind, link.name),
        source=link.source,
        target=link.target,
        kind="observed",
        label=("invoke" if link.kind == "invoke" else "direct") if is_direct else link.name,
        topic=None if is_direct else link.name,
        conditional=False,
        count=link.times,
        via=link.kind,
    )


def _id(*parts: str) -> str:
    """Its own for every arrow, whatever the names hold: two topics between two steps are two arrows."""
    return dumps(parts)

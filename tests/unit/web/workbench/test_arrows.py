from __future__ import annotations

from collections.abc import Sequence

from motia import Step, http, queue, state, step, stream
from motia.traces.base import Link
from motia.web.graph import flows_of
from motia.web.workbench.arrows import edges_of
from motia.web.workbench.models import FlowEdge


async def run() -> None: ...


def made(name: str, *triggers: object, **declared: object) -> Step[..., object]:
    return step({"name": name, "triggers": list(triggers), "flows": ["f"], **declared}, run)


STEPS = [
    made("create", http("POST", "/orders"), enqueues=["created", {"topic": "odd one"}]),
    made("bill", queue("created"), queue("odd one")),
    made("count", state(group="orders"), state(group="orders", key="last", condition=lambda change: True)),
    made("show", stream("live", group_id="all")),
]
LINKS = [
    Link("create", "bill", "queue", "created", "created", 7),
    Link("create", "count", "state", "state orders/*", "$state", 5),
    Link("bill", "count", "state", "state orders/*", "$state", 2),
    Link("bill", "show", "stream", "stream live/all/*", "$stream.live", 3),
    Link("bill", "create", "invoke", "invoke create", None, 4),
    Link("create", "bill", "queue", "step bill", "$step.bill", 1),
    Link("create", "elsewhere", "queue", "created", "created", 9),
]


def shown(links: Sequence[Link] | None) -> list[FlowEdge]:
    return edges_of(flows_of(STEPS)[0], links)


def test_what_is_declared_tells_how_often_it_was_seen() -> None:
    declared = [edge for edge in shown(LINKS) if edge.kind != "observed"]
    assert [(edge.source, edge.target, edge.kind, edge.topic, edge.conditional, edge.count) for edge in declared] == [
        ("create", "bill", "queue", "created", False, 7),
        ("create", "bill", "queue", "odd one", False, 0),
        ("$state orders/*", "count", "state", "state orders/*", False, 7),
        ("$state orders/last", "count", "state", "state orders/last", True, 0),
        ("$stream live/all/*", "show", "stream", "stream live/all/*", False, 3),
    ]


def test_what_was_seen_is_drawn_within_the_flow_declared_or_not() -> None:
    seen = [edge for edge in shown(LINKS) if edge.kind == "observed"]
    assert [(edge.source, edge.target, edge.via, edge.label, edge.topic, edge.count) for edge in seen] == [
        ("create", "bill", "queue", "created", "created", 7),
        ("create", "count", "state", "state orders/*", "state orders/*", 5),
        ("bill", "count", "state", "state orders/*", "state orders/*", 2),
        ("bill", "show", "stream", "stream live/all/*", "stream live/all/*", 3),
        ("bill", "create", "invoke", "invoke", None, 4),
        ("create", "bill", "queue", "direct", None, 1),
    ]


def test_without_records_nobody_says_never() -> None:
    assert {(edge.kind == "observed", edge.count) for edge in shown(None)} == {(False, None)}


def test_no_two_arrows_have_one_id() -> None:
    awkward = [
        made("a", http("GET", "/"), enqueues=["b c", "d", {"topic": "d", "label": "again", "conditional": True}],
             virtualEnqueues=["d"]),
        made("a b", http("GET", "/b"), enqueues=["c"]),
        made("x", queue("b c"), queue("c"), queue("d")),
    ]  # fmt: skip
    links = [Link("a", "x", "queue", "d", "d", 1), Link("a", "x", "invoke", "d", None, 1)]
    ids = [edge.id for edge in edges_of(flows_of(awkward)[0], links)]
    assert len(ids) == len(set(ids)) == 7

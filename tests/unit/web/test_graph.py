from __future__ import annotations

import re
from xml.etree import ElementTree

from motia import Step, cron, http, queue, state, step, stream
from motia.web.drawing import columns, svg
from motia.web.graph import Flow, flows_of, mermaid


async def run() -> None: ...


def made(name: str, *triggers: object, **declared: object) -> Step[..., object]:
    return step({"name": name, "triggers": list(triggers), **declared}, run)


ORDERS = [
    made("create", http("POST", "/orders"), flows=["orders"], enqueues=[
        {"topic": "created", "label": "accepted"}, {"topic": "refused", "conditional": True},
    ], virtualEnqueues=["/approve"]),
    made("bill", queue("created"), queue("again"), flows=["orders", "money"], enqueues=["again"]),
    made("tell", queue("refused"), flows=["orders"]),
    made("person", flows=["orders"], virtualSubscribes=["/approve"]),
    made("nightly", cron("0 3 * * *"), enqueues=["created"]),
]  # fmt: skip


def edges(flow: Flow) -> list[tuple[str, str, str, str, bool]]:
    return [(edge.source, edge.target, edge.label, edge.variant, edge.conditional) for edge in flow.edges]


def test_edges_are_labelled_conditional_and_virtual_and_stay_in_their_flow() -> None:
    orders, money, rest = flows_of(ORDERS)
    assert edges(orders) == [
        ("create", "bill", "accepted", "event", False),
        ("create", "tell", "refused", "event", True),
        ("create", "person", "/approve", "virtual", False),
        ("bill", "bill", "again", "event", False),
    ]
    assert edges(money) == [("bill", "bill", "again", "event", False)]
    assert (rest.name, [node.name for node in rest.nodes], rest.edges) == ("steps", ["nightly"], [])
    assert orders.as_dict()["nodes"][0]["triggers"] == ["POST /orders"]


def test_mermaid() -> None:
    text = mermaid(flows_of(ORDERS)[:1])
    assert (
        text
        == """flowchart LR
  subgraph f0["orders"]
    f0n0(["create<br/>POST /orders"])
    f0n1["bill<br/>queue created<br/>queue again"]
    f0n2["tell<br/>queue refused"]
    f0n3[["person"]]
    f0n0 -->|"accepted"| f0n1
    f0n0 -.->|"refused"| f0n2
    f0n0 -.->|"/approve"| f0n3
    f0n1 -->|"again"| f0n1
  end
  linkStyle 2 stroke:#999,stroke-dasharray:2 4,color:#999
"""
    )


LISTENING = [
    made("count", state(group="orders"), flows=["orders"]),
    made("rank", state(group="orders"), stream("live", item_id="top", condition=lambda: True), flows=["orders"]),
    made("other", state(key="last"), flows=["rest"]),
]


def test_triggers_of_state_and_streams_have_arrows_from_what_they_listen_to() -> None:
    orders, rest = flows_of(LISTENING)
    assert [(node.id, node.name, node.kind) for node in orders.sources] == [
        ("$state orders/*", "state orders/*", "state-source"),
        ("$stream live/*/top", "stream live/*/top", "stream-source"),
    ]
    assert [(edge.source, edge.target, edge.variant, edge.conditional) for edge in orders.changes] == [
        ("$state orders/*", "count", "state", False),
        ("$state orders/*", "rank", "state", False),
        ("$stream live/*/top", "rank", "stream", True),
    ]
    assert ([node.name for node in orders.nodes], list(orders.edges)) == (["count", "rank"], [])
    assert [node.name for node in rest.whole().nodes] == ["state */last", "other"]
    text = mermaid([orders])
    assert '    f0n0[("state orders/*")]\n' in text
    assert '    f0n1 -.->|"changes"| f0n3\n' in text
    picture = svg([orders])
    assert (picture.count('class="e '), picture.count(">state orders/*<")) == (3, 3)


def test_names_cannot_break_out_of_a_diagram() -> None:
    evil = '"]<script>alert(1)</script>\n --> x'
    flows = flows_of([made(evil, http("GET", "/a"), flows=[evil], enqueues=[{"topic": "t", "label": evil}]),
                      made("b", queue("t"), flows=[evil])])  # fmt: skip
    assert "<script" not in mermaid(flows)
    assert mermaid(flows).count("\n") == len(["flowchart", "subgraph", "a", "b", "edge", "end"])
    assert "<script" not in svg(flows)
    ElementTree.fromstring(svg(flows))


def test_svg_draws_every_node_and_edge() -> None:
    picture = svg(flows_of(ORDERS))
    root = ElementTree.fromstring(picture)
    names = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"orders", "money", "steps", "create", "bill", "tell", "person", "nightly", "accepted"} <= set(names)
    assert len(re.findall('class="e ?"', picture)) == 3
    assert (picture.count('class="e c"'), picture.count('class="e v"')) == (1, 1)


def test_columns_follow_the_edges_and_survive_circles_and_long_chains() -> None:
    circle = [made("a", queue("c"), enqueues=["a"]), made("b", queue("a"), enqueues=["b"]),
              made("c", queue("b"), enqueues=["c"])]  # fmt: skip
    assert sorted(columns(flows_of(circle)[0]).values()) == [0, 1, 2]
    chain = [made(f"s{n}", queue(f"t{n}"), enqueues=[f"t{n + 1}"]) for n in range(1500)]
    assert columns(flows_of(chain)[0])["s1499"] == 1499

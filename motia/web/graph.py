"""Flows as graphs: steps as nodes, what one sends and another takes as edges; as data and as Mermaid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from motia.recording import changes_of
from motia.steps import Enqueue, Step
from motia.triggers import CronTrigger, HttpTrigger, QueueTrigger, StateTrigger, StreamTrigger, Trigger

NO_FLOW = "steps"
"""The flow of steps that name none."""


@dataclass(frozen=True)
class Node:
    """A step in a flow, or a place whose changes start one.

    Attributes:
        kind: of its first trigger; ``noop`` without one; of a place ``state-source`` or ``stream-source``.
        triggers: in words, such as ``POST /orders``.
    """

    id: str
    name: str
    kind: str
    triggers: Sequence[str]
    description: str | None
    source: str


@dataclass(frozen=True)
class Edge:
    """What one step sends and another takes.

    Attributes:
        source, target: ids of nodes.
        topic: of what is sent; of a change the place where it is made.
        variant: ``event``, ``virtual`` for what is drawn only, ``state`` or ``stream`` for changes.
        conditional: it is not always sent, or not always taken.
    """

    source: str
    target: str
    topic: str
    label: str
    variant: str
    conditional: bool


@dataclass(frozen=True)
class Flow:
    """A named part of an app.

    Attributes:
        nodes: its steps.
        edges: what they send each other.
        sources: groups of state and streams whose changes start its steps.
        changes: edges from these to the steps. Who makes the changes is not declared anywhere.
    """

    name: str
    nodes: Sequence[Node]
    edges: Sequence[Edge]
    sources: Sequence[Node] = ()
    changes: Sequence[Edge] = ()

    def whole(self) -> Flow:
        """As it is drawn: sources among the nodes, their changes among the edges."""
        return replace(self, nodes=[*self.sources, *self.nodes], edges=[*self.edges, *self.changes])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def flows_of(steps: Iterable[Step[..., Any]]) -> list[Flow]:
    """The flows of an app, in the order of their first steps. Edges join steps of one flow."""
    members: dict[str, list[Step[..., Any]]] = {}
    for step in steps:
        for name in step.config.flows or (NO_FLOW,):
            members.setdefault(name, []).append(step)
    return [_flow(name, group) for name, group in members.items()]


def _flow(name: str, steps: Sequence[Step[..., Any]]) -> Flow:
    edges = [
        Edge(source.name, target.name, item.topic, item.label or item.topic, variant, item.conditional)
        for source in steps
        for item, is_virtual in _sent(source)
        for target in steps
        if (variant := _variant(item.topic, is_virtual, target))
    ]
    changes = {edge: _source(edge) for step in steps for edge in _changes(step)}
    sources = {node.id: node for node in changes.values()}
    return Flow(
        name, [_node(step) for step in steps], list(dict.fromkeys(edges)), list(sources.values()), list(changes)
    )


def _sent(step: Step[..., Any]) -> list[tuple[Enqueue, bool]]:
    config = step.config
    return [(item, False) for item in config.enqueues] + [(item, True) for item in config.virtual_enqueues]


def _variant(topic: str, is_virtual: bool, target: Step[..., Any]) -> str | None:
    """How a topic reaches a step, if it does."""
    taken = {trigger.topic for trigger in target.config.triggers if isinstance(trigger, QueueTrigger)}
    if topic in taken:
        return "virtual" if is_virtual else "event"
    return "virtual" if topic in target.config.virtual_subscribes else None


def _changes(step: Step[..., Any]) -> list[Edge]:
    """What the state and stream triggers of a step listen to."""
    return [
        Edge(f"${place}", step.name, place, "changes", trigger.type, trigger.condition is not None)
        for trigger in step.config.triggers
        if isinstance(trigger, (StateTrigger, StreamTrigger))
        for place in [changes_of(trigger)]
    ]


def _source(edge: Edge) -> Node:
    return Node(edge.source, edge.topic, f"{edge.variant}-source", (), f"Changes of {edge.topic}", "")


def _node(step: Step[..., Any]) -> Node:
    triggers = step.config.triggers
    kind = triggers[0].type if triggers else "noop"
    return Node(step.name, step.name, kind, [in_words(item) for item in triggers], step.config.description, step.source)


def in_words(trigger: Trigger) -> str:
    """A trigger as people would say it."""
    if isinstance(trigger, HttpTrigger):
        return f"{trigger.method} {trigger.path}"
    if isinstance(trigger, QueueTrigger):
        return f"queue {trigger.topic}"
    if isinstance(trigger, CronTrigger):
        return f"cron {trigger.expression}"
    if isinstance(trigger, StateTrigger):
        return f"state {trigger.group or '*'}/{trigger.key or '*'}"
    assert isinstance(trigger, StreamTrigger)
    return f"stream {trigger.name}/{trigger.group_id or '*'}"


_SHAPES = {
    "http": ('(["', '"])'),
    "cron": ('{{"', '"}}'),
    "noop": ('[["', '"]]'),
    "state-source": ('[("', '")]'),
    "stream-source": ('[("', '")]'),
}


def mermaid(flows: Sequence[Flow]) -> str:
    """The flows as one Mermaid flowchart: dotted arrows are conditional, pale dashed ones virtual."""
    lines, links, virtual = ["flowchart LR"], 0, []
    for number, flow in enumerate(flow.whole() for flow in flows):
        lines.append(f'  subgraph f{number}["{_escaped(flow.name)}"]')
        ids = {node.id: f"f{number}n{place}" for place, node in enumerate(flow.nodes)}
        for node in flow.nodes:
            before, after = _SHAPES.get(node.kind, ('["', '"]'))
            text = "<br/>".join(map(_escaped, (node.name, *node.triggers)))
            lines.append(f"    {ids[node.id]}{before}{text}{after}")
        for edge in flow.edges:
            arrow = "-.->" if edge.conditional or edge.variant == "virtual" else "-->"
            lines.append(f'    {ids[edge.source]} {arrow}|"{_escaped(edge.label)}"| {ids[edge.target]}')
            if edge.variant == "virtual":
                virtual.append(str(links))
            links += 1
        lines.append("  end")
    if virtual:
        lines.append(f"  linkStyle {','.join(virtual)} stroke:#999,stroke-dasharray:2 4,color:#999")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Text that ends no label and starts no markup."""
    marks = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "`": "#96;"}
    return "".join(marks.get(char, char) if char.isprintable() else " " for char in text)

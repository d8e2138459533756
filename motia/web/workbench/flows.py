"""Flows, steps and endpoints: what the app declares, with what is known of its runs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from motia.errors import HttpError
from motia.plans import Plan
from motia.schemas import Schema
from motia.steps import Step
from motia.triggers import HttpTrigger
from motia.web.checking import place_of
from motia.web.endpoint import make_endpoints
from motia.web.graph import Flow, Node, flows_of, in_words
from motia.web.openapi import BODILESS_METHODS
from motia.web.operations import send_to_step
from motia.web.workbench import models
from motia.web.workbench.arrows import edges_of
from motia.web.workbench.asking import Ask, Route
from motia.web.workbench.counting import Counted, counted, linked
from motia.web.workbench.overview import problems_of
from motia.web.workbench.queues import policy_of
from motia.web.workbench.traces import recent_of

MAX_SOURCE = 400
"""Lines of a step's source that are shown."""


async def list_flows(ask: Ask) -> list[models.FlowSummary]:
    stats = await counted(ask, 3600)
    return [_flow_summary(flow, stats) for flow in flows_of(ask.motia.steps)]


def _flow_summary(flow: Flow, stats: Counted) -> models.FlowSummary:
    found = [step for node in flow.nodes if (step := stats.of(node.name)) is not None]
    runs = sum(step.n for step in found) if stats.known else None
    errors = sum(step.err for step in found) if stats.known else None
    return models.FlowSummary(flow.name, len(flow.nodes), len(flow.edges) + len(flow.changes), runs, errors)


async def get_flow(ask: Ask) -> models.FlowGraph:
    wanted = ask.params["flow"]
    flow = next((flow for flow in flows_of(ask.motia.steps) if flow.name == wanted), None)
    if flow is None:
        raise HttpError(404, f"no flow {wanted!r}")
    stats = await counted(ask, ask.range[1])
    problems = await problems_of(ask)
    nodes = [_place(node) for node in flow.sources]
    nodes += [_node(ask, node, stats, problems) for node in flow.nodes]
    links = await linked(ask, ask.range[1])
    return models.FlowGraph(flow.name, nodes, edges_of(flow, links))


def _place(node: Node) -> models.FlowNode:
    kind: Any = node.kind.removesuffix("-source")
    return models.FlowNode(node.id, node.name, kind, [], node.description, None, None, [])


def _node(ask: Ask, node: Node, stats: Counted, problems: Sequence[models.ProblemFound]) -> models.FlowNode:
    step = ask.motia.registry.steps[node.name]
    return models.FlowNode(
        id=node.id,
        name=node.name,
        kind="virtual" if node.kind == "noop" else "step",
        triggers=_triggers(step),
        desc=node.description,
        file=_file(step),
        stats=stats.of(node.name),
        problems=[found for found in problems if found.step == node.name],
    )


def _triggers(step: Step[..., Any]) -> list[models.TriggerOf]:
    return [
        models.TriggerOf(index, trigger.type, in_words(trigger), "conditional" if trigger.condition else None)
        for index, trigger in enumerate(step.config.triggers)
    ]


def _file(step: Step[..., Any]) -> models.File:
    return models.File(*place_of(step))


async def list_steps(ask: Ask) -> list[models.FlowNode]:
    stats = await counted(ask, ask.range[1])
    problems = await problems_of(ask)
    nodes = {node.name: node for flow in flows_of(ask.motia.steps) for node in flow.nodes}
    return [_node(ask, node, stats, problems) for node in nodes.values()]


async def get_step(ask: Ask) -> models.StepDetail:
    plan = _plan(ask)
    step, config = plan.step, plan.step.config
    return models.StepDetail(
        name=step.name,
        config={
            "description": config.description,
            "flows": list(config.flows),
            "triggers": [asdict(item) for item in _triggers(step)],
            "enqueues": [asdict(item) for item in config.enqueues],
            "virtual_enqueues": [asdict(item) for item in config.virtual_enqueues],
        },
        input_schema=schema_of(plan.schema),
        output_schema={str(status): schema_of(schema) for status, schema in plan.responses.items()} or None,
        emits=[item.topic for item in config.enqueues],
        policy=None if plan.trigger is None or plan.info.type == "http" else asdict(policy_of(plan)),
        source=_source(ask, step),
        recent=await recent_of(ask, step.name),
        file=_file(step),
    )


def _plan(ask: Ask) -> Plan:
    """The plan by which a message reaches the step that is asked for.

    Raises:
        UnknownStep: there is none.
    """
    return ask.motia.registry.plan_of(ask.params["step"])


def schema_of(schema: Schema | None) -> Any:
    """As JSON Schema; None for anything, and for a type that has no such form."""
    if schema is None:
        return None
    try:
        return schema.json_schema
    except ValueError:  # pydantic's, for a type that only validates
        return None


def _source(ask: Ask, step: Step[..., Any]) -> str | None:
    """The code of a step, in development alone."""
    if ask.site.workbench.authorize is not None:
        return None
    try:
        lines, _ = inspect.getsourcelines(inspect.unwrap(step.handler))
    except (OSError, TypeError):
        return None
    return "".join(lines[:MAX_SOURCE])


async def invoke(ask: Ask) -> models.Sent:
    """Have a worker run a step, with an input that fits it."""
    plan = _plan(ask)
    data = ask.body.get("input")
    check_input(plan, data)
    receipt, trace = await send_to_step(ask.motia, plan.name, data)
    return models.Sent(receipt.message_id, trace.trace_id)


def check_input(plan: Plan, data: Any) -> None:
    """Raises ``ValidationFailed`` for what the step would not take."""
    if plan.schema is None:
        return
    body = data.get("body") if plan.info.type == "http" and isinstance(data, Mapping) and "body" in data else data
    plan.schema.from_python(body, f"the input of step {plan.name!r}")


async def list_endpoints(ask: Ask) -> list[models.Endpoint]:
    root = ask.visit.root
    rows = []
    for endpoint in make_endpoints(ask.motia.registry.http, ask.site.prefix).values():
        for method, plan in endpoint.plans.items():
            path = endpoint.paths[method]
            rows.append(_endpoint(plan, method, root + path.render("{{{}}}", "{{{}}}"), path.params))
    return rows


def _endpoint(plan: Plan, method: str, path: str, params: Sequence[str]) -> models.Endpoint:
    assert isinstance(plan.trigger, HttpTrigger)
    config = plan.step.config
    body = None if method in BODILESS_METHODS else schema_of(plan.schema)
    return models.Endpoint(
        id=f"{method} {path}",
        method=method,
        path=path,
        step=plan.name,
        flows=list(config.flows),
        summary=config.description,
        path_params=list(params),
        query_schema=_query(plan),
        body_schema=body,
        responses={str(status): schema_of(schema) for status, schema in plan.responses.items()},
        examples=_examples(body),
    )


def _query(plan: Plan) -> Any:
    """The query as one schema, where any parameter is declared."""
    assert isinstance(plan.trigger, HttpTrigger)
    if plan.query is not None:
        return schema_of(plan.query)
    declared = plan.trigger.query_params
    if not declared:
        return None
    return {
        "type": "object",
        "properties": {
            item.name: {"type": "string", **({"description": item.description} if item.description else {})}
            for item in declared
        },
    }


def _examples(schema: Any) -> list[models.Example]:
    """Those that the schema brings along."""
    found = schema.get("examples", ()) if isinstance(schema, Mapping) else ()
    return [models.Example(f"example {number}", {}, {}, {}, body) for number, body in enumerate(found, 1)]


ROUTES = [
    Route("GET", "flows", list_flows),
    Route("GET", "flows/:flow", get_flow),
    Route("GET", "steps", list_steps),
    Route("GET", "steps/:step", get_step),
    Route("POST", "steps/:step/invoke", invoke, "invoke", 202),
    Route("GET", "endpoints", list_endpoints),
]

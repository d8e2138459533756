"""Trace context with and without a tracer provider, from the request through every message."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from motia import ApiRequest, FlowContext, Motia, SyncFlowContext, http, queue, step
from motia.testing import MotiaTester
from motia.tracing import new_trace, spans, traceparent_of

KNOWN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_traceparent_is_read_and_written() -> None:
    trace = traceparent_of(KNOWN)
    assert trace is not None
    assert trace.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert trace.traceparent == KNOWN
    assert traceparent_of(new_trace().traceparent) is not None
    assert traceparent_of("01" + KNOWN[2:] + "-what-a-later-version-adds") is not None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        KNOWN.upper(),
        "ff" + KNOWN[2:],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
        KNOWN[:-1],
    ],
)
def test_what_is_no_traceparent_is_ignored(header: str | None) -> None:
    assert traceparent_of(header) is None


async def test_a_trace_goes_from_the_request_through_every_message() -> None:
    seen: dict[str, str] = {}

    @step("first", triggers=[http("POST", "/first")])
    async def first(req: ApiRequest[Any], ctx: FlowContext[Any]) -> None:
        seen["first"] = ctx.trace_id
        await ctx.enqueue("next", {})

    @step("second", triggers=[queue("next")])
    async def second(data: Any, ctx: FlowContext[Any]) -> None:
        seen["second"] = ctx.trace_id

    async with MotiaTester(Motia("memory:", steps=[first, second])) as t:
        await t.post("/first", headers={"traceparent": KNOWN})
        await t.wait_idle()
    assert seen == dict.fromkeys(("first", "second"), "4bf92f3577b34da6a3ce929d0e0e4736")


WITH_A_PROVIDER = """
import asyncio, json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from motia import Motia, QueueConfig, http, queue, step
from motia.testing import MotiaTester

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

@step("first", triggers=[http("POST", "/first")])
async def first(req, ctx):
    with trace.get_tracer("shop").start_as_current_span("inside"):
        await ctx.enqueue("next", {})
    return {"trace_id": ctx.trace_id}

@step("second", triggers=[queue("next", config=QueueConfig(max_retries=0))])
def second(data, ctx):
    raise RuntimeError("no")

async def main():
    async with MotiaTester(Motia("memory:", steps=[first, second])) as t:
        told = (await t.post("/first")).json["trace_id"]
        await t.wait_idle()
    spans = [
        {"name": s.name, "kind": s.kind.name, "trace": f"{s.context.trace_id:032x}", "id": s.context.span_id,
         "parent": s.parent and s.parent.span_id, "status": s.status.status_code.name,
         "attributes": dict(s.attributes), "events": [e.name for e in s.events]}
        for s in exporter.get_finished_spans()
    ]
    print(json.dumps({"told": told, "spans": spans}))

asyncio.run(main())
"""


def test_the_apps_provider_sees_every_run() -> None:
    done = subprocess.run([sys.executable, "-c", WITH_A_PROVIDER], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout.splitlines()[-1])
    spans = {item["name"]: item for item in seen["spans"]}
    first, inside, second = spans["step first"], spans["inside"], spans["step second"]
    assert {item["trace"] for item in spans.values()} == {seen["told"]}
    assert (first["kind"], first["attributes"]["http.route"]) == ("SERVER", "/first")
    assert inside["parent"] == first["id"]
    assert second["parent"] in {inside["id"], first["id"]}
    assert (second["kind"], second["status"], second["events"]) == ("CONSUMER", "ERROR", ["exception"])
    assert second["attributes"]["messaging.destination.name"] == "next"


async def test_what_is_sent_inside_a_span_of_the_handlers_own_belongs_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    monkeypatch.setattr(spans.otel, "_TRACER_PROVIDER", provider)  # for this test alone; it can be set but once

    @step("sends", triggers=[queue("t")])
    def sends(data: Any, ctx: SyncFlowContext[Any]) -> None:
        with provider.get_tracer("app").start_as_current_span("inner"):
            ctx.enqueue("u", 1)

    @step("gets", triggers=[queue("u")])
    async def gets(data: Any) -> None: ...

    async with MotiaTester(Motia("memory:", steps=[sends, gets])) as t:
        await t.enqueue("t", 1)
        await t.wait_idle()
    found = {span.name: span for span in exported.get_finished_spans()}
    assert found["inner"].parent.span_id == found["step sends"].context.span_id
    assert found["step gets"].parent.span_id == found["inner"].context.span_id
    assert len({span.context.trace_id for span in found.values()}) == 1

"""Secrets planted in every place that is kept or shown: none of them comes out again."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from motia import FlowContext, Motia, QueueConfig, http, queue, step
from motia.logs import Formatter
from motia.policies import MAX_ERROR_TEXT
from motia.testing import MotiaTester
from motia.tracing import spans as tracing

SECRET = "hunter2-do-not-tell"


@step("leaky", triggers=[queue("leaky", config=QueueConfig(max_retries=0))])
async def leaky(data: Any, ctx: FlowContext[Any]) -> None:
    ctx.logger.info(f"calling with token={SECRET}", {"api_key": SECRET, "nested": [{"password": SECRET}]})
    raise RuntimeError(f"refused: password={SECRET}")


@step("leaky-long", triggers=[queue("leaky-long", config=QueueConfig(max_retries=0))])
async def leaky_long(data: Any) -> None:
    padding = "x" * (MAX_ERROR_TEXT - len(SECRET) - 3)
    raise RuntimeError(f"refused: password={SECRET}{padding}")  # cut between the name and the value


@step("leaky-web", triggers=[http("GET", "/leaky")])
async def leaky_web(req: Any) -> None:
    raise RuntimeError(f"postgresql://ada:{SECRET}@db/x is away")


@pytest.mark.parametrize("formatter", [Formatter(), logging.Formatter("%(message)s")])
async def test_no_secret_is_kept_or_shown(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, formatter: logging.Formatter
) -> None:
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    caplog.handler.setFormatter(formatter)
    monkeypatch.setattr(tracing.otel, "_TRACER_PROVIDER", provider)  # for this test alone; it can be set but once
    with caplog.at_level(logging.INFO, "motia"):
        async with MotiaTester(Motia("memory:", steps=[leaky, leaky_long, leaky_web])) as t:
            await t.enqueue("leaky", {})
            await t.enqueue("leaky-long", {})
            await t.wait_idle()
            answer = await t.get("/leaky")
            letters = t.dead_letters
    kept = [str(letter.error) for letter in letters]
    spans = [span.to_json() for span in exported.get_finished_spans()]
    shown = [caplog.text, answer.text, *(str(vars(record).get("motia")) for record in caplog.records)]
    assert (len(kept), len(spans) >= 3, "refused" in caplog.text) == (2, True, True)
    for text in [*kept, *spans, *shown]:
        assert SECRET not in text
        assert SECRET[-8:] not in text


async def test_the_error_of_a_dead_letter_begins_in_the_handler() -> None:
    async with MotiaTester(Motia("memory:", steps=[leaky])) as t:
        await t.enqueue("leaky", {})
        await t.wait_idle()
        (letter,) = t.dead_letters
    lines = str(letter.error).splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert __file__ in lines[1]
    assert lines[-1] == "RuntimeError: refused: password=[hidden]"

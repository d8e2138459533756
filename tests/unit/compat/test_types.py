from __future__ import annotations

import importlib

import pytest

import motia
from motia import compat, cron, http, queue, state, step, stream

EXPORTED = [
    "ApiMiddleware",
    "ApiRequest",
    "ApiResponse",
    "ApiRouteMethod",
    "ApiTrigger",
    "ChannelReader",
    "ChannelWriter",
    "CronTrigger",
    "Emitter",
    "Enqueue",
    "Enqueuer",
    "FlowContext",
    "Motia",
    "MotiaHttpArgs",
    "MotiaHttpRequest",
    "MotiaHttpResponse",
    "MultiTriggerStepBuilder",
    "QueryParam",
    "QueueTrigger",
    "StateManager",
    "StateTrigger",
    "StateTriggerInput",
    "Step",
    "StepBuilder",
    "StepConfig",
    "StepDefinition",
    "Stream",
    "StreamAuthInput",
    "StreamAuthResult",
    "StreamConfig",
    "StreamEvent",
    "StreamSubscription",
    "StreamTrigger",
    "StreamTriggerInput",
    "TriggerCondition",
    "TriggerConfig",
    "TriggerInfo",
    "TriggerInput",
    "TriggerMetadata",
    "api",
    "cron",
    "define_step",
    "enqueue",
    "event",
    "generate_step_id",
    "get_api_triggers",
    "get_cron_triggers",
    "get_queue_triggers",
    "get_state_triggers",
    "get_stream_triggers",
    "http",
    "is_api_step",
    "is_api_trigger",
    "is_cron_step",
    "is_cron_trigger",
    "is_event_step",
    "is_noop_step",
    "is_queue_step",
    "is_queue_trigger",
    "is_state_step",
    "is_state_trigger",
    "is_stream_step",
    "is_stream_trigger",
    "logger",
    "multi_trigger_step",
    "queue",
    "schema_to_json_schema",
    "state",
    "stateManager",
    "state_manager",
    "step",
    "stream",
    "tracing",
    "ApiStreamRequest",
    "ApiStreamHttpRequest",
    "ApiStreamResponse",
]
"""What the SDK has ever exported, or documented, and that means something without its engine."""


@pytest.mark.parametrize("name", EXPORTED)
def test_what_the_sdk_exported_is_importable(name: str) -> None:
    importlib.import_module("motia.tracing")
    assert getattr(motia, name) is not None


def test_what_only_its_engine_had_is_not_there() -> None:
    for name in ("init_iii", "get_instance", "bridge", "setup_step_endpoint", "_anything"):
        with pytest.raises(AttributeError, match=f"module 'motia' has no attribute '{name}'"):
            getattr(motia, name)


def test_names_are_sorted_and_are_those_of_the_room() -> None:
    assert sorted(compat.__all__) == compat.__all__
    assert all(hasattr(compat, name) for name in compat.__all__)


def test_guards() -> None:
    triggers = [http("GET", "/a"), queue("a"), cron("* * * * *"), state(), stream("s")]
    kinds = ["api", "queue", "cron", "state", "stream"]
    everything = step({"name": "all", "triggers": triggers}, lambda: None)
    for kind, trigger in zip(kinds, triggers, strict=True):
        assert [getattr(motia, f"is_{kind}_trigger")(item) for item in triggers].count(True) == 1
        assert getattr(motia, f"is_{kind}_trigger")(trigger)
        assert getattr(motia, f"is_{kind}_step")(everything)
        assert getattr(motia, f"get_{kind}_triggers")(everything.config) == [trigger]
        assert not getattr(motia, f"is_{kind}_step")({"name": "none", "triggers": []})
    assert motia.is_queue_trigger({"type": "event", "topic": "t"})
    assert motia.is_noop_step({"name": "none", "triggers": []})


def test_define_step_reads_the_keys_of_a_config() -> None:
    @motia.define_step(type="api", path="/a", method="POST", emits=["t"], flows=["f"])
    async def made(req, ctx):
        """Does it."""

    assert (made.name, made.config.description, made.config.flows) == ("made", "Does it.", ("f",))
    assert [trigger.type for trigger in made.config.triggers] == ["http"]
    with pytest.raises(motia.ConfigError, match="expected a type of api, event, cron, noop, got 'http'"):
        motia.define_step(type="http")
    with pytest.raises(motia.ConfigError, match="unknown key 'subscribe'; did you mean 'subscribes'"):
        motia.define_step(type="event", subscribe=["t"])(made.handler)

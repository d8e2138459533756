from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from motia import ConfigError, QueueConfig, Step, StepConfig, cron, http, multi_trigger_step, queue, state, step, stream
from motia.steps import Enqueue
from motia.testing import fake_context


def test_all_spellings_build_the_same_step() -> None:
    async def handler(data: Any, ctx: Any) -> str:
        """Do it. And more."""
        return "done"

    declared = {"name": "a", "triggers": [queue("t")], "enqueues": ["u"], "flows": ["f"]}
    steps = [
        step("a", triggers=[queue("t")], enqueues=["u"], flows=["f"])(handler),
        step(declared, handler),
        step(declared, handler=handler),
        step(declared).handle(handler),
        step(StepConfig(name="a", triggers=[queue("t")], enqueues=[Enqueue("u")], flows=["f"]), handler),
        step(declared)(handler),
    ]
    assert all(item.config == steps[0].config for item in steps)
    assert steps[0].config.enqueues == (Enqueue("u"),)


async def test_a_step_is_called_like_its_function() -> None:
    @step(triggers=[queue("t")])
    async def double(number: int, by: int = 2) -> int:
        """Multiply."""
        return number * by

    assert await double(3, by=3) == 9
    assert (double.name, double.__name__, double.__doc__) == ("double", "double", "Multiply.")
    assert double.config.description == "Multiply."
    assert f"{__file__}:" in double.source


def test_a_bare_decorator_makes_a_step_for_invoke() -> None:
    @step
    def plain(data: Any) -> None: ...

    assert isinstance(plain, Step)
    assert plain.config.triggers == ()


def test_keys_are_read_in_camel_case_and_triggers_as_dicts() -> None:
    made = step(
        {
            "name": "x",
            "virtualEnqueues": ["v"],
            "virtualSubscribes": ["w"],
            "includeFiles": ["*.txt"],
            "triggers": [
                {"type": "api", "method": "post", "path": "a/:id", "bodySchema": {"type": "object"}},
                {"type": "event", "topic": "t", "config": {"maxRetries": 1, "backoffType": "fixed"}},
                {"type": "queue", "topic": "u", "config": {"type": "fifo", "onDead": "block"}},
                {"type": "cron", "expression": "* * * * *"},
                {"type": "state", "group": "g"},
                {"type": "stream", "streamName": "s", "groupId": "g"},
            ],
        },
        lambda data: None,
    )
    first, second, third, *rest = made.config.triggers
    assert (first.type, first.method, first.path) == ("http", "POST", "/a/:id")
    assert (second.topic, second.config.max_retries, second.config.backoff_type) == ("t", 1, "fixed")
    assert (third.config.on_dead, second.config.on_dead) == ("block", "skip")
    assert rest == [cron("* * * * *"), state(group="g"), stream("s", group_id="g")]


def test_a_step_config_takes_both_spellings_itself() -> None:
    spelled: dict[str, Any] = {"virtualEnqueues": ["v"], "includeFiles": ["*.txt"]}
    assert StepConfig("x", **spelled) == StepConfig(name="x", virtual_enqueues=["v"], include_files=["*.txt"])  # type: ignore[list-item]  # read


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (
            lambda: StepConfig(name="x", enqueue=["a"]),
            "StepConfig has an unknown key 'enqueue'; did you mean 'enqueues'",
        ),
        (lambda: step({"name": "x", "emits": ["a"]}), "unknown key 'emits'"),
        (lambda: step({"name": "x", "triggers": [{"type": "quue", "topic": "t"}]}), "did you mean 'queue'"),
        (lambda: step({"name": "x", "triggers": "t"}), "triggers of step 'x' expected a list"),
        (lambda: step({"name": "x", "triggers": ["t"]}), "expected a trigger such as queue"),
        (lambda: step("x", triggers=[queue("$state")]), "does not start with"),
        (lambda: step("x", triggers=[http("FETCH", "/")]), "expected a method of GET"),
        (lambda: step("x", triggers=[queue("t", config={"type": "lifo"})]), "QueueConfig.type"),
        (lambda: queue("t", config=5), "QueueConfig: Input should be .*, got 5"),
        (
            lambda: QueueConfig(max_retries=-1),
            "QueueConfig.max_retries: Input should be greater than or equal to 0, got -1",
        ),
        (lambda: QueueConfig(maxRetry=1), "unknown key 'maxRetry'; did you mean 'max_retries'"),
        (
            lambda: queue("t", condition=True),
            r"queue\(\) expected a function \(input, ctx\) -> bool as condition, got True",
        ),
        (lambda: http("GET", "/", condition=1), r"http\(\) expected a function"),
        (lambda: cron("* * * * *", condition=1), r"cron\(\) expected a function"),
        (lambda: state(condition=1), r"state\(\) expected a function"),
        (lambda: stream("s", condition=1), r"stream\(\) expected a function"),
        (lambda: http("GET", "/", middleware=print), r"middleware of http\(\) expected a list, got <built-in"),
        (lambda: http("GET", "/", dependencies=print), r"dependencies of http\(\) expected a list, got <built-in"),
        (
            lambda: http("GET", "/", query_params=["page"]),
            r"query_params expected QueryParam\(.*\) or a dict .*, got 'page'",
        ),
        (
            lambda: http("GET", "/", query_params=[{"name": "a", "desc": ""}]),
            "a query parameter has an unknown key 'desc'; known: description, name",
        ),
        (
            lambda: step("x", triggers=[queue("t", config={"onDead": "block"})]),
            'QueueConfig.on_dead="block" expected type="fifo", got type=\'standard\'',
        ),
        (lambda: step("x" * 201), "a step's name expected text of at most 200 characters"),
        (lambda: step({"name": "x"}, "not a function"), "expected a function as handler"),
        (lambda: step("x", enqueues=[5])(lambda: None), "enqueues of step 'x' expected topics"),
    ],
)
def test_a_wrong_declaration_says_what_was_expected(declare: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        declare()


async def test_a_multi_trigger_step_calls_the_handler_of_the_trigger() -> None:
    config = {"name": "m", "triggers": [queue("t"), cron("* * * * *")]}
    made = multi_trigger_step(config).on_queue(lambda data: f"queue {data}").on_cron(lambda: "cron").handlers()
    assert await made(5, fake_context(5, trigger="queue")) == "queue 5"
    assert await made(None, fake_context(trigger="cron")) == "cron"
    with pytest.raises(ConfigError, match=r"no handler for its triggers \['cron'\]; add .on_cron"):
        multi_trigger_step(config).on_queue(lambda data: None).handlers()
    assert multi_trigger_step(config).handlers({"default": lambda: None}).name == "m"


def test_types_are_kept(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(
        "from motia import step, queue, FlowContext\n"
        "@step('x', triggers=[queue('t')])\n"
        "async def x(n: int, ctx: FlowContext[int]) -> str:\n"
        "    reveal_type(ctx.input)\n"
        "    return str(n)\n"
        "reveal_type(x)\n"
        "x('wrong')\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        "/dev/null",
        "--cache-dir",
        str(tmp_path / "c"),
    ]
    output = subprocess.run([*command, "typed.py"], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert 'Revealed type is "int"' in output or 'Revealed type is "builtins.int"' in output
    assert "Step[" in output
    assert 'has incompatible type "str"; expected "int"' in output or "Missing positional argument" in output

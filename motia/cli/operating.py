"""Commands that act: ``queues``, ``dead``, ``schedules``, ``migrate``, ``emit``, ``invoke``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from textwrap import dedent
from typing import Any

import anyio
import click

from motia.app import Motia, pending_statements
from motia.cli.completion import app_argument
from motia.cli.output import json_option, show, with_app
from motia.codec import loads
from motia.errors import ConfigError, MotiaError, did_you_mean
from motia.loading import load_app
from motia.logs import counted
from motia.messages import DeadLetter
from motia.queues.base import DeadQuery
from motia.tracing.faults import MAX_STACK, error_text
from motia.web.operations import (
    pause_schedule,
    payload_of,
    run_schedule,
    schedules_named,
    schedules_of,
    trace_id_of,
)


@click.command()
@app_argument
@click.argument("verb", type=click.Choice(["list", "pause", "resume"]), default="list")
@click.argument("step", required=False)
@json_option
def queues(app: str, verb: str, step: str | None, as_json: bool) -> None:
    """What waits for the steps of APP; pause or resume one."""

    async def work(motia: Motia) -> list[dict[str, Any]]:
        queue = motia.running.backend.working.queue
        if verb != "list" and not await queue.pause(_required(step, verb), verb == "pause"):
            raise ConfigError(f"no step {step!r} to {verb}; {did_you_mean(str(step), list(motia.registry.steps))}")
        return [entry._asdict() for entry in await queue.stats()]

    show(with_app(app, work), as_json=as_json, nothing="no subscriptions")


@click.command()
@app_argument
@click.argument("verb", type=click.Choice(["list", "redrive", "discard"]), default="list")
@click.argument("ids", nargs=-1)
@click.option("--step", help="Those of one step.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@json_option
def dead(app: str, verb: str, ids: tuple[str, ...], step: str | None, everything: bool, as_json: bool) -> None:
    """Dead letters of APP: list them, run them again, or forget them."""
    if verb != "list" and not (ids or step or everything):
        raise ConfigError(f"`motia dead APP {verb}` expected ids, --step NAME or --all")
    query = DeadQuery(ids=ids or None, step=step)

    async def listed(motia: Motia) -> list[dict[str, Any]]:
        return [shown_letter(letter) for letter in await motia.running.backend.working.queue.dead(query)]

    async def acted(motia: Motia) -> int:
        queue = motia.running.backend.working.queue
        return await (queue.redrive(query) if verb == "redrive" else queue.discard(query))

    if verb == "list":
        show(with_app(app, listed), as_json=as_json, nothing="no dead letters")
        return
    count = with_app(app, acted)
    click.echo(json.dumps({verb: count}) if as_json else f"{counted(count, 'dead letter')}: {verb}")


def shown_letter(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter as the command line shows it."""
    return {
        "id": letter.id,
        "step": letter.step,
        "topic": letter.topic,
        "attempts": letter.attempts,
        "crashes": letter.crashes,
        "reason": letter.reason,
        "error": letter.error,
        "payload": payload_of(letter),
        "trace_id": trace_id_of(letter),
        "dead_at": datetime.fromtimestamp(letter.dead_at, UTC).isoformat(),
    }


@click.command()
@app_argument
@click.argument("verb", type=click.Choice(["list", "pause", "resume", "run"]), default="list")
@click.argument("name", required=False)
@json_option
def schedules(app: str, verb: str, name: str | None, as_json: bool) -> None:
    """Cron schedules of APP: list them, pause, resume or run one now. NAME is that of the step."""

    async def work(motia: Motia) -> list[dict[str, Any]]:
        if verb != "list":
            await _act(motia, verb, _required(name, verb))
        return await _schedules(motia)

    show(with_app(app, work), as_json=as_json, nothing="no schedules")


async def _act(motia: Motia, verb: str, name: str) -> None:
    for id in schedules_named(motia, name):
        if verb == "run":
            await run_schedule(motia, id)
        else:
            await pause_schedule(motia, id, verb == "pause")


async def _schedules(motia: Motia) -> list[dict[str, Any]]:
    return [
        {
            "step": found.step,
            "expression": found.schedule.expression,
            "timezone": found.schedule.timezone,
            "last": found.last.isoformat() if found.last else None,
            "next": found.next[0].isoformat() if found.next else None,
            "paused": found.paused,
        }
        for found in await schedules_of(motia)
    ]


@click.command()
@app_argument
@click.option("--plan", is_flag=True, help="Print the SQL it would run, and run nothing.")
def migrate(app: str, plan: bool) -> None:
    """Create or update the tables of APP. Safe while workers run, and when many do it at once."""

    async def work(motia: Motia) -> None:
        """Opening the app has done it."""

    if plan and (statements := anyio.run(pending_statements, load_app(app))):
        click.echo("\n\n".join(f"{dedent(statement).strip()};" for statement in statements))
        return
    if not plan:
        with_app(app, work, auto_migrate=True)
    click.echo("the tables are up to date")


@click.command()
@app_argument
@click.argument("topic")
@click.argument("data", required=False)
@json_option
def emit(app: str, topic: str, data: str | None, as_json: bool) -> None:
    """Send DATA, JSON text, to TOPIC."""
    receipt = with_app(app, lambda motia: motia.enqueue(topic, _data(data)))
    click.echo(json.dumps(asdict(receipt)) if as_json else receipt.message_id)


@click.command()
@app_argument
@click.argument("step")
@click.argument("data", required=False)
@click.option("--json", "as_json", is_flag=True, help="JSON for programs, which it always is.")
def invoke(app: str, step: str, data: str | None, as_json: bool) -> None:
    """Run STEP with DATA, JSON text, in this process, and print its result."""
    try:
        result = with_app(app, lambda motia: motia.invoke(step, _data(data)))
    except (MotiaError, click.ClickException):
        raise
    except Exception as error:  # the step's own, which its author wants to see from the step on
        click.echo(error_text(error, MAX_STACK), err=True)
        sys.exit(1)
    click.echo(json.dumps(result, default=lambda value: getattr(value, "body", str(value)), indent=2))


def _data(text: str | None) -> Any:
    try:
        return None if text is None else loads(text)
    except ValueError as error:
        raise ConfigError(f"expected DATA to be JSON, such as '{{\"id\": 1}}', got {text!r}: {error}") from error


def _required(name: str | None, verb: str) -> str:
    if name is None:
        raise ConfigError(f"{verb} expected a name")
    return name


COMMANDS = [queues, dead, schedules, migrate, emit, invoke]

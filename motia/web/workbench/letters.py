"""Dead letters: looked at, sent again, with another payload too, or forgotten; one by one, or all that are alike.

What is not dead yet is listed by ``unfinished``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from motia.codec import dumps
from motia.errors import HttpError
from motia.messages import DeadLetter
from motia.queues.base import DeadQuery
from motia.web.operations import payload_of, send_to_step, trace_id_of
from motia.web.workbench import models
from motia.web.workbench.asking import Ask, Route
from motia.web.workbench.curtain import Curtain
from motia.web.workbench.failing import failure_of
from motia.web.workbench.queues import entries_of
from motia.web.workbench.unfinished import list_unfinished

MAX_BULK = 1000
"""Dead letters that one look reads, and one action takes."""


async def _letters(ask: Ask) -> tuple[list[DeadLetter], bool]:
    """The newest dead letters of the topic, at most ``MAX_BULK`` of each of its steps; whether there may be more."""
    entries = await entries_of(ask)
    found: list[DeadLetter] = []
    capped = False
    for step in dict.fromkeys(entry.id.partition("#")[0] for entry in entries if entry.dead):
        newest = await ask.queue.dead(DeadQuery(step=step, limit=MAX_BULK))
        capped = capped or len(newest) == MAX_BULK
        found += newest
    topic = ask.params["topic"]
    return sorted((item for item in found if item.topic == topic), key=lambda item: -item.dead_at), capped


def _chosen(ask: Ask, letters: Sequence[DeadLetter], wanted: Callable[[str], str | None]) -> list[DeadLetter]:
    """Those that a filter is for: ``error`` is a fingerprint or a type, ``q`` a text within."""
    error, step, text = wanted("error"), wanted("step"), (wanted("q") or "").lower()
    return [
        letter
        for letter in letters
        if (error is None or error in {(failure := failure_of(letter)).fingerprint, failure.type})
        and (step is None or letter.step == step)
        and (not text or text in _searched(ask, letter))
    ]


def _searched(ask: Ask, letter: DeadLetter) -> str:
    """What a search looks at: nothing that the caller is not shown."""
    shown = (ask.curtain.text(letter.error or ""), ask.curtain.preview(letter.payload) or "", letter.id)
    return "\n".join(shown).lower()


async def list_messages(ask: Ask) -> models.Page[models.MessageSummary]:
    """The dead letters of a topic; with another ``state`` what is ready, delayed or running, or suspect."""
    if ask.query.get("state", "dead") != "dead":
        return await list_unfinished(ask)
    newest, capped = await _letters(ask)
    letters = _chosen(ask, newest, ask.query.get)
    start, limit = ask.number("cursor", 0), ask.limit
    following = str(start + limit) if len(letters) > start + limit else None
    rows = [_row(ask, letter) for letter in letters[start : start + limit]]
    return models.Page(rows, following, models.Total(len(letters), capped))


async def list_errors(ask: Ask) -> list[models.ErrorGroup]:
    """The newest dead letters by what went wrong, the most frequent first."""
    groups: dict[str, list[models.Failure]] = {}
    for letter in (await _letters(ask))[0]:
        failure = _shown_failure(ask.curtain, letter)
        groups.setdefault(failure.fingerprint or "", []).append(failure)
    rows = [models.ErrorGroup(name, found[0].type, found[0].message, len(found)) for name, found in groups.items()]
    return sorted(rows, key=lambda row: -row.count)


async def get_message(ask: Ask) -> models.MessageDetail:
    letter = await _one(ask, ask.params["id"])
    row = _row(ask, letter)
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    payload = ask.curtain.value(payload_of(letter))
    failure = _shown_failure(ask.curtain, letter, stack=True)
    return models.MessageDetail(**{**values, "error": failure}, payload=payload, editable=_is_editable(ask, letter))


async def _one(ask: Ask, id: str) -> DeadLetter:
    found = await ask.queue.dead(DeadQuery(ids=[id], limit=1))
    if not found or found[0].topic != ask.params["topic"]:
        raise HttpError(404, f"no dead letter {id!r} in {ask.params['topic']!r}; it may have been redriven")
    return found[0]


def _row(ask: Ask, letter: DeadLetter) -> models.MessageSummary:
    plan = ask.motia.registry.plans.get(letter.subscription)
    return models.MessageSummary(
        id=letter.id,
        state="dead",
        step=letter.step,
        topic=letter.topic,
        at=int(letter.dead_at * 1000),
        run_at=None,
        attempt=letter.attempts,
        max=plan.config.max_retries + 1 if plan else None,
        crashes=letter.crashes,
        reason=letter.reason,
        error=_shown_failure(ask.curtain, letter),
        trace_id=trace_id_of(letter),
        group=None,
        size=len(letter.payload.encode()),
        preview=ask.curtain.preview(letter.payload),
        worker=None,
    )


def _shown_failure(curtain: Curtain, letter: DeadLetter, *, stack: bool = False) -> models.Failure:
    failure = failure_of(letter)
    text = curtain.text(letter.error) if stack and letter.error else None
    return models.Failure(failure.type, curtain.text(failure.message)[:500], text, failure.fingerprint)


def _is_editable(ask: Ask, letter: DeadLetter) -> bool:
    """Whether what is sent to the step alone arrives as this did."""
    plans = ask.motia.registry.plans
    plan, direct = plans.get(letter.subscription), plans.get(letter.step)
    return plan is not None and plan is direct


async def redrive(ask: Ask) -> models.Done:
    """Run dead letters again: those of ``ids``, or those that ``filter`` is for, or one with another payload."""
    if "edit" in ask.body:
        return await _redrive_edited(ask)
    return await _act(ask, ask.queue.redrive)


async def discard(ask: Ask) -> models.Done:
    return await _act(ask, ask.queue.discard)


async def _act(ask: Ask, act: Callable[[DeadQuery], Any]) -> models.Done:
    ids = ask.given("ids", list)
    if (ids is None) == (ask.given("filter", dict) is None):
        raise HttpError(422, "expected either 'ids' or 'filter' with 'expect'")
    if ids is None:
        ids, left = await _expected(ask)
    else:
        ids, left = await _known(ask, ids), False
    done = 0
    for part in _parts(ids):
        done += await act(DeadQuery(ids=part))
    return models.Done(done, left)


def _parts(ids: Sequence[str], size: int = 200) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


async def _known(ask: Ask, ids: Sequence[Any]) -> list[str]:
    """The ids that are dead letters of this topic."""
    if len(ids) > MAX_BULK or not all(isinstance(id, str) for id in ids):
        raise HttpError(422, f"expected 'ids' to be at most {MAX_BULK} texts")
    found = [letter for part in _parts(list(ids)) for letter in await ask.queue.dead(DeadQuery(ids=part))]
    return [letter.id for letter in found if letter.topic == ask.params["topic"]]


async def _expected(ask: Ask) -> tuple[list[str], bool]:
    """The ids that a filter is for, and whether there may be more of them.

    Raises:
        HttpError: 409; they have grown by more than a tenth since somebody counted them.
    """
    wanted, expect = ask.given("filter", dict), ask.given("expect", int)
    if expect is None:
        raise HttpError(422, "expected 'expect', the number of messages that the filter was seen to match")
    newest, capped = await _letters(ask)
    letters = _chosen(ask, newest, lambda name: _text_of(wanted, name))
    if len(letters) > expect * 1.1:
        raise HttpError(
            409,
            f"{len(letters)} messages match by now, and {expect} were expected; look again, and then decide",
            code="count_grew",
            details={"count": len(letters)},
        )
    return [letter.id for letter in letters[:MAX_BULK]], capped or len(letters) > MAX_BULK


def _text_of(wanted: dict[str, Any], name: str) -> str | None:
    value = wanted.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > 200):
        raise HttpError(422, f"expected {name!r} of the filter to be a text of at most 200 characters")
    return value or None


async def _redrive_edited(ask: Ask) -> models.Done:
    """Send a dead letter's message again with another payload, to its step alone; then forget the letter."""
    ids = ask.given("ids", list, [])
    if len(ids) != 1:
        raise HttpError(422, "expected one id to send again with another payload")
    letter = await _one(ask, str(ids[0]))
    if not _is_editable(ask, letter):
        raise HttpError(
            409,
            f"step {letter.step!r} does not get what is sent to it alone as a message of {letter.topic!r}; publish a "
            "new message to the topic instead",
            code="not_editable",
        )
    data = ask.curtain.restored(ask.body["edit"], payload_of(letter))
    plan = ask.motia.registry.plans[letter.subscription]
    if plan.schema is not None:
        plan.schema.from_python(data, f"the payload for step {letter.step!r}")
    # Should forgetting fail, the same edit sent once more within a day is not run twice.
    seal = hashlib.sha256(f"{letter.id} {letter.dead_at} {dumps(data)}".encode()).hexdigest()
    await send_to_step(ask.motia, letter.step, data, key=f"redrive {seal}")
    await ask.queue.discard(DeadQuery(ids=[letter.id]))
    return models.Done(1)


ROUTES = [
    Route("GET", "queues/:topic/messages", list_messages),
    Route("GET", "queues/:topic/errors", list_errors),
    Route("GET", "queues/:topic/messages/*id", get_message),
    Route("POST", "queues/:topic/redrive", redrive, "redrive"),
    Route("POST", "queues/:topic/discard", discard, "discard"),
]

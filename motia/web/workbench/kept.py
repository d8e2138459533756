"""State and streams: what is kept, looked at and edited.

The stores count no versions, so an item's version is a hash of what is stored: an edit says which it has seen, and is
made in the one atomic step in which the store compares it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from motia.codec import dumps, loads
from motia.declared import declared, spec_of
from motia.errors import HttpError
from motia.items import Items
from motia.messages import MAX_NAME, is_name
from motia.schemas import make_schema
from motia.stores.base import Compute, GroupPage, KeptPage
from motia.web.answers import Answer
from motia.web.workbench import models
from motia.web.workbench.asking import Ask, Route, answered

Change = Callable[[Compute], Awaitable[Any]]
Encode = Callable[[Any], str]


COUNTED = 50
"""Groups of a stream that are counted at most."""


def version_of(text: str) -> str:
    """Equal for equal stored values; told to nobody but those who edit: what is hidden could be guessed by it."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]


async def list_scopes(ask: Ask) -> models.Page[models.Scope]:
    """The groups of the state; how many keys each has is not counted, for that would read them all."""
    return _scopes(await _store(ask).page_groups(ask.query.get("cursor"), ask.limit))


async def list_keys(ask: Ask) -> models.Page[models.Item]:
    """A part of a group: of the keys that begin with ``prefix``. Values that are long are left out."""
    return _items(ask, await _store(ask).page(ask.params["group"], **_asked(ask)))


async def get_value(ask: Ask) -> Answer:
    return _one(ask, await _store(ask).get(ask.params["group"], ask.params["key"]), ask.params["key"])


async def put_value(ask: Ask) -> Answer:
    group, key = ask.params["group"], ask.params["key"]
    if not (is_name(group) and is_name(key)):
        raise HttpError(422, f"expected a group and a key of at most {MAX_NAME} bytes")
    encode = partial(dumps, limit=ask.motia.settings.payload_limit)
    return await _put(ask, key, lambda compute: ask.motia.state.change(group, key, compute), encode)


async def delete_value(ask: Ask) -> models.Done:
    group, key = ask.params["group"], ask.params["key"]
    return await _delete(ask, lambda compute: ask.motia.state.change(group, key, compute))


async def list_streams(ask: Ask) -> list[models.StreamSummary]:
    """The streams that this process has declared."""
    store = ask.motia.running.streams_backend.working.streams
    rows = []
    for spec in declared():
        schema = make_schema(spec.schema)
        groups = await store.page_groups(spec.name, limit=COUNTED)
        count = len(groups.names) if groups.next is None else None
        rows.append(models.StreamSummary(spec.name, count, schema.json_schema if schema else None))
    return rows


async def list_groups(ask: Ask) -> models.Page[models.Scope]:
    store = ask.motia.running.streams_backend.working.streams
    return _scopes(await store.page_groups(_stream(ask), ask.query.get("cursor"), ask.limit))


async def list_items(ask: Ask) -> models.Page[models.Item]:
    store = ask.motia.running.streams_backend.working.streams
    return _items(ask, await store.page(_stream(ask), ask.params["group"], **_asked(ask)))


async def get_item(ask: Ask) -> Answer:
    store = ask.motia.running.streams_backend.working.streams
    return _one(ask, await store.get(_stream(ask), ask.params["group"], ask.params["id"]), ask.params["id"])


async def put_item(ask: Ask) -> Answer:
    group, id, items = ask.params["group"], ask.params["id"], _of(ask)
    return await _put(
        ask, id, lambda compute: items.change(group, id, compute), lambda value: items.as_stored(id, value)
    )


async def delete_item(ask: Ask) -> models.Done:
    group, id, items = ask.params["group"], ask.params["id"], _of(ask)
    return await _delete(ask, lambda compute: items.change(group, id, compute))


def _store(ask: Ask) -> Any:
    return ask.motia.running.state_backend.working.store


def _stream(ask: Ask) -> str:
    name = ask.params["stream"]
    if spec_of(name) is None:
        raise HttpError(404, f"no stream {name!r} is declared in this app")
    return name


def _of(ask: Ask) -> Items:
    return ask.motia.streams[_stream(ask)]


def _asked(ask: Ask) -> dict[str, Any]:
    """Which part of a group is wanted."""
    return {"prefix": ask.query.get("prefix", ""), "cursor": ask.query.get("cursor"), "limit": ask.limit}


def _scopes(found: GroupPage) -> models.Page[models.Scope]:
    return models.Page([models.Scope(name, None) for name in found.names], found.next)


def _items(ask: Ask, found: KeptPage) -> models.Page[models.Item]:
    rows = [
        models.Item(kept.key, None, None, kept.size) if kept.value is None else _item(ask, kept.key, kept.value)
        for kept in found.items
    ]
    return models.Page(rows, found.next)


def _item(ask: Ask, key: str, text: str) -> models.Item:
    return models.Item(key, ask.curtain.json(text), version_of(text) if "edit" in ask.caller.rights else None)


def _one(ask: Ask, text: str | None, key: str) -> Answer:
    if text is None:
        raise HttpError(404, f"there is no {key!r}; it may have been deleted")
    item = _item(ask, key, text)
    plain = answered(item)
    if item.version is None:
        return plain
    return plain._replace(headers=[*plain.headers, ("etag", f'"{item.version}"')])


def _check_version(ask: Ask, old: str | None) -> None:
    """Whether the value is still the one that was seen: ``If-Match`` names it, ``If-None-Match: *`` says that there
    was none.

    Raises:
        HttpError: 428 where nothing is said, 412 with the present value where it has changed.
    """
    seen, none = ask.visit.headers.get("if-match"), ask.visit.headers.get("if-none-match")
    if seen is None and none != "*":
        raise HttpError(428, "expected If-Match with the version that was seen, or If-None-Match: * for a new one")
    wanted = None if seen is None else seen.strip().removeprefix("W/").strip('"')
    present = None if old is None else version_of(old)
    if (present is not None) if wanted is None else (present != wanted):
        now = {"value": None if old is None else ask.curtain.json(old), "version": present}
        raise HttpError(412, "somebody has changed it since", code="changed", details={"current": now})


async def _put(ask: Ask, key: str, change: Change, encode: Encode) -> Answer:
    if "value" not in ask.body:
        raise HttpError(422, "expected an object with 'value'")
    made = ""

    def compute(old: str | None) -> str:
        nonlocal made
        _check_version(ask, old)
        made = encode(ask.curtain.restored(ask.body["value"], None if old is None else loads(old)))
        return made

    await change(compute)
    return _one(ask, made, key)


async def _delete(ask: Ask, change: Change) -> models.Done:
    def compute(old: str | None) -> None:
        _check_version(ask, old)

    await change(compute)
    return models.Done(1)


ROUTES = [
    Route("GET", "state", list_scopes),
    Route("GET", "state/:group", list_keys),
    Route("GET", "state/:group/*key", get_value, model=models.Item),
    Route("PUT", "state/:group/*key", put_value, "edit", model=models.Item),
    Route("DELETE", "state/:group/*key", delete_value, "edit"),
    Route("GET", "streams", list_streams),
    Route("GET", "streams/:stream", list_groups),
    Route("GET", "streams/:stream/:group", list_items),
    Route("GET", "streams/:stream/:group/*id", get_item, model=models.Item),
    Route("PUT", "streams/:stream/:group/*id", put_item, "edit", model=models.Item),
    Route("DELETE", "streams/:stream/:group/*id", delete_item, "edit"),
]

"""What is longer than ``payload_limit`` is refused by state and streams, and changes nothing, on every backend."""

from __future__ import annotations

from typing import Any

import pytest

from motia import Motia, MotiaSettings, PayloadTooLarge, Stream

BACKENDS = ["sqlite", *(pytest.param(kind, marks=pytest.mark.service) for kind in ("postgresql", "mysql", "redis"))]
LIMIT = 1000
Stream("limits")


def grown(size: int) -> list[dict[str, Any]]:
    return [{"type": "append", "path": "text", "value": "x" * size}]


@pytest.mark.parametrize("place", BACKENDS, indirect=True)
async def test_values_items_and_events_obey_the_limit(place: str) -> None:
    async with Motia(place, settings=MotiaSettings(payload_limit=LIMIT)) as motia:
        state, items = motia.state, motia.streams.limits
        small = {"text": "x" * 500}
        await state.set("g", "a", small)
        await items.set("g", "a", small)
        for change in (
            lambda: state.set("g", "a", "x" * LIMIT),
            lambda: state.update("g", "a", grown(500)),
            lambda: items.set("g", "a", {"text": "x" * LIMIT}),
            lambda: items.update("g", "a", grown(500)),
            lambda: items.send("g", {"type": "said", "data": "ä" * (LIMIT // 2)}),
        ):
            with pytest.raises(PayloadTooLarge, match=r"expected at most 1000 bytes, got 10.*MOTIA_PAYLOAD_LIMIT"):
                await change()
        assert await state.get("g", "a") == small
        assert await items.get("g", "a") == {**small, "id": "a"}
        await state.update("g", "a", grown(400))
        assert len((await state.get("g", "a"))["text"]) == 900

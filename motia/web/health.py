"""The health route: whether the app can do its work now, and nothing more, for whoever asks."""

from __future__ import annotations

from motia.app import Motia
from motia.errors import NotOpen
from motia.routing import Path
from motia.web.answers import JSON, Answer
from motia.web.visits import BuiltIn, Visit

HEALTH_PATH = "/__motia/health"
_HEADERS = [("content-type", JSON), ("cache-control", "no-store")]


def health_route(motia: Motia) -> BuiltIn:
    """Answers 200 where the backends can be used, else 503. Asks nobody who they are, and records nothing."""

    async def answer(visit: Visit) -> Answer:
        try:
            good = await motia.running.health.is_good()
        except NotOpen:
            good = False
        if good:
            return Answer(200, [*_HEADERS], b'{"status": "ok"}')
        return Answer(503, [*_HEADERS, ("retry-after", "5")], b'{"status": "unavailable"}')

    return BuiltIn(Path.parse(HEALTH_PATH), ("GET",), answer)

"""The Workbench as routes that every adapter mounts: the page, and its API below ``api/v1``."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from motia.errors import HttpError
from motia.redaction import redact_text
from motia.routing import Path, Router
from motia.web.answers import Answer
from motia.web.visits import BuiltIn, Visit
from motia.web.workbench import flows, kept, letters, otlp, overview, queues, schedules, traces, unfinished
from motia.web.workbench.access import Caller, Door, Site, check_origin
from motia.web.workbench.asking import Ask, Route, answered, as_http, problem
from motia.web.workbench.document import document_route
from motia.web.workbench.feed import feed_routes
from motia.web.workbench.memory import Memory
from motia.web.workbench.pages import page

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_API = "api/v1/"
_SAFE = frozenset({"GET", "HEAD"})
_log = logging.getLogger("motia.workbench")


def api_routes() -> list[Route]:
    """Every address of the API."""
    modules = (overview, flows, traces, otlp, queues, letters, unfinished, schedules, kept)
    routes = [*(route for module in modules for route in module.ROUTES), *feed_routes()]
    return [*routes, document_route(routes)]


def workbench_routes(site: Site | None) -> list[BuiltIn]:
    """The routes of a Workbench; none without one."""
    if site is None:
        return []
    served, path = Served(site), site.motia.settings.workbench_path
    return [
        BuiltIn(Path.parse(path), METHODS, served.answer),
        BuiltIn(Path.parse(f"{path}/{_API}session"), METHODS, served.answer, token=True),
        BuiltIn(Path.parse(f"{path}/*rest"), METHODS, served.answer),
    ]


class Served:
    """Answers for a Workbench.

    Args:
        site: which one.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._door = Door(site)
        self._router = _router(api_routes())
        self._memory = Memory()

    async def answer(self, visit: Visit) -> Answer:
        """The answer to a request; never raises."""
        path = self._site.motia.settings.workbench_path
        rest = visit.path[len(path) :].removeprefix("/")
        is_page = not rest.startswith("api/")
        try:
            if not self._site.enabled():
                raise HttpError(404, "there is nothing here")
            caller = await self._door.admitted(visit)
            if is_page:
                return self._page(visit, rest)
            return await self._api(visit, caller, rest.removeprefix(_API) if rest.startswith(_API) else "")
        except Exception as error:
            return self._refused(visit, as_http(error), is_page=is_page)

    def _page(self, visit: Visit, rest: str) -> Answer:
        if visit.method not in _SAFE:
            raise HttpError(405, f"expected GET, got {visit.method}", headers={"allow": "GET, HEAD"})
        mount = visit.root + self._site.motia.settings.workbench_path
        if not rest and not visit.path.endswith("/"):
            return Answer(307, [("location", f"{mount}/"), ("cache-control", "no-store")], b"")
        return page(unquote(rest), mount, visit.headers)

    async def _api(self, visit: Visit, caller: Caller, path: str) -> Answer:
        found = self._router.match(f"/{path}")
        if found is None:
            raise HttpError(404, f"no address {path[:100]!r} in this API")
        by_method, values = found
        method = "GET" if visit.method == "HEAD" else visit.method
        route = by_method.get(method)
        if route is None:
            allow = ", ".join(sorted(by_method))
            raise HttpError(405, f"expected {allow}, got {visit.method}", headers={"allow": allow})
        # Names may hold slashes, which some servers decode before we see them: so they are encoded twice.
        params = dict(zip(Path.parse(route.path).params, map(unquote, values), strict=True))
        if any("\0" in value for value in params.values()):
            raise HttpError(404, "nothing has a name with a NUL in it")
        return await self._handled(route, Ask(self._site, visit, caller, params, self._memory))

    async def _handled(self, route: Route, ask: Ask) -> Answer:
        if route.right is None:
            return answered(await route.handle(ask), route.status)
        check_origin(ask.visit)
        if route.right not in ask.caller.rights:
            raise HttpError(403, f"this takes the right to {route.right}, which you do not have", code="not_allowed")
        self._memory.forget()
        found = await route.handle(ask)
        self._memory.forget()
        _tell(route, ask, found)
        return answered(found, route.status)

    def _refused(self, visit: Visit, error: HttpError, *, is_page: bool) -> Answer:
        login = self._door.login_for(visit) if error.status == 401 and is_page and visit.method in _SAFE else None
        if login is not None and not error.headers:
            return Answer(302, [("location", login), ("cache-control", "no-store")], b"")
        return problem(error)


def _router(routes: Sequence[Route]) -> Router[Mapping[str, Route]]:
    shapes: dict[str, tuple[Path, dict[str, Route]]] = {}
    for route in routes:
        path = Path.parse(route.path)
        shapes.setdefault(path.shape, (path, {}))[1][route.method] = route
    return Router(shapes.values())


def _tell(route: Route, ask: Ask, found: Any) -> None:
    """A line of the log for everything that somebody changed."""
    target = redact_text("/".join([route.path.partition("/")[0], *ask.params.values()]))[:500]
    fields = {
        "user": ask.caller.name,
        "action": f"{route.right} {route.method} {route.path}",
        "target": target,
        "count": getattr(found, "done", 1),
    }
    _log.info(
        "motia.workbench.action: %s by %s", target, ask.caller.name or "nobody in particular", extra={"motia": fields}
    )

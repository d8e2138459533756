"""What happens to a request before Flask sees it.

The app of steps is opened where it is not, and slashes inside of path parameters are kept: WSGI decodes them before
Flask can tell them from the path's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from motia.routing import Router
from motia.web.wsgi import Environ, path_of

FOUND = "motia.found"
"""Where the values of such a path are kept in the environment of the request."""


class Slashes:
    """Middleware: a step's path with ``%2F`` in it reaches Flask with that slash still encoded.

    Args:
        serve: called before each request.
    """

    def __init__(self, app: Any, router: Router[Any], serve: Callable[[], None]) -> None:
        self._app = app
        self._router = router
        self._serve = serve

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        self._serve()
        raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
        if raw and "%2f" in raw.lower():
            path = path_of(environ)
            found = self._router.match(path)
            if "%2f" in path.lower() and found is not None:
                environ["PATH_INFO"] = "/".join(_kept(part) for part in path.split("/"))
                environ[FOUND] = found[1]
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer


def _kept(segment: str) -> str:
    return unquote_to_bytes(segment).decode("latin-1").replace("/", "%2F")

"""Who may see the Workbench, and do what: the switch, the host, the person, the role, and where a request comes from.

On by itself in development alone, where nobody logs in: so there the ``Host`` must be this machine's, which no other
site can make a browser say (DNS rebinding), and no other machine says by accident. Everywhere else somebody has to be
named by ``authorize``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, quote

from motia.app import Motia
from motia.errors import ConfigError, HttpError
from motia.requests import QueryParams
from motia.web.gate import StreamRequest, asked, refuses
from motia.web.origins import is_same_host
from motia.web.visits import Visit
from motia.web.workbench.models import Right

Role = Literal["viewer", "operator", "admin"]
Mode = Any
"""``"auto"``, True, False or a ``Workbench``."""
OPERATOR: tuple[Right, ...] = ("invoke", "publish", "redrive", "discard", "cancel", "pause", "run")
RIGHTS: Mapping[str, tuple[Right, ...]] = {"viewer": (), "operator": OPERATOR, "admin": (*OPERATOR, "edit")}
_LOCAL = frozenset({"localhost", "localhost.localdomain", "testserver"})
"""The last is what test clients of Starlette and Django call the machine: a name that nobody can own."""
_HOST = re.compile(r"(?:([\w.-]{1,253})|\[([0-9a-fA-F:.]{2,45})\])(?::\d{1,5})?", re.ASCII)


@dataclass(frozen=True)
class User:
    """Who is let in, as ``authorize`` may say it."""

    name: str
    role: Role | None = None


@dataclass(frozen=True)
class Workbench:
    """How the Workbench is served.

    Attributes:
        authorize: asked for every request, plain or async: gets ``headers, path, query_params, addr, native`` and
            returns who it is: a ``User``, a name, the framework's user; None or False is nobody. Without it, the
            Workbench is for development.
        role: of those whom ``authorize`` lets in: ``viewer`` (looks, and sees no payloads), ``operator`` (sends,
            redrives, pauses; the default) or ``admin`` (edits state and streams), or a function of what ``authorize``
            returned.
        redact: names of further fields whose values nobody is shown, besides ``password``, ``token`` and the like.
        read_only: nobody changes anything.
        login: where a browser that is nobody is sent, with ``?next=``; default: 401.
        hosts: further names of this machine, for development.
    """

    authorize: Callable[[Any], Any] | None = None
    role: Role | Callable[[Any], Role] | None = None
    redact: Sequence[str] = ()
    read_only: bool = False
    login: str | None = None
    hosts: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.authorize is not None and not callable(self.authorize):
            raise ConfigError(f"Workbench(authorize=) expected a function, got {self.authorize!r}")
        if self.role is not None and not callable(self.role) and self.role not in RIGHTS:
            raise ConfigError(f"Workbench(role=) expected viewer, operator, admin or a function, got {self.role!r}")
        for name in ("redact", "hosts"):
            if isinstance(getattr(self, name), str):
                raise ConfigError(f"Workbench({name}=) expected a list, got the text {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking.

    Attributes:
        name: None in development, where nobody logs in.
        sees: payloads and values.
    """

    name: str | None
    rights: frozenset[Right]
    sees: bool = True


@dataclass(frozen=True)
class Site:
    """A Workbench as it is mounted.

    Attributes:
        enabled: asked with every request; where it says no, there is nothing at these addresses.
        prefix: of the paths of steps.
        name: of the app that hosts it.
    """

    motia: Motia
    workbench: Workbench
    enabled: Callable[[], bool]
    prefix: str = ""
    name: str = "motia"


def site_of(
    motia: Motia, mode: Mode, *, develops: Callable[[], bool] | None = None, prefix: str = "", name: str = "motia"
) -> Site | None:
    """The Workbench that a mode stands for; None for none.

    Args:
        develops: the framework's own sign of development.

    Raises:
        ConfigError: it is wanted outside development and nobody says who may see it; or the mode is none.
    """
    if mode is False:
        return None
    if mode != "auto" and mode is not True and not isinstance(mode, Workbench):
        raise ConfigError(f"workbench= expected 'auto', True, False or a Workbench(...), got {mode!r}")
    workbench = mode if isinstance(mode, Workbench) else Workbench()

    def enabled() -> bool:
        if workbench.authorize is not None:
            return True
        settings = motia.settings
        return settings.is_development or (settings.env != "production" and develops is not None and develops())

    if mode != "auto" and not enabled():
        raise ConfigError(
            "workbench= is on outside development and nobody says who may see it: give Workbench(authorize=...), or "
            "say that this is development with MOTIA_ENV=development"
        )
    return Site(motia, workbench, enabled, prefix, name)


class Door:
    """Lets requests in.

    Args:
        site: of which app.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    async def admitted(self, visit: Visit) -> Caller:
        """Who is asking.

        Raises:
            HttpError: 403 for a strange host in development, 401 for nobody, or the status that ``authorize`` raised.
        """
        workbench = self._site.workbench
        if workbench.authorize is None:
            self._check_host(visit)
            return self._caller(None, "admin")
        query = QueryParams(parse_qsl(visit.query, keep_blank_values=True))
        request = StreamRequest(visit.headers, visit.path, query, visit.addr, visit.native)
        user = await asked(self._site.motia.running.threads, workbench.authorize, request)
        if not user or refuses(user):
            raise HttpError(401, "the Workbench is for people it knows; log in first")
        return self._caller(_name_of(user), await self._role_of(user))

    async def _role_of(self, user: Any) -> str:
        role = self._site.workbench.role
        if callable(role):
            role = await asked(self._site.motia.running.threads, role, user)
        found = str(role or getattr(user, "role", None) or "operator")
        return found if found in RIGHTS else "viewer"

    def _caller(self, name: str | None, role: str) -> Caller:
        rights: tuple[Right, ...] = () if self._site.workbench.read_only else RIGHTS[role]
        return Caller(name, frozenset(rights), sees=role != "viewer")

    def _check_host(self, visit: Visit) -> None:
        host = visit.headers.get("host", "")
        if not is_local(host) and _name_in(host) not in {name.lower() for name in self._site.workbench.hosts}:
            raise HttpError(
                403,
                f"the Workbench answers to this machine's own names, such as localhost, and not to {host[:100]!r}; "
                "name others in Workbench(hosts=[...])",
                code="strange_host",
            )

    def login_for(self, visit: Visit) -> str | None:
        """Where a browser that is nobody is sent."""
        workbench = self._site.workbench
        login = workbench.login or getattr(workbench.authorize, "login", None)
        if not login:
            return None
        target = visit.root + visit.path + (f"?{visit.query}" if visit.query else "")
        return f"{login}{'&' if '?' in login else '?'}next={quote(target, safe='/')}"


def check_origin(visit: Visit) -> None:
    """Refuse what another site has sent in somebody's name. Browsers say where from; whoever says nothing is none.

    Raises:
        HttpError: 403 for another site, 415 for a body that a form could have sent.
    """
    kind = visit.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpError(415, f"expected content-type application/json, got {kind[:100]!r}")
    fetched, origin = visit.headers.get("sec-fetch-site"), visit.headers.get("origin")
    own = is_same_host(origin, visit.headers.get("host", "")) if origin is not None else True
    if not own or fetched not in {None, "same-origin"}:
        raise HttpError(403, "this came from another site", code="cross_site")


def is_local(host: str) -> bool:
    """Whether a ``Host`` is a name or an address by which a machine calls itself."""
    name = _name_in(host)
    return name in _LOCAL or name.endswith(".localhost") or _is_loopback(name)


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _name_in(host: str) -> str:
    """The name in a ``Host`` header; empty where that is more than a name and a port."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""


def _name_of(user: Any) -> str:
    """What people call somebody: for the page's corner and the log."""
    if isinstance(user, str):
        return user
    named = getattr(user, "get_username", None)
    if callable(named):
        return str(named())
    given = user.get("name") if isinstance(user, Mapping) else getattr(user, "name", None) or getattr(user, "id", None)
    return "somebody" if given is None or user is True else str(given)


assert set(RIGHTS["admin"]) == set(get_args(Right))

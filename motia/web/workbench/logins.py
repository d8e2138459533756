"""Ready-made ``authorize`` for ``Workbench``: Django's staff, Flask-Login's users, and a password of its own.

None of them imports a framework: each looks at the request that the framework's adapter hands over.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from motia.errors import ConfigError, HttpError, MissingDependency
from motia.redaction import register
from motia.web.workbench.access import User

_CHALLENGE = {"www-authenticate": 'Basic realm="Workbench", charset="UTF-8"'}


class django_staff:  # noqa: N801  # reads as the function it is called like
    """Django's staff; superusers are admins, other staff operators.

    Args:
        login: where others are sent.
    """

    def __init__(self, login: str = "/admin/login/") -> None:
        self.login = login

    def __call__(self, request: Any) -> User | None:
        user = getattr(request.native, "user", None)
        if user is None or not (user.is_active and user.is_staff):
            return None
        return User(user.get_username(), "admin" if user.is_superuser else "operator")


class flask_login:  # noqa: N801  # see above
    """Whoever Flask-Login has logged in, if ``allow`` agrees.

    Args:
        allow: given the user; required, since most apps have users who must not see a Workbench.
        login: where others are sent.

    Raises:
        ConfigError: ``allow`` is no function.
        MissingDependency: Flask-Login is not installed.
    """

    def __init__(self, allow: Callable[[Any], Any], login: str = "/login") -> None:
        if not callable(allow):
            raise ConfigError(f"flask_login() expected a function of the user, got {allow!r}")
        if find_spec("flask_login") is None:
            raise MissingDependency("flask_login() needs Flask-Login: pip install flask-login")
        self._allow = allow
        self.login = login

    def __call__(self, request: Any) -> User | None:
        user = import_module("flask_login").current_user
        if not user.is_authenticated or not self._allow(user):
            return None
        return User(str(user.get_id()))


class BasicAuth:
    """Names and passwords of HTTP's own: for apps that have no login, and for scripts. Use it over https alone.

    Args:
        passwords: by name; each at least 8 characters.
        roles: by name; default: ``role`` of the Workbench.

    Raises:
        ConfigError: there is no password, or one is short.
    """

    def __init__(self, passwords: Mapping[str, str], roles: Mapping[str, Any] | None = None) -> None:
        if not passwords or any(len(word) < 8 for word in passwords.values()):
            raise ConfigError("BasicAuth expected {'name': 'password'} with passwords of at least 8 characters")
        register(*passwords.values())
        self._passwords = {name: word.encode() for name, word in passwords.items()}
        self._roles = dict(roles or {})

    def __call__(self, request: Any) -> User:
        name, word = _read(request.headers.get("authorization", ""))
        known = self._passwords.get(name)
        same = hmac.compare_digest(known or b"\0", word)  # as long for a name that nobody has
        if known is None or not same:
            raise HttpError(401, "name and password are needed", headers=_CHALLENGE)
        return User(name, self._roles.get(name))


def _read(header: str) -> tuple[str, bytes]:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return "", b""
    try:
        name, _, word = b64decode(rest.strip(), validate=True).partition(b":")
        return name.decode(), word
    except (binascii.Error, ValueError):
        return "", b""

"""Reading declarations that people write as dicts: both spellings of every key, and no key that nobody reads."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from motia.errors import ConfigError, did_you_mean

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake(name: str) -> str:
    """``bodySchema`` as ``body_schema``; a name in snake case is returned as it is."""
    return _HUMP.sub(lambda found: "_" + found[1].lower(), name)


def read_keys(
    data: Mapping[str, Any], known: Collection[str], what: str, *, aliases: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The entries of ``data`` under their snake case names.

    Args:
        known: the names that mean something.
        what: names the declaration in the error.
        aliases: other names for known ones.

    Raises:
        ConfigError: a key is unknown, or is given twice in two spellings; names the nearest known key.
    """
    read: dict[str, Any] = {}
    for key, value in data.items():
        name = snake(key)
        name = (aliases or {}).get(name, name)
        if name not in known:
            raise ConfigError(f"{what} has an unknown key {key!r}; {did_you_mean(name, sorted(known))}")
        if name in read:
            raise ConfigError(f"{what} gives {name!r} twice; keep one spelling of {key!r}")
        read[name] = value
    return read

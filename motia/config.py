"""Settings: one frozen value, read from ``MOTIA_*`` variables, or from a mapping of a framework's settings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)

from motia.errors import ConfigError, did_you_mean

PREFIX = "MOTIA_"
_OTHERS = re.compile(r"TEST_\w+|FAILPOINT")
"""Variables with our prefix that are not settings of an app."""

_PATH = r"^/.*[^/]$"


class MotiaSettings(BaseModel):
    """Settings of an app. Each is a variable ``MOTIA_<NAME>``.

    Attributes:
        url: where queue and state are kept.
        outbox: URL of the SQL database that callers' transactions are on, where it is not the queue's; "" for none.
        env: ``development`` or ``production``.
        body_limit: longest request body in bytes; beyond it 413.
        payload_limit: longest message, state value and stream item in bytes; beyond it ``PayloadTooLarge``.
        strict_topics: whether sending to a topic that nobody subscribes to is an error.
        auto_migrate: create missing tables when the app opens; False leaves it to ``motia migrate``.
        timezone: of cron triggers that do not give one.
        busy_timeout: seconds to wait for a locked or silent backend before ``QueueUnavailable``.
        lease: seconds until the work of a silent worker is taken back.
        concurrency: deliveries at once in one worker process.
        threads: ``def`` handlers at once in one process.
        grace: seconds that running handlers are given at shutdown.
        workbench_path: where the Workbench is served.
        streams_path: where clients follow streams: the WebSocket, and below it server-sent events.
        allowed_origins: web origins, such as ``https://app.example.com``, whose pages may follow streams besides those
            of the host itself, and call steps where no framework sees to it; ``localhost`` for pages of this machine,
            on any port, ``*`` for all. In a variable, separated by commas.
        debug: answer with the text of unexpected errors.
        traces: whether runs are recorded for the Workbench; ``auto``: in development, where somebody has said so.
        traces_keep: days for which they are kept.
        traces_limit: traces that are kept at most, the newest.

    Raises:
        ConfigError: a name is unknown or its value does not fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = "sqlite:///motia.db"
    outbox: str = ""
    env: Literal["development", "production"] = "development"
    body_limit: int = Field(default=1024 * 1024, gt=0)
    payload_limit: int = Field(default=256 * 1024, gt=0)
    strict_topics: bool = False
    auto_migrate: bool = True
    timezone: str = "UTC"
    busy_timeout: float = Field(default=5.0, ge=0)
    lease: float = Field(default=30.0, gt=0)
    concurrency: int = Field(default=100, ge=1)
    threads: int = Field(default=20, ge=1)
    grace: float = Field(default=25.0, ge=0)
    streams_path: str = Field(default="/__motia/streams", pattern=_PATH)
    workbench_path: str = Field(default="/workbench", pattern=_PATH)
    allowed_origins: tuple[str, ...] = ()
    debug: bool = False
    traces: bool | Literal["auto"] = "auto"
    traces_keep: float = Field(default=7.0, gt=0)
    traces_limit: int = Field(default=10_000, ge=1)

    @property
    def is_development(self) -> bool:
        """Whether somebody has said that this is development. Nobody having said anything is no sign of it."""
        return self.env == "development" and "env" in self.model_fields_set

    @property
    def is_recorded(self) -> bool:
        """Whether runs are recorded."""
        return self.is_development if self.traces == "auto" else self.traces

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _separated(cls, value: Any) -> Any:
        return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **given: Any) -> MotiaSettings:
        """Settings from the environment; ``given`` wins.

        Raises:
            ConfigError: a variable is unknown or its value does not fit; names the variable.
        """
        environ = os.environ if environ is None else environ
        found = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environ.items()
            if name.startswith(PREFIX) and not _OTHERS.fullmatch(name.removeprefix(PREFIX))
        }
        return cls.from_mapping({**found, **given})

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> MotiaSettings:
        """Settings from a mapping with names in any case, with or without the prefix.

        Raises:
            ConfigError: a name is unknown or its value does not fit.
        """
        return cls(**{key.lower().removeprefix(PREFIX.lower()): value for key, value in data.items()})

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, data: Any, made: ModelWrapValidatorHandler[Self]) -> Self:
        known = [PREFIX + name.upper() for name in cls.model_fields]
        for name in data if isinstance(data, Mapping) else ():
            if name not in cls.model_fields:
                wrong = PREFIX + str(name).upper()
                raise ConfigError(f"unknown setting {wrong}; {did_you_mean(wrong, known)}")
        try:
            return made(data)
        except ValidationError as error:
            first = error.errors()[0]
            name = PREFIX + str(first["loc"][0]).upper()
            raise ConfigError(f"setting {name}: {first['msg']}, got {first['input']!r}") from error

"""What all answers share: pages of lists, failures, places in files, errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Total:
    """How many there are; ``capped``: at least as many."""

    value: int
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list.

    Attributes:
        next: the ``cursor`` of the part that follows; None at the end.
        total: None where nobody counts.
    """

    items: Sequence[T]
    next: str | None = None
    total: Total | None = None


@dataclass(frozen=True, slots=True)
class File:
    """Where something is written; ``path`` as short as it can be from where the app runs."""

    path: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """What a step raised. Failures of one ``fingerprint`` are alike."""

    type: str
    message: str
    stack: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Every error, as ``application/problem+json`` (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str

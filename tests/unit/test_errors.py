from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from motia import (
    ConfigError,
    HttpError,
    MissingDependency,
    Motia,
    MotiaError,
    NonRetryable,
    NotOpen,
    PayloadError,
    PayloadTooLarge,
    QueueUnavailable,
    RegistrationError,
    StorageError,
    UnserializablePayload,
    UpdateError,
    ValidationFailed,
    errors,
)
from motia.errors import Decision, Discard, InvalidName, ReadOnlyStore, Retry, did_you_mean


def test_one_except_catches_them_all() -> None:
    classes = [
        value for value in vars(errors).values() if isinstance(value, type) and value.__module__ == errors.__name__
    ]
    assert all(issubclass(item, MotiaError) for item in classes)


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        (RegistrationError, ConfigError),
        (MissingDependency, ConfigError),
        (InvalidName, ConfigError),
        (PayloadTooLarge, PayloadError),
        (UnserializablePayload, PayloadError),
        (ReadOnlyStore, StorageError),
        (Retry, Decision),
        (NonRetryable, Discard),
    ],
)
def test_the_tree(child: type, parent: type) -> None:
    assert issubclass(child, parent)


def test_an_http_error_knows_its_parts() -> None:
    error = HttpError(404, "no order 7", code="no_order", details={"id": 7}, headers={"x-a": "b"})
    assert (error.status, error.code, error.details, str(error)) == (404, "no_order", {"id": 7}, "no order 7")
    with pytest.raises(ValueError, match="expected a status from 400 to 599, got 200; return an ApiResponse"):
        HttpError(200, "fine")


@pytest.mark.parametrize("status", ["404", None, 200, 600])
def test_an_http_error_takes_a_status_of_an_error(status: Any) -> None:
    with pytest.raises(ValueError, match="HttpError expected a status from 400 to 599, got"):
        HttpError(status, "no")


def test_a_retry_waits_for_a_time() -> None:
    assert [Retry(after=value).after for value in (None, 0, 1.5, -1, timedelta(minutes=1))] == [None, 0, 1.5, -1, 60]
    for wrong in ("5", float("nan"), float("inf"), timedelta(days=400)):
        with pytest.raises(ValueError, match=r"Retry expected after= to be 0 to 31622400 seconds \(a year\), got"):
            Retry(after=wrong)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(ValueError, match=r"Retry expected a reason, got 5; write Retry\(after=5\)"):
        Retry(5)  # type: ignore[arg-type]  # that is the test


def test_messages_say_where() -> None:
    assert str(UnserializablePayload("$.a[0]", "expected text")) == "payload at $.a[0]: expected text"
    assert str(UpdateError(2, "op.unknown", "what")) == "op 2: what (op.unknown)"
    failure = ValidationFailed("the body", [{"loc": ("a", 0), "msg": "bad"}, {"loc": (), "msg": "worse"}])
    assert str(failure) == "the body does not fit its schema: a.0: bad (and 1 more)"
    assert issubclass(QueueUnavailable, MotiaError)


def test_did_you_mean_names_the_nearest_or_all() -> None:
    assert did_you_mean("quue", ["queue", "cron"]) == "did you mean 'queue'?"
    assert did_you_mean("zzz", ["b", "a"]) == "known: a, b"
    assert did_you_mean("zzz", []) == "none is known"


async def test_an_app_that_is_not_open_says_so() -> None:
    with pytest.raises(NotOpen, match="use `async with motia:`"):
        await Motia("memory:").enqueue("t", 1)

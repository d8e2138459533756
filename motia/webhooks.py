"""Webhooks: whether a request was sent by who holds the secret, and not again by somebody who has seen it."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from motia.errors import ConfigError, HttpError, did_you_mean
from motia.requests import ApiRequest

TOLERANCE = 300.0
"""Seconds by which the clocks of sender and receiver may differ, as the Standard Webhooks specification has it."""
Scheme = Literal["standard", "github", "stripe"]


def verify_webhook(
    request: ApiRequest[Any], *secrets: str, scheme: Scheme = "standard", tolerance: float = TOLERANCE
) -> str:
    """Check the signature of a webhook, and return its id::

        key = verify_webhook(req, SECRET)
        await ctx.enqueue("invoice.event", req.body, key=key)  # one that is sent again is not handled again

    Args:
        request: with ``raw_body`` as it came; a body that was parsed and written anew has another signature.
        secrets: any of which may have signed it: the new one and the old one, while they are being changed.
        scheme: ``standard`` is that of https://www.standardwebhooks.com; its secrets are base64, behind ``whsec_``.
        tolerance: seconds by which the time of sending may be away from now; GitHub tells none.

    Returns:
        The sender's id of the message: the same when it is sent again. Stripe's is the ``id`` of the event.

    Raises:
        HttpError: 401; it is not signed by any of the secrets, or was sent too long ago.
        ConfigError: there is no secret, one is not what the scheme takes, or the scheme is unknown.
    """
    if scheme not in _SCHEMES:
        raise ConfigError(f"verify_webhook() expected a scheme, got {scheme!r}; {did_you_mean(scheme, list(_SCHEMES))}")
    if not secrets or not all(isinstance(secret, str) and secret for secret in secrets):
        raise ConfigError("verify_webhook() expected the secret of the sender, got none; is its variable set?")
    signed = _SCHEMES[scheme](request.headers, request.raw_body)
    keys = [_key(secret) if scheme == "standard" else secret.encode() for secret in secrets]
    expected = [signed.written(hmac.digest(key, signed.content, hashlib.sha256)) for key in keys]
    if not any(hmac.compare_digest(found.encode(), wanted) for found in signed.signatures for wanted in expected):
        raise _refused("the signature of this webhook does not fit")
    if signed.sent is not None and not abs(time.time() - signed.sent) <= tolerance:
        raise _refused("this webhook was sent too long ago")
    return signed.id or _id_of(request)


class _Signed(NamedTuple):
    id: str
    sent: float | None
    content: bytes
    signatures: Iterable[str]
    written: Callable[[bytes], bytes]


def _standard(headers: Mapping[str, str], body: bytes) -> _Signed:
    id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signatures = [item[3:] for item in headers.get("webhook-signature", "").split() if item.startswith("v1,")]
    return _Signed(id, _seconds(sent), f"{id}.{sent}.".encode() + body, signatures, b64encode)


def _github(headers: Mapping[str, str], body: bytes) -> _Signed:
    kind, _, signature = headers.get("x-hub-signature-256", "").partition("=")
    signatures = [signature] if kind == "sha256" else []
    return _Signed(headers.get("x-github-delivery", ""), None, body, signatures, binascii.hexlify)


def _stripe(headers: Mapping[str, str], body: bytes) -> _Signed:
    parts = [item.strip().partition("=") for item in headers.get("stripe-signature", "").split(",")]
    sent = next((value for name, _, value in parts if name == "t"), "")
    signatures = [value for name, _, value in parts if name == "v1"]
    return _Signed("", _seconds(sent), f"{sent}.".encode() + body, signatures, binascii.hexlify)


_SCHEMES: Mapping[str, Callable[[Mapping[str, str], bytes], _Signed]] = {
    "standard": _standard,
    "github": _github,
    "stripe": _stripe,
}


def _key(secret: str) -> bytes:
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ConfigError("verify_webhook() expected a secret in base64, behind 'whsec_' or by itself") from error


def _seconds(text: str) -> float:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else float("nan")


def _id_of(request: ApiRequest[Any]) -> str:
    id = request.body.get("id") if isinstance(request.body, Mapping) else None
    return id if isinstance(id, str) and id else hashlib.sha256(request.raw_body).hexdigest()


def _refused(why: str) -> HttpError:
    return HttpError(401, why, code="webhook_refused")

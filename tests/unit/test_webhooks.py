from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest

from motia import ApiRequest, ConfigError, HttpError, Motia, http, queue, step
from motia.testing import MotiaTester
from motia.webhooks import verify_webhook

KEY = b"a secret of the sender's"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
OTHER = f"whsec_{base64.b64encode(b'another').decode()}"
BODY = b'{"id": "evt_1", "amount": 5}'


def signature(content: bytes, key: bytes = KEY) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def standard(body: bytes = BODY, at: float | None = None, id: str = "msg_1") -> dict[str, str]:
    sent = str(int(time.time() if at is None else at))
    signed = base64.b64encode(signature(f"{id}.{sent}.".encode() + body)).decode()
    return {"webhook-id": id, "webhook-timestamp": sent, "webhook-signature": f"v1a,else v1,AAAA v1,{signed}"}


def stripe(body: bytes = BODY, at: float | None = None) -> dict[str, str]:
    sent = str(int(time.time() if at is None else at))
    signed = signature(f"{sent}.".encode() + body, b"whsec_stripe").hex()
    return {"stripe-signature": f"t={sent},v1=00,v1={signed},v0=ab"}


def request(headers: dict[str, str], body: bytes = BODY, parsed: Any = None) -> ApiRequest[Any]:
    return ApiRequest(body=parsed, headers=headers, raw_body=body, method="POST")


def test_each_scheme_gives_the_id_of_the_message() -> None:
    assert verify_webhook(request(standard()), OTHER, SECRET) == "msg_1"
    assert verify_webhook(request(stripe(), parsed={"id": "evt_1"}), "whsec_stripe", scheme="stripe") == "evt_1"
    hashed = hashlib.sha256(BODY).hexdigest()
    assert verify_webhook(request(stripe()), "whsec_stripe", scheme="stripe") == hashed


def test_the_example_of_githubs_own_documentation() -> None:
    headers = {
        "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "x-github-delivery": "72d3162e",
    }
    found = verify_webhook(request(headers, b"Hello, World!"), "It's a Secret to Everybody", scheme="github")
    assert found == "72d3162e"


@pytest.mark.parametrize(
    ("headers", "body", "scheme", "secret"),
    [
        ({}, BODY, "standard", SECRET),
        (standard(), BODY + b" ", "standard", SECRET),
        (standard(), BODY, "standard", OTHER),
        (standard() | {"webhook-id": "msg_2"}, BODY, "standard", SECRET),
        (standard() | {"webhook-timestamp": "soon"}, BODY, "standard", SECRET),
        (standard() | {"webhook-signature": "v1,\xe9"}, BODY, "standard", SECRET),
        (standard(at=time.time() - 3600), BODY, "standard", SECRET),
        (standard(at=time.time() + 3600), BODY, "standard", SECRET),
        ({}, BODY, "stripe", "whsec_stripe"),
        (stripe(at=time.time() - 3600), BODY, "stripe", "whsec_stripe"),
        (stripe(), BODY + b" ", "stripe", "whsec_stripe"),
        ({"x-hub-signature-256": "sha1=00"}, BODY, "github", "x"),
        ({"x-hub-signature-256": "sha256"}, BODY, "github", "x"),
    ],
)
def test_what_is_not_the_senders_is_refused(headers: dict[str, str], body: bytes, scheme: Any, secret: str) -> None:
    with pytest.raises(HttpError) as caught:
        verify_webhook(request(headers, body), secret, scheme=scheme)
    assert (caught.value.status, caught.value.code) == (401, "webhook_refused")


def test_what_is_wrong_with_the_call_is_told() -> None:
    with pytest.raises(ConfigError, match="expected the secret of the sender, got none"):
        verify_webhook(request(standard()))
    with pytest.raises(ConfigError, match="expected a secret in base64"):
        verify_webhook(request(standard()), "whsec_*")
    with pytest.raises(ConfigError, match="did you mean 'stripe'"):
        verify_webhook(request(standard()), SECRET, scheme="strype")  # type: ignore[arg-type]  # that is the test


async def test_one_that_is_sent_again_is_handled_once() -> None:
    handled: list[Any] = []

    @step("hook", triggers=[http("POST", "/hook")])
    async def hook(req: ApiRequest[Any], ctx: Any) -> dict[str, bool]:
        receipt = await ctx.enqueue("event", req.body, key=verify_webhook(req, SECRET))
        return {"again": receipt.duplicate}

    @step("on-event", triggers=[queue("event")])
    async def on_event(data: Any) -> None:
        handled.append(data)

    async with MotiaTester(Motia("memory:", steps=[hook, on_event])) as t:
        for again in (False, True):
            headers = {**standard(), "content-type": "application/json"}
            assert (await t.post("/hook", content=BODY, headers=headers)).json == {"again": again}
        assert (await t.post("/hook", content=BODY)).status == 401
        await t.wait_idle()
    assert handled == [{"id": "evt_1", "amount": 5}]

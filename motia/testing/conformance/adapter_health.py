"""The health route: open to all, the same everywhere."""

from __future__ import annotations

import pytest

from motia.testing.conformance.adapter_client import Client

PATH = "/__motia/health"


class HealthCases:
    """Cases about an app whose backend answers."""

    def test_health_says_that_all_is_well_and_nothing_else(self, client: Client) -> None:
        reply = client.get(PATH)
        assert (reply.status, reply.json) == (200, {"status": "ok"})
        assert (reply.header("content-type"), reply.header("cache-control")) == ("application/json", "no-store")

    def test_health_has_a_head(self, client: Client) -> None:
        reply = client.send("HEAD", PATH)
        assert (reply.status, reply.body) == (200, b"")

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_health_changes_nothing(self, client: Client, method: str) -> None:
        reply = client.send(method, PATH)
        assert (reply.status, reply.header("allow")) == (405, "GET, HEAD, OPTIONS")

    def test_nothing_is_below_health(self, client: Client) -> None:
        assert client.get(f"{PATH}/secrets").status == 404

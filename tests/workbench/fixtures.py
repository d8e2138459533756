"""Writes what the API really answers for the page's own tests: ``python -m tests.workbench.fixtures``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from motia.testing.conformance.adapter_client import Client
from motia.web.application import Application
from tests.adapters.serving import served
from tests.flows.developing import eventually
from tests.workbench.shop import make_shop

FOLDER = Path(__file__).parents[2] / "ui"
API = "/workbench/api/v1/"
GETS = {
    "session": "session",
    "overview": "overview",
    "metrics": "metrics?range=5m",
    "flows": "flows",
    "flow": "flows/orders?range=1h",
    "steps": "steps",
    "step": "steps/charge-card",
    "endpoints": "endpoints",
    "traces": "traces",
    "logs": "logs",
    "queues": "queues",
    "messages": "queues/order.placed/messages?state=dead",
    "errors": "queues/order.placed/errors",
    "schedules": "schedules",
    "state": "state",
    "state-keys": "state/orders",
    "state-value": "state/orders/o%252FA-1",
    "streams": "streams",
    "stream-groups": "streams/orders.live",
    "stream-items": "streams/orders.live/all",
    "stream-item": "streams/orders.live/all/A-1",
    "search": "search?q=order",
    "problem-404": "steps/nobody",
    "problem-422": "queues/order.placed/messages?state=lost",
}


def encoded(name: str) -> str:
    """A name as one part of a path; see ``openapi.json``."""
    return quote(quote(name, safe=""), safe="")


def recorded() -> dict[str, Any]:
    """The answers, by the name of their fixture."""
    shop = make_shop().with_settings(env="development")
    found: dict[str, Any] = {}
    with served(Application(shop)) as address:
        client = Client(address)
        start = client.get(f"{API}events").json["cursor"]
        for sku in ("A-1", "R-1", "X-1", "X-2"):
            client.send("POST", "/purchases", json={"sku": sku, "qty": 2, "password": "never shown"})
        eventually(lambda: len(client.get(f"{API}queues/order.placed/messages").json["items"]) == 2)
        eventually(lambda: _statuses(client) == ["error", "error", "ok", "recovered"])
        for name, path in GETS.items():
            found[name] = client.get(API + path).json
        letter = found["messages"]["items"][0]["id"]
        found["message"] = client.get(f"{API}queues/order.placed/messages/{encoded(letter)}").json
        for trace in found["traces"]["items"]:
            found[f"trace-{trace['status']}"] = client.get(f"{API}traces/{trace['id']}").json
        found["feed"] = client.get(f"{API}events?after={encoded(start)}").json
        found["sent"] = client.send("POST", f"{API}steps/notify/invoke", json={"input": {"sku": "B"}}).json
        client.send("POST", f"{API}queues/order.paid/messages", json={"data": {"sku": "L"}, "delay_ms": 3_600_000})
        found["waiting"] = client.get(f"{API}queues/order.paid/messages?state=delayed").json
        found["openapi"] = client.get(f"{API}openapi.json").json
    return found


def _statuses(client: Client) -> list[str]:
    return sorted(trace["status"] for trace in client.get(f"{API}traces").json["items"])


def written(value: Any) -> str:
    """As it stands in a file, without the folder in which it was made."""
    return json.dumps(value, indent=2, ensure_ascii=False).replace(f"{FOLDER.parent}/", "") + "\n"


def main() -> None:
    """Write the files."""
    found = recorded()
    (FOLDER / "fixtures").mkdir(parents=True, exist_ok=True)
    (FOLDER / "openapi.json").write_text(written(found.pop("openapi")))
    for name, value in found.items():
        (FOLDER / "fixtures" / f"{name}.json").write_text(written(value))
    print(f"{len(found)} fixtures")  # for whoever called it


if __name__ == "__main__":
    os.chdir(FOLDER.parent)
    main()

"""Markup in whatever the Workbench shows: none of it runs, on any page, and none is kept from being shown."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.hostile import RUNS, markup
from tests.browser.serving import Server
from tests.flows.developing import eventually

FOREIGN = (
    "main :is(iframe, script, object, base, meta, link, img, form[action], xss, [onerror], [onload], [srcdoc]),"
    " a[href^='javascript:' i], a[href^='data:' i]"
)
"""What the page has none of, unless somebody else has put it there."""
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server("tests.browser.hostile_app:app", {"MOTIA_URL": f"sqlite:///{tmp_path / 'hostile.db'}"})
    yield server
    server.stop()


def part(name: str) -> str:
    """A name as a part of a path of the page, or twice quoted of the API."""
    return quote(name, safe="")


class Victim:
    """Somebody who opens pages; what ran in them that should not have, is noted."""

    def __init__(self, page: Any, server: Server) -> None:
        self.page, self.url = page, server.url
        self.noted: list[str] = []
        page.on("dialog", lambda dialog: (self.noted.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.noted.append(f"error {error}"))
        page.on("request", self._see)
        page.on("popup", lambda popup: self.noted.append(f"window {popup.url}"))

    def _hear(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.noted.append(message.text)

    def _see(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:image", "blob:")):
            self.noted.append(f"asked for {request.url}")

    def open(self, path: str, seen: str) -> None:
        """Open a page and wait for a text of it."""
        self.page.goto(f"{self.url}/workbench/{path}")
        self.page.locator("main").get_by_text(seen).locator("visible=true").first.wait_for(timeout=20_000)
        self.check(path)

    def check(self, where: str) -> None:
        found = self.page.evaluate(
            "(foreign) => [window.taken || 0, document.querySelectorAll(foreign).length]", FOREIGN
        )
        assert found == [0, 0], where
        assert self.noted == [], where


def api(server: Server, path: str) -> Any:
    with urllib.request.urlopen(f"{server.url}/workbench/api/v1/{path}", timeout=20) as answer:
        return json.load(answer)


def test_markup_is_shown_and_never_run(page: Any, server: Server) -> None:
    for text in RUNS:
        server.post("/hostile", {"text": text})
    topic, step, flow = markup("topic"), markup("step"), markup("flow")
    dead = f"queues/{part(part(topic))}/messages"
    eventually(lambda: len(api(server, dead)["items"]) == len(RUNS))
    traces = {item["id"]: item for item in api(server, "traces?limit=100")["items"]}
    victim = Victim(page, server)
    for path, seen in {
        "": "class",
        "flows": flow,
        f"flows/{part(flow)}": step,
        "endpoints": "/hostile",
        "traces": "POST /hostile",
        "logs?level=error": RUNS[1],
        "queues": topic,
        f"queues/{part(topic)}?tab=dead": "Refused",
        f"queues/{part(topic)}?tab=delayed": "onerror",
        "schedules": markup("clock"),
        "state": RUNS[1],
        "streams": "board",
        "streams/board": RUNS[1],
    }.items():
        victim.open(path, seen)
    for text in RUNS:
        victim.open(f"state/{part(text)}", text.strip())
        victim.open(f"state/{part(text)}/{part(text)}", text.strip()[:20])
        victim.open(f"streams/board/{part(text)}/{part(text)}", text.strip()[:20])
    for trace in list(traces)[: len(RUNS)]:
        victim.open(f"traces/{trace}", markup("step"))

"""The clients that are published on npm, unmodified, against a real server."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


class NodeClient:
    """A node process that tells what its subscriptions see, a line of JSON each."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))

    def until(self, what: str, wanted: Any) -> list[Any]:
        """Wait until something of one kind is told; all that was told till then."""
        told = []
        while True:
            try:
                told.append(self._lines.get(timeout=15))
            except queue.Empty:
                pytest.fail(f"waited for {what} {wanted!r}, got {told}")
            if told[-1]["what"] == what and told[-1].get("state", told[-1].get("data")) == wanted:
                return told

    def close(self, name: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()


@contextmanager
def node(packages: Path, server: Server, *arguments: str) -> Iterator[NodeClient]:
    command = ["node", "node.mjs", server.socket, *arguments]
    process = subprocess.Popen(command, cwd=packages, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield NodeClient(process)
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_node_follows_groups_items_and_events(packages: Path, server: Server) -> None:
    server.post("/do/set", ["g", "b", {"n": 1}])
    with node(packages, server) as client:
        client.until("group", [{"n": 1, "id": "b"}])
        client.until("error", {"code": "STREAM_ACCESS_DENIED", "message": "Access denied"})
        server.post("/do/set", ["g", "a", {"n": 2}])
        client.until("group", [{"n": 1, "id": "b"}, {"n": 2, "id": "a"}])
        server.post("/do/update", ["g", "a", [{"type": "increment", "path": "n", "by": 3}]])
        told = client.until("group", [{"n": 1, "id": "b"}, {"n": 5, "id": "a"}])
        assert [item["state"] for item in told if item["what"] == "item"][-1] == {"n": 5, "id": "a"}
        server.post("/do/send", ["g", {"type": "typing", "data": "ada"}])
        server.post("/do/send", ["g", {"type": "seen", "data": 7}, "a"])
        told = client.until("seen", 7)
        assert [item["data"] for item in told if item["what"] == "typing"] == ["ada"]
        server.post("/do/delete", ["g", "a"])
        told = client.until("group", [{"n": 1, "id": "b"}])
        assert {"what": "item", "state": None} in told
        client.close("item")
        server.post("/do/set", ["g", "a", {"n": 9}])
        told = client.until("group", [{"n": 1, "id": "b"}, {"n": 9, "id": "a"}])
        assert all(item["what"] == "group" for item in told)


def test_node_is_let_in_by_its_token(packages: Path, server: Server) -> None:
    with node(packages, server, "secret") as client:
        client.until("private", [])
        server.post("/do/set", ["private", "x", {}])
        client.until("private", [{"id": "x"}])
    with node(packages, server, "wrong") as client:
        client.until("refused", "Unexpected server response: 401")


def test_node_comes_back_after_the_server_was_killed(packages: Path, server: Server) -> None:
    server.post("/do/set", ["g", "a", {"n": 1}])
    with node(packages, server) as client:
        client.until("group", [{"n": 1, "id": "a"}])
        server.kill()
        server.start()
        server.post("/do/set", ["g", "a", {"n": 2}])
        server.post("/do/set", ["g", "c", {"n": 3}])
        client.until("group", [{"n": 2, "id": "a"}, {"n": 3, "id": "c"}])
        server.post("/do/set", ["g", "a", {"n": 4}])
        client.until("group", [{"n": 4, "id": "a"}, {"n": 3, "id": "c"}])


def _last(page: Any, what: str) -> str:
    """An expression that is the newest of one kind that the page was told."""
    return f"JSON.stringify(window.told.findLast((told) => told.what === {what!r}))"


def _waits(page: Any, what: str, wanted: Any) -> None:
    key = "state" if what in {"group", "item", "private"} else "data"
    text = json.dumps({"what": what, key: wanted}, separators=(",", ":"), ensure_ascii=False)
    page.wait_for_function(f"{_last(page, what)} === {json.dumps(text)}")


def test_browsers_follow_groups_items_and_events(pages: Path, page: Any, server: Server) -> None:
    server.post("/do/set", ["g", "b", {"n": 1}])
    page.goto(f"{server.url}/page.html?token=secret")
    _waits(page, "group", [{"n": 1, "id": "b"}])
    _waits(page, "private", [])
    server.post("/do/set", ["g", "a", {"n": 2}])
    _waits(page, "item", {"n": 2, "id": "a"})
    server.post("/do/update", ["g", "a", [{"type": "set", "path": "n", "value": "ü"}]])
    _waits(page, "group", [{"n": 1, "id": "b"}, {"n": "ü", "id": "a"}])
    server.post("/do/send", ["g", {"type": "seen", "data": {"who": 1}}, "a"])
    _waits(page, "seen", {"who": 1})
    server.post("/do/delete", ["g", "a"])
    _waits(page, "item", None)
    server.kill()
    server.start()
    server.post("/do/set", ["g", "b", {"n": 5}])
    _waits(page, "group", [{"n": 5, "id": "b"}])
    page.goto(f"{server.url}/page.html")
    _waits(page, "error", {"code": "STREAM_ACCESS_DENIED", "message": "Access denied"})


def test_react_shows_what_there_is(pages: Path, page: Any, server: Server) -> None:
    server.post("/do/set", ["g", "b", {"title": "second"}])
    server.post("/do/set", ["private", "x", {}])
    page.goto(f"{server.url}/react.html")
    page.wait_for_selector("li:has-text('second')")
    server.post("/do/set", ["g", "a", {"title": "first"}])
    page.wait_for_selector("#item:has-text('first')")
    page.wait_for_function("document.querySelector('ul').innerText.split('\\n').join() === 'first,second'")
    page.wait_for_selector("#private:has-text('1')")
    server.post("/do/send", ["g", {"type": "typing", "data": "ada"}])
    page.wait_for_selector("#typing:has-text('ada')")
    server.post("/do/delete", ["g", "a"])
    page.wait_for_selector("#item:has-text('none')")
    assert page.locator("li").count() == 1

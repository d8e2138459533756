"""The Workbench in a real browser, over a real app with a real worker, below a path of its host."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PAGES = {
    "Overview": "",
    "Flows": "flows",
    "Endpoints": "endpoints",
    "Traces": "traces",
    "Logs": "logs",
    "Queues": "queues",
    "Schedules": "schedules",
    "State": "state",
    "Streams": "streams",
}
API = "/shop/workbench/api/v1/"


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    environment = {"MOTIA_URL": f"sqlite:///{tmp_path / 'parcels.db'}", **getattr(request, "param", {})}
    server = Server("tests.browser.workbench_app:app", environment)
    yield server
    server.stop()


class Bench:
    """The Workbench in a tab: whatever it says to the console, or asks of others, is noted.

    Args:
        page: an empty tab.
    """

    def __init__(self, page: Any, server: Server) -> None:
        self.page, self.server = page, server
        self.said: list[str] = []
        self.abroad: list[str] = []
        page.on("console", self._hear)
        page.on("request", self._see)

    def _hear(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.said.append(f"{message.text} ({message.location.get('url', '')})")

    def _see(self, request: Any) -> None:
        if not request.url.startswith((self.server.url, "data:", "blob:")):
            self.abroad.append(request.url)

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.server.url}/shop/workbench/{path}")
        self.page.wait_for_selector("main h1")

    def wait(self, selector: str) -> Any:
        found = self.page.locator(selector).first
        found.wait_for(timeout=30_000)
        return found

    def gone(self, selector: str) -> None:
        self.page.locator(selector).first.wait_for(state="detached", timeout=30_000)

    def send(self, id: str) -> None:
        self.server.post("/shop/parcels", {"id": id})


@pytest.fixture
def bench(page: Any, shop: Server) -> Iterator[Bench]:
    bench = Bench(page, shop)
    yield bench
    assert bench.said == []
    assert bench.abroad == []


def ask(server: Server, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """The JSON of the API's answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + API + path, data, {"content-type": "application/json", **headers})
    request.method = method
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.loads(response.read())


def test_every_page_opens_from_the_rail_and_by_its_address(bench: Bench) -> None:
    bench.open()
    for word, path in PAGES.items():
        bench.page.get_by_role("link", name=word, exact=True).click()
        bench.wait(f"main h1:has-text('{word}')")
        assert bench.page.url == f"{bench.server.url}/shop/workbench/{path}"
        bench.page.reload()
        bench.wait(f"nav a[aria-current=page]:has-text('{word}')")
    bench.wait(".live-live")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 900])
def test_no_page_is_wider_than_the_window(bench: Bench, scheme: str, width: int) -> None:
    bench.page.emulate_media(color_scheme=scheme)
    bench.page.set_viewport_size({"width": width, "height": 800})
    bench.send("p-1")
    bench.open()
    for path in PAGES.values():
        bench.open(path)
        bench.page.wait_for_selector(".waiting", state="detached")
        assert bench.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        background = bench.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (int(re.findall(r"\d+", background)[0]) < 100) == (scheme == "dark")


def test_what_failed_for_good_is_seen_and_redriven_and_gone(bench: Bench) -> None:
    bench.send("p-1")
    bench.open("queues")
    bench.wait("nav .badge:text-is('1')")
    bench.page.get_by_role("link", name="parcel.sent").click()
    bench.wait("text=RoadClosed")
    bench.wait("td .cover:has-text('no way to bring p-1')").click()
    bench.wait(".inspector summary:text-is('Stack')").click()
    bench.wait(".inspector pre:has-text('raise RoadClosed')")
    ask(bench.server, "PUT", "state/roads/north", {"value": "open"}, **{"if-none-match": "*"})
    bench.page.get_by_role("checkbox", name="All on this page").check()
    bench.wait("[role=toolbar] >> text=Redrive…").click()
    bench.wait("dialog button:text-is('Redrive 1')").click()
    bench.wait("text=All clear")
    bench.gone("nav .badge")
    assert ask(bench.server, "GET", "state/parcels/p-1")["value"]["status"] == "delivered"


def test_redriving_at_a_pace_ends_when_too_many_fail_again(bench: Bench) -> None:
    for number in range(4):
        bench.send(f"p-{number}")
    bench.open("queues/parcel.sent?tab=dead")
    bench.wait("tbody tr:nth-child(4)")
    bench.page.get_by_role("checkbox", name="All on this page").check()
    bench.wait("[role=toolbar] >> text=Redrive…").click()
    bench.wait("dialog >> text=So many a second").click()
    bench.page.get_by_label("A second").fill("1")
    bench.page.get_by_label("Stop when failed again").fill("1")
    bench.wait("dialog button:text-is('Redrive 4')").click()
    bench.wait("dialog >> text=/Stopped, since too many failed again: [12] redriven, [12] failed again/")
    bench.wait("dialog button:text-is('Close')").click()
    bench.wait("tbody tr:nth-child(4)")
    ask(bench.server, "PUT", "state/roads/north", {"value": "open"}, **{"if-none-match": "*"})
    bench.page.get_by_role("checkbox", name="All on this page").check()
    bench.wait("[role=toolbar] >> text=Redrive…").click()
    bench.wait("dialog >> text=So many a second").click()
    bench.page.get_by_label("A second").fill("2")
    bench.wait("dialog button:text-is('Redrive 4')").click()
    bench.wait("dialog progress")
    bench.wait("text=All clear")


def test_discarding_asks_first(bench: Bench) -> None:
    bench.send("p-1")
    bench.open("queues/parcel.sent")
    bench.wait("td .cover:has-text('p-1')").click()
    bench.wait(".inspector >> text=Discard…").click()
    bench.wait("dialog >> text=Cancel").click()
    assert len(ask(bench.server, "GET", "queues/parcel.sent/messages")["items"]) == 1
    bench.wait(".inspector >> text=Discard…").click()
    bench.wait("dialog button:text-is('Discard 1')").click()
    bench.wait("text=All clear")
    assert ask(bench.server, "GET", "queues/parcel.sent/messages")["items"] == []


def test_a_dead_letter_is_mended_and_sent_again(bench: Bench) -> None:
    bench.send("p-1")
    bench.open("queues/parcel.sent")
    bench.wait("td .cover:has-text('p-1')").click()
    bench.wait(".inspector >> text=Edit and redrive…").click()
    bench.wait("dialog textarea").fill('{"id": "late-2"}')
    bench.wait("dialog >> text=Redrive as edited").click()
    bench.wait("text=All clear")


def test_what_waits_and_runs_is_listed_and_cancelled(bench: Bench) -> None:
    for n in range(3):
        ask(bench.server, "POST", "queues/parcel.heavy/messages", {"data": {"n": n, "token": "never shown"}})
    ask(bench.server, "POST", "queues/parcel.heavy/messages", {"data": {"n": 9}, "delay_ms": 3_600_000})
    bench.open("queues/parcel.heavy?tab=running")
    bench.wait('tr:has-text(\'haul\') >> text=\'{"n":0,"token":"[hidden]"}\'')
    bench.wait("tr:has-text('haul'):has-text('pid')")
    bench.page.get_by_role("link", name="Delayed").click()
    bench.wait("tr:has-text('in 59 min')")
    bench.page.get_by_role("link", name="Ready").click()
    bench.wait("tbody tr:nth-child(2):has-text('\"n\":2')")
    bench.page.get_by_label("Order").select_option("newest")
    bench.wait("tbody tr:nth-child(1):has-text('\"n\":2')")
    bench.wait("tbody tr:nth-child(1) .cover").click()
    bench.wait(".inspector .preview:has-text('[hidden]')")
    bench.wait(".inspector >> text=Cancel message…").click()
    bench.wait("dialog >> text=Keep it").click()
    bench.wait(".inspector >> text=Cancel message…").click()
    bench.wait("dialog button:text-is('Cancel message')").click()
    bench.wait(".inspector >> text=It is not here any more")
    assert bench.page.locator("tbody tr").count() == 1
    ask(bench.server, "PUT", "state/roads/heavy", {"value": "open"}, **{"if-none-match": "*"})
    bench.wait("text=Nothing waits for a worker.")


def test_what_a_worker_died_over_is_listed_apart(bench: Bench) -> None:
    bench.open("queues/parcel.heavy?tab=running")
    ask(bench.server, "POST", "queues/parcel.heavy/messages", {"data": {"n": 1}})
    bench.wait("tr:has-text('haul')")
    bench.page.goto("about:blank")
    ask(bench.server, "POST", "queues/parcel.heavy/pause", {})
    bench.server.kill()
    bench.server.start()
    bench.open("queues/parcel.heavy?tab=ready")
    bench.wait(".part:has-text('Suspect') tr:has-text('haul') .cover").click()
    bench.wait(".inspector .status:text-is('suspect')")
    bench.wait(".inspector dd:text-is('worker_lost')")


def test_the_tester_sends_to_the_real_route_and_shows_what_followed(bench: Bench) -> None:
    bench.open(f"endpoints/{quote('POST /shop/parcels', safe='')}")
    body = bench.wait(".tester textarea")
    assert json.loads(body.input_value()) == {"id": "p-1", "weight": 2}
    body.fill('{"id": "late-1", "weight": "heavy"}')
    bench.wait("text=body.weight: expected integer, got string")
    body.fill('{"id": "late-1", "weight": 3}')
    bench.wait(".tester button:has-text('Send')").click()
    bench.wait(".reply-line:has-text('202')")
    bench.wait(".tester-reply .json:has-text('late-1')")
    bench.wait(".followed li:has-text('thank')")
    bench.wait(".followed .status:has-text('recovered')")
    bench.wait(".followed >> text=Open the trace").click()
    bench.wait("main h1:has-text('POST')")
    bench.wait(".waterfall:has-text('attempt 2/2')")
    bench.wait(".wf-span:has-text('deliver') .status:has-text('retry')").click()
    bench.wait(".inspector .errorbox:has-text('RoadClosed')")
    bench.wait(".wf-event:has-text('the road is closed')")
    with bench.page.expect_download() as waiting:
        bench.wait("a:text-is('OTLP')").click()
    exported = json.loads(Path(waiting.value.path()).read_text())
    assert "deliver" in str(exported["resourceSpans"][0]["scopeSpans"][0]["spans"])
    first = bench.page.url
    bench.wait(".inspector >> text=Run again…").click()
    bench.wait("dialog textarea").fill('{"id": "late-2"}')
    bench.wait("dialog button:text-is('Run again')").click()
    bench.page.wait_for_url(lambda url: url.split("?")[0] != first.split("?")[0])
    bench.wait(".wf-span:has-text('deliver')")
    bench.page.get_by_role("link", name="Logs", exact=True).last.click()
    bench.wait(".logline:has-text('thanked')")


def test_state_is_edited_with_the_version_that_was_seen(bench: Bench) -> None:
    odd = "a/b %2F ü"
    path = f"state/roads/{quote(quote(odd, safe=''))}"
    ask(bench.server, "PUT", path, {"value": {"lanes": 2}}, **{"if-none-match": "*"})
    bench.open("state/roads")
    bench.page.get_by_role("link", name=odd).click()
    bench.wait(".inspector .json:has-text('lanes')")
    bench.wait(".inspector >> text=Edit…").click()
    bench.wait("dialog textarea").fill('{"lanes": 4}')
    bench.wait("dialog >> text=Save").click()
    bench.gone("dialog")
    bench.wait(".inspector .json-number:text-is('4')")
    seen = ask(bench.server, "GET", path)
    assert seen["value"] == {"lanes": 4}


def test_a_group_of_many_keys_and_many_groups_are_shown_in_parts(bench: Bench) -> None:
    for number in range(105):
        ask(bench.server, "PUT", f"state/many/k{number:03}", {"value": number}, **{"if-none-match": "*"})
    for number in range(202):
        ask(bench.server, "PUT", f"state/n{number:03}/k", {"value": number}, **{"if-none-match": "*"})
    bench.open("state/many")
    bench.wait("tr:has-text('k099')")
    assert bench.page.locator("tbody tr").count() == 100
    bench.wait(".pager >> text=More").click()
    bench.wait("tr:has-text('k104')").click()
    bench.wait(".inspector .json-number:text-is('104')")
    assert bench.page.locator("tbody tr").count() == 5
    bench.page.get_by_label("Key begins with").fill("k00")
    bench.wait("tr:has-text('k009')")
    assert bench.page.locator("tbody tr").count() == 10
    assert bench.page.locator(".names a").count() == 200
    bench.wait(".names >> text=More groups").click()
    bench.wait(".names a:has-text('n201')").click()
    bench.wait("tr:has-text('201')")
    bench.wait(".names >> text=First groups").click()
    bench.wait(".names a:has-text('many')")


def test_an_edit_that_crosses_another_shows_it_and_overwrites_nothing(bench: Bench) -> None:
    version = ask(bench.server, "PUT", "state/roads/north", {"value": 1}, **{"if-none-match": "*"})["version"]
    bench.open("state/roads/north")
    bench.wait(".inspector >> text=Edit…").click()
    bench.wait("dialog textarea").fill("3")
    ask(bench.server, "PUT", "state/roads/north", {"value": 2}, **{"if-match": f'"{version}"'})
    bench.wait("dialog >> text=Save").click()
    bench.wait("dialog >> text=somebody has changed it since")
    assert ask(bench.server, "GET", "state/roads/north")["value"] == 2
    bench.wait("dialog >> text=I have seen it").click()
    bench.wait("dialog >> text=Save").click()
    bench.gone("dialog")
    assert ask(bench.server, "GET", "state/roads/north")["value"] == 3
    bench.said = [line for line in bench.said if "412" not in line]  # the browser notes each answer of the kind


def test_a_flow_is_drawn_and_listed_and_its_steps_can_be_run(bench: Bench) -> None:
    bench.open("flows/parcels")
    bench.wait(".react-flow__node:has-text('deliver')").click()
    bench.wait(".inspector h2:text-is('deliver')")
    assert bench.page.locator(".react-flow__node").count() == 9
    assert bench.page.locator(".react-flow__edge").count() == 4
    bench.wait("button:text-is('List')").click()
    bench.wait("tr:has-text('deliver') >> text=parcel.delivered → thank")
    bench.wait(".inspector button:text-is('Run…')").click()
    bench.wait("dialog textarea").fill('{"id": "late-7"}')
    bench.wait("dialog button:text-is('Run')").click()
    bench.wait("dialog >> text=Open its trace")


def test_what_runs_really_did_is_drawn_beside_what_is_declared(bench: Bench) -> None:
    bench.send("late-1")
    bench.open("flows/parcels")
    for kind, label in [
        ("queue.edge-seen", "parcel.sent · 1"),
        ("queue.edge-seen", "parcel.delivered · 1"),
        ("state.edge-seen", "changes · 1"),
        ("stream.edge-seen", "changes · 1"),
        ("observed", "state parcels/* · 1"),
        ("observed", "stream board/today/* · 1"),
        ("observed", "invoke · 1"),
    ]:
        bench.wait(f".react-flow__edge.edge-{kind}:has-text('{label}')")
    strokes = "[...document.querySelectorAll('.edge-%s path')].map((path) => getComputedStyle(path).strokeDasharray)"
    assert bench.page.evaluate(strokes % "observed")[0] != bench.page.evaluate(strokes % "queue")[0]
    bench.wait(".legend li:has-text('seen, not declared')")
    bench.wait("button:text-is('List')").click()
    bench.wait("tr:has-text('send-parcel') >> text=parcel.sent · 1 → deliver")
    bench.wait("tr:has-text('deliver') >> text=state parcels/* · 1 → count-parcels")
    bench.wait("tr:has-text('count-parcels') >> text=invoke · 1 → rank")
    bench.wait("tr:has-text('state parcels/*') >> text=changes → count-parcels")


def test_streams_and_schedules_are_shown(bench: Bench) -> None:
    ask(bench.server, "PUT", "streams/board/today/p-9", {"value": {"status": "on its way"}}, **{"if-none-match": "*"})
    bench.open("streams/board/today")
    bench.wait("tr:has-text('on its way')")
    bench.open("schedules")
    bench.wait("tr:has-text('nightly') >> text=Europe/Berlin")
    bench.wait("tr:has-text('nightly') [title=Pause]").click()
    bench.wait("tr:has-text('nightly') .status:has-text('paused')")


def test_a_feed_that_breaks_is_told_of_and_comes_back(bench: Bench) -> None:
    bench.open("queues")
    bench.wait(".live-live")
    bench.page.context.set_offline(True)
    bench.wait(".lost-bar:has-text('Disconnected')")
    bench.wait("text=Could not be refreshed")
    bench.page.context.set_offline(False)
    bench.wait(".live-live")
    bench.gone(".lost-bar")
    bench.gone("text=Could not be refreshed")
    bench.said.clear()  # the browser notes each request that found nobody


def test_everything_is_reached_by_keyboard(bench: Bench) -> None:
    bench.open()
    keyboard = bench.page.keyboard
    keyboard.press("g")
    keyboard.press("q")
    bench.wait("main h1:has-text('Queues')")
    keyboard.press("j")
    keyboard.press("Enter")
    bench.wait("main h1:has-text('parcel.')")
    keyboard.press("Control+k")
    bench.page.keyboard.type("deliver")
    bench.wait("[role=option]:has-text('deliver')")
    keyboard.press("Escape")
    bench.gone("dialog[open]")
    keyboard.press("?")
    bench.wait("dialog:has-text('Keyboard')")
    keyboard.press("Escape")
    bench.gone("dialog[open]")
    keyboard.press("g")
    keyboard.press("l")
    bench.wait("main h1:has-text('Logs')")
    keyboard.press("/")
    assert bench.page.evaluate("document.activeElement.type") == "search"


@pytest.mark.parametrize("shop", [{"READ_ONLY": "1"}], indirect=True)
def test_what_nobody_may_do_is_not_offered(bench: Bench) -> None:
    bench.send("p-1")
    bench.open("queues/parcel.sent")
    bench.wait("td .cover:has-text('p-1')").click()
    bench.wait(".inspector .errorbox:has-text('RoadClosed')")
    bench.page.get_by_role("checkbox", name="All on this page").check()
    bench.wait("[role=toolbar] >> text=You may look, and change nothing.")
    for word in ("Redrive…", "Discard…", "Cancel message…", "Pause", "Publish…"):
        assert bench.page.get_by_role("button", name=word).count() == 0
    bench.open("schedules")
    bench.wait("tr:has-text('nightly')")
    assert bench.page.get_by_role("button", name="Run now").count() == 0


def test_the_theme_is_kept(bench: Bench) -> None:
    bench.page.emulate_media(color_scheme="light")
    bench.open()
    bench.page.get_by_role("button", name="Theme: auto").click()
    bench.page.reload()
    bench.wait("html[data-theme=dark]")


def test_what_ran_is_charted_and_told_in_a_table(bench: Bench) -> None:
    for number in range(3):
        bench.send(f"late-{number}")
    bench.open("?range=5m")
    chart = bench.wait("figure:has-text('Runs') svg[aria-label^='Runs: at most']")
    assert chart.locator("g").count() == 30
    bench.wait("figure:has-text('Failed') .chart-error")
    bench.wait("figure:has-text('p95') .chart-accent")
    bench.wait(".chart-table summary").click()
    cells = bench.page.locator(".chart-table tbody td:nth-child(2)")
    runs = "[...document.querySelectorAll('.chart-table tbody td:nth-child(2)')]"
    bench.page.wait_for_function(f"{runs}.some((cell) => Number(cell.innerText) > 3)")
    assert cells.count() == 30
    totals = ask(bench.server, "GET", "metrics?range=5m")["points"]
    assert sum(point["runs"] for point in totals) >= 9
    bench.page.get_by_label("Counted over").select_option("7d")
    bench.wait("figure:has-text('Runs')")
    assert "range=7d" in bench.page.url


def test_a_request_that_fails_says_so_and_can_be_tried_again(bench: Bench) -> None:
    bench.page.route("**/api/v1/overview*", lambda route: route.fulfill(status=503, body="", content_type="text/html"))
    bench.open()
    bench.wait(".failure:has-text('The overview')")
    bench.page.unroute("**/api/v1/overview*")
    bench.wait(".failure >> text=Try again").click()
    bench.wait(".figures")
    bench.said.clear()  # the browser notes the failed request

"""What people do in the Workbench, in every framework: dead letters, queues, schedules, state, streams; and what is
hidden from whom.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from motia.testing.conformance.adapter_client import Client
from motia.web.workbench import Workbench
from tests.flows.developing import eventually
from tests.workbench.fixtures import GETS, encoded
from tests.workbench.hosts import HOSTS, Person, by_header
from tests.workbench.shop import SECRET, make_shop, seen

pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <function SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning"
)
WORD, VAT = "password-of-an-order", "DE-vat-secret"
DEAD = "queues/order.placed/messages"


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def client(host: str) -> Iterator[Client]:
    shop = make_shop().with_settings(env="production", payload_limit=2000, traces=True)
    with HOSTS[host](shop, Workbench(authorize=by_header, redact=["vat_id"]), "") as address:
        yield Client(address)


@pytest.fixture
def admin(client: Client) -> Person:
    """An admin who finds three dead letters: X-1, X-2 and X-3."""
    person = Person(client, "admin")
    person.act("queues/order.placed/discard", {"filter": {}, "expect": 1000})
    for sku in ("A-1", "X-1", "X-2", "X-3"):
        body = {"sku": sku, "qty": 2, "password": WORD}
        assert client.send("POST", "/purchases", json=body).status == 201
    eventually(lambda: len(letters(person)) == 3)
    return person


def letters(person: Person, query: str = "") -> list[Any]:
    items: list[Any] = person.get(DEAD + query).json["items"]
    return items


def whole(person: Person, letter: Any) -> Any:
    return person.get(f"{DEAD}/{encoded(letter['id'])}").json


class TestWhatIsHidden:
    @pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
    def test_secrets_are_shown_to_nobody(self, client: Client, admin: Person, role: str) -> None:
        person = Person(client, role)
        paths = [*GETS.values(), f"{DEAD}/{encoded(letters(admin)[0]['id'])}", "events", "queues?all=1"]
        shown = "\n".join(person.get(path).text for path in paths)
        assert '"sku"' in shown
        assert [word for word in (SECRET, WORD, VAT) if word in shown] == []

    def test_viewers_see_no_payloads(self, client: Client, admin: Person) -> None:
        viewer = Person(client, "viewer")
        letter = letters(viewer)[0]
        assert letter["preview"] is None
        assert set(whole(viewer, letter)["payload"].values()) == {"[hidden]"}
        assert set(viewer.get("state/orders/o%252FA-1").json["value"].values()) == {"[hidden]"}

    def test_nobody_finds_what_is_not_shown(self, client: Client, admin: Person) -> None:
        assert len(letters(admin, "?q=x-1")) == 1
        assert letters(admin, f"?q={VAT}") == letters(admin, f"?q={WORD}") == []
        assert letters(Person(client, "viewer"), "?q=x-1") == []


class TestDeadLetters:
    def test_alike_failures_are_one_group(self, admin: Person) -> None:
        groups = admin.get("queues/order.placed/errors").json
        assert [(group["type"], group["count"]) for group in groups] == [("CardTimeout", 3)]
        assert len(letters(admin, f"?error={groups[0]['fingerprint']}")) == 3
        assert letters(admin, "?error=nothing") == []

    def test_a_letter_tells_everything(self, admin: Person) -> None:
        letter = whole(admin, letters(admin)[0])
        assert letter["payload"] == {"sku": "X-3", "qty": 2, "password": "[hidden]", "vat_id": "[hidden]"}
        assert (letter["attempt"], letter["max"], letter["reason"], letter["step"]) == (2, 2, "failed", "charge-card")
        assert "CardTimeout" in letter["error"]["stack"]

    def test_some_run_again(self, admin: Person) -> None:
        chosen = letters(admin)[0]
        reply = admin.act("queues/order.placed/redrive", {"ids": [chosen["id"], "nobody's"]})
        assert reply.json == {"done": 1, "left": False}
        again = eventually(lambda: [item for item in letters(admin) if item["id"] == chosen["id"]])
        assert again[0]["at"] >= chosen["at"]

    def test_all_that_match_are_counted_again_first(self, admin: Person) -> None:
        wanted = {"filter": {"error": "CardTimeout", "q": "x-"}, "expect": 2}
        refused = admin.act("queues/order.placed/discard", wanted)
        assert (refused.status, refused.json["code"], refused.json["count"]) == (409, "count_grew", 3)
        assert admin.act("queues/order.placed/discard", {**wanted, "expect": 3}).json == {"done": 3, "left": False}
        assert letters(admin) == []

    def test_one_is_sent_again_with_another_payload(self, admin: Person) -> None:
        letter = whole(admin, letters(admin)[0])
        edited = {**letter["payload"], "sku": "A-3"}
        assert admin.act("queues/order.placed/redrive", {"ids": [letter["id"]], "edit": edited}).json["done"] == 1
        right = {"sku": "A-3", "qty": 2, "password": WORD, "vat_id": VAT}  # what was hidden is put back
        eventually(lambda: ("charge-card", right) in seen)
        assert letter["id"] not in [item["id"] for item in letters(admin)]

    def test_a_hidden_value_is_never_written(self, admin: Person) -> None:
        letter = letters(admin)[0]
        refused = admin.act("queues/order.placed/redrive", {"ids": [letter["id"]], "edit": {"sku": "[hidden]"}})
        assert (refused.status, refused.json["code"]) == (422, "hidden_value")
        assert len(letters(admin)) == 3

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"ids": "all"},
            {"ids": [1]},
            {"ids": ["x"] * 1001},
            {"filter": {}},
            {"filter": {"q": 7}, "expect": 1},
            {"ids": [], "filter": {}, "expect": 1},
            {"ids": ["a", "b"], "edit": {}},
            {"filter": {}, "expect": True},
        ],
    )
    def test_nonsense_is_refused(self, admin: Person, body: Any) -> None:
        assert admin.act("queues/order.placed/redrive", body).status == 422
        assert len(letters(admin)) == 3


class TestQueues:
    def test_publishing(self, admin: Person) -> None:
        sent = admin.act("queues/order.paid/messages", {"data": {"sku": "by hand"}})
        assert (sent.status, len(sent.json["trace_id"])) == (202, 32)
        eventually(lambda: any(name == "notify" and data.sku == "by hand" for name, data in seen))

    @pytest.mark.parametrize(
        ("topic", "body", "status"),
        [
            ("nobody.takes.it", {"data": 1}, 404),
            ("$state", {"data": 1}, 422),
            ("order.paid", {"data": "x" * 2000}, 413),
            ("order.paid", {"data": 1, "delay_ms": -1}, 422),
        ],
    )
    def test_publishing_what_cannot_be(self, admin: Person, topic: str, body: Any, status: int) -> None:
        assert admin.act(f"queues/{encoded(topic)}/messages", body).status == status

    def test_pausing(self, admin: Person) -> None:
        assert admin.act("queues/order.paid/pause").json["done"] == 1
        assert self._paused(admin) is True
        assert admin.act("queues/order.paid/resume").json["done"] == 1
        assert self._paused(admin) is False

    def _paused(self, person: Person) -> bool:
        found = next(item for item in person.get("queues").json if item["topic"] == "order.paid")
        return bool(found["paused"])

    def test_depths_and_policies(self, admin: Person) -> None:
        found = next(item for item in admin.get("queues").json if item["topic"] == "order.placed")
        consumer = next(item for item in found["consumers"] if item["step"] == "charge-card")
        assert consumer["depth"]["dead"] == 3
        assert (consumer["policy"]["retries"], consumer["policy"]["backoff"]) == (1, "fixed from 1 ms")


class TestSchedules:
    def test_what_comes_next(self, admin: Person) -> None:
        found = admin.get("schedules").json[0]
        assert (found["step"], found["words"], found["tz"]) == ("nightly", "every day at 02:00", "Europe/Berlin")
        assert len(found["next"]) == 5
        assert found["next"] == sorted(found["next"])

    def test_running_one_now(self, admin: Person) -> None:
        before = sum(name == "nightly" for name, _ in seen)
        id = admin.get("schedules").json[0]["id"]
        assert admin.act(f"schedules/{encoded(id)}/run").status == 202
        eventually(lambda: sum(name == "nightly" for name, _ in seen) == before + 1)

    def test_pausing_one(self, admin: Person) -> None:
        assert admin.act("schedules/nightly/pause").status == 200
        assert admin.get("schedules").json[0]["paused"] is True
        assert admin.act("schedules/nightly/resume").status == 200
        assert admin.get("schedules").json[0]["paused"] is False
        assert admin.act("schedules/nobody/run").status == 404


class TestKept:
    PATH = f"state/orders/{encoded('by/hand %2F?')}"

    def test_a_value_is_made_changed_and_deleted(self, admin: Person) -> None:
        made = admin.act(self.PATH, {"value": {"a": 1}}, "PUT", if_none_match="*")
        assert (made.status, made.json["value"]) == (200, {"a": 1})
        assert admin.act(self.PATH, {"value": 2}, "PUT", if_none_match="*").status == 412
        etag = admin.get(self.PATH).header("etag") or ""
        assert etag == f'"{made.json["version"]}"'
        changed = admin.act(self.PATH, {"value": {"a": 2}}, "PUT", if_match=etag)
        assert changed.status == 200
        eventually(lambda: ("on-order-state", {"a": 2}) in seen)  # a change like any other
        stale = admin.act(self.PATH, {"value": {"a": 3}}, "PUT", if_match=etag)
        assert (stale.status, stale.json["current"]["value"]) == (412, {"a": 2})
        assert admin.act(self.PATH, {}, "DELETE").status == 428
        assert admin.act(self.PATH, {}, "DELETE", if_match=changed.header("etag") or "").json["done"] == 1
        assert admin.get(self.PATH).status == 404

    def test_what_is_hidden_stays_as_it_was(self, admin: Person) -> None:
        path = "state/orders/o%252FX-1"
        found = admin.get(path)
        assert found.json["value"]["password"] == "[hidden]"
        edited = {**found.json["value"], "qty": 7}
        assert admin.act(path, {"value": edited}, "PUT", if_match=found.header("etag") or "").status == 200
        right = {"sku": "X-1", "qty": 7, "password": WORD, "vat_id": VAT}
        eventually(lambda: ("on-order-state", right) in seen)

    def test_long_values_are_refused(self, admin: Person) -> None:
        reply = admin.act("state/orders/long", {"value": "x" * 2000}, "PUT", if_none_match="*")
        assert reply.status == 413
        assert admin.get("state/orders/long").status == 404

    @pytest.mark.parametrize(
        "path", ["state/orders/{}", "state/{}/k", "streams/orders.live/{}/k", "streams/orders.live/g/{}"]
    )
    def test_names_that_are_too_long_are_refused(self, admin: Person, path: str) -> None:
        assert admin.act(path.format("x" * 1001), {"value": {}}, "PUT", if_none_match="*").status == 422

    def test_items_of_streams(self, admin: Person) -> None:
        path = "streams/orders.live/all/by-hand"
        made = admin.act(path, {"value": {"n": 1}}, "PUT", if_none_match="*")
        assert (made.status, made.json["value"]) == (200, {"n": 1, "id": "by-hand"})
        assert "by-hand" in [item["key"] for item in admin.get("streams/orders.live/all?prefix=by").json["items"]]
        assert admin.act(path, {"value": [1]}, "PUT", if_match=made.json["version"]).status == 422
        assert admin.act(path, {}, "DELETE", if_match=made.json["version"]).status == 200
        assert admin.act("streams/undeclared/g/i", {"value": {}}, "PUT", if_none_match="*").status == 404

    def test_a_long_value_is_told_of_in_a_list_and_shown_alone(self, host: str) -> None:
        shop = make_shop().with_settings(env="production", payload_limit=50_000)
        with HOSTS[host](shop, Workbench(authorize=by_header), "") as address:
            admin = Person(Client(address), "admin")
            made = admin.act("state/texts/long", {"value": "x" * 20_000}, "PUT", if_none_match="*")
            assert made.status == 200
            (row,) = admin.get("state/texts").json["items"]
            assert row == {"key": "long", "value": None, "version": None, "size": 20_002}
            assert len(admin.get("state/texts/long").json["value"]) == 20_000

    def test_lists_come_in_pages(self, admin: Person) -> None:
        first = admin.get("state/orders?limit=2").json
        assert (len(first["items"]), first["total"]) == (2, None)
        second = admin.get(f"state/orders?limit=2&cursor={quote(first['next'])}").json
        assert second["next"] is None
        assert not {item["key"] for item in first["items"]} & {item["key"] for item in second["items"]}


class TestSteps:
    def test_running_one(self, admin: Person) -> None:
        assert admin.act("steps/notify/invoke", {"input": {"sku": "run"}}).status == 202
        eventually(lambda: any(name == "notify" and data.sku == "run" for name, data in seen))

    @pytest.mark.parametrize(
        ("step", "input", "status"),
        [("notify", {"sku": []}, 422), ("notify", None, 422), ("nobody", {}, 404), ("nightly", "x" * 2000, 413)],
    )
    def test_what_does_not_fit_is_not_run(self, admin: Person, step: str, input: Any, status: int) -> None:
        assert admin.act(f"steps/{step}/invoke", {"input": input}).status == status


class TestBounds:
    @pytest.mark.parametrize(
        "query", ["q=" + "x" * 201, "limit=many", "cursor=-1", "limit=" + "9" * 30, "cursor=" + "x" * 2001, "q=a%00"]
    )
    def test_what_is_too_much_is_refused(self, admin: Person, query: str) -> None:
        reply = admin.get(f"{DEAD}?{query}")
        assert (reply.status, reply.header("content-type")) == (400, "application/problem+json")

    def test_many_rows_are_never_more_than_two_hundred(self, admin: Person) -> None:
        assert admin.get("state/orders?limit=100000").status == 200

    @pytest.mark.parametrize("body", [b"{", b"[]", b"1", b"[" * 100 + b"]" * 100, b"\xff"])
    def test_bodies_that_are_none(self, client: Client, admin: Person, body: bytes) -> None:
        assert admin.send_raw("steps/notify/invoke", body).status == 400

    @pytest.mark.parametrize("path", ["traces/a%2500", f"{DEAD}/a%2500", "state/a%2500", "state/orders/a%00b"])
    def test_names_with_a_nul_are_those_of_nothing(self, admin: Person, path: str) -> None:
        assert admin.get(path).status == 404

    @pytest.mark.parametrize("body", [{"ids": ["a\0"]}, {"ids": ["a\0"], "edit": 1}])
    def test_ids_with_a_nul_are_none(self, admin: Person, body: Any) -> None:
        assert admin.act("queues/order.placed/redrive", body).status == 422


class TestTheLog:
    def test_it_says_who_changed_what(self, admin: Person, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "motia.workbench"):
            admin.act("queues/order.paid/pause")
            admin.act("queues/order.paid/resume")
        lines = [record for record in caplog.records if "motia.workbench.action" in record.getMessage()]
        fields = [getattr(line, "motia", {}) for line in lines]
        assert [(item["user"], item["target"]) for item in fields] == [("ada", "queues/order.paid")] * 2
        assert fields[0]["action"] == "pause POST queues/:topic/pause"


class TestTheFeed:
    def test_asking_again(self, admin: Person) -> None:
        first = admin.get("events?topics=queues").json
        assert (first["events"], first["reset"]) == ([], False)
        assert admin.get(f"events?topics=queues&after={encoded(first['cursor'])}").json["events"] == []
        admin.act("queues/order.placed/discard", {"filter": {}, "expect": 3})
        told = admin.get(f"events?topics=queues&after={encoded(first['cursor'])}").json
        assert [event["type"] for event in told["events"]] == ["queue.stats"]
        assert told["cursor"] != first["cursor"]

    def test_servers_that_stream_well_send_events(self, client: Client, admin: Person, host: str) -> None:
        headers = {"x-role": "admin", "accept": "text/event-stream"}
        with client.open("GET", "/workbench/api/v1/events?topics=queues", headers=headers) as response:
            if host in {"flask", "django-wsgi"}:
                assert response.status == 204
                assert admin.get("session").json["live"]["mode"] == "poll"
                return
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = (line.decode().strip() for line in response)
            first = next(json.loads(line[6:]) for line in lines if line.startswith("data: "))
            admin.act("queues/order.placed/discard", {"filter": {}, "expect": 3})
            told = next(json.loads(line[6:]) for line in lines if line.startswith("data: "))
        assert (first["events"], [event["type"] for event in told["events"]]) == ([], ["queue.stats"])


class TestTraces:
    def _of(self, person: Person, status: str) -> Any:
        """A trace of the newest orders."""
        return eventually(lambda: person.get(f"traces?status={status}&step=charge-card").json["items"])[0]

    def test_one_request_and_what_followed(self, admin: Person) -> None:
        found = self._of(admin, "error")
        assert (found["name"], found["trigger"], found["retries"]) == ("POST /purchases", "http", 1)
        whole_one = admin.get(f"traces/{found['id']}").json
        runs = [(span["step"], span["attempt"]) for span in whole_one["spans"]]
        assert runs[0] == ("create-order", 1)
        assert {("charge-card", 1), ("charge-card", 2)} <= set(runs)
        kinds = {event["type"] for event in whole_one["events"]}
        assert {"log", "enqueue", "state", "stream"} <= kinds
        assert whole_one["spans"][0]["offset_us"] == 0

    def test_nothing_in_it_is_a_secret(self, client: Client, admin: Person) -> None:
        id = self._of(admin, "error")["id"]
        paths = (f"traces/{id}", "logs?limit=200", "traces", f"events?after=0&trace={id}", "overview")
        for role in ("viewer", "admin"):
            shown = "\n".join(Person(client, role).get(path).text for path in paths)
            assert [word for word in (SECRET, WORD, VAT) if word in shown] == []
        viewed = Person(client, "viewer").get(f"traces/{id}").json
        assert viewed["spans"][0]["input"]["body"]["sku"] == "[hidden]"

    def test_logs_by_level_and_trace(self, admin: Person) -> None:
        id = self._of(admin, "error")["id"]
        lines = admin.get(f"logs?trace={id}&level=warning").json["items"]
        assert {line["message"] for line in lines} == {"charging"}
        assert {line["trace_id"] for line in lines} == {id}

    def test_one_is_exported_as_otlp(self, admin: Person, client: Client) -> None:
        id = self._of(admin, "error")["id"]
        reply = admin.get(f"traces/{id}/otlp")
        assert reply.header("content-disposition") == f'attachment; filename="{id}.otlp.json"'
        (resource,) = reply.json["resourceSpans"]
        spans = resource["scopeSpans"][0]["spans"]
        assert {span["traceId"] for span in spans} == {id}
        first, failed = spans[0], next(span for span in spans if span["status"].get("code") == 2)
        assert (first["name"], first["kind"], "parentSpanId" in first) == ("POST /purchases", 2, False)
        assert (failed["parentSpanId"], failed["kind"]) == (first["spanId"], 5)
        assert int(failed["startTimeUnixNano"]) >= int(first["startTimeUnixNano"]) > 10**18
        facts = {item["key"]: item["value"] for item in failed["attributes"]}
        assert facts["motia.step.name"] == {"stringValue": "charge-card"}
        assert facts["motia.attempt"]["intValue"] in {"1", "2"}
        names = [event["name"] for span in spans for event in span["events"]]
        assert {"log", "enqueue", "state.set", "stream.set", "exception"} <= set(names)
        assert [word for word in (SECRET, WORD, VAT) if word in reply.text] == []
        assert '\\"sku\\":\\"' in reply.text
        assert '\\"sku\\":\\"X' not in Person(client, "viewer").get(f"traces/{id}/otlp").text
        assert admin.get(f"traces/{'0' * 32}/otlp").status == 404

    def test_running_one_again(self, admin: Person) -> None:
        found = self._of(admin, "error")
        refused = admin.act(f"traces/{found['id']}/rerun")
        assert (refused.status, refused.json["code"]) == (409, "hidden_value")  # its password was not recorded
        given = {"body": {"sku": "A-again", "qty": 1, "password": WORD}}
        sent = admin.act(f"traces/{found['id']}/rerun", {"input": given})
        assert sent.status == 202
        again = {"sku": "A-again", "qty": 1, "password": WORD, "vat_id": VAT}
        eventually(lambda: ("charge-card", again) in seen)
        assert admin.act(f"traces/{found['id']}/rerun", {"span": "none", "input": {}}).status == 404
        assert admin.act(f"traces/{'0' * 32}/rerun", {"input": {}}).status == 404

    def test_what_runs_is_counted(self, admin: Person) -> None:
        self._of(admin, "error")
        flow = admin.get("flows/orders?range=1h").json
        stats = {node["name"]: node["stats"] for node in flow["nodes"]}
        assert stats["charge-card"]["err"] >= 2
        seen = {(arrow["source"], arrow["target"], arrow["via"]) for arrow in flow["edges"] if arrow["count"]}
        assert {
            ("create-order", "charge-card", "queue"),
            ("create-order", "on-order-state", "state"),
            ("create-order", "on-live", "stream"),
            ("$state orders/*", "on-order-state", None),
        } <= seen
        assert admin.get("overview").json["failures"][0]["type"] == "CardTimeout"
        assert admin.get("flows/orders?range=tomorrow").status == 400

    def test_schedules_can_be_left_out(self, admin: Person) -> None:
        admin.act("schedules/nightly/run")
        eventually(lambda: admin.get("traces?trigger=cron").json["items"])
        kinds = {item["trigger"] for item in admin.get("traces?hide=cron&limit=200").json["items"]}
        assert kinds
        assert "cron" not in kinds

    def test_the_feed_tells_of_runs(self, admin: Person) -> None:
        cursor = encoded(admin.get("events").json["cursor"])
        admin.act("steps/notify/invoke", {"input": {"sku": "told"}})
        wanted = {"span.upsert", "trace.upsert"}
        assert eventually(lambda: wanted <= {e["type"] for e in admin.get(f"events?after={cursor}").json["events"]})

"""What waits and runs, as the Workbench lists and cancels it; in every framework."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from motia import FlowContext, Motia, queue, step
from motia.testing.conformance.adapter_client import Client
from motia.web.workbench import Workbench
from tests.flows.developing import eventually
from tests.workbench.fixtures import encoded
from tests.workbench.hosts import HOSTS, Person, by_header

pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <function SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning"
)
SECRET = "what-nobody-is-shown"
go_on = threading.Event()


def make_slow_app() -> Motia:
    """An app with a step that runs until it is let go, one that is retried much later, and one more listener."""

    @step("slow", triggers=[queue("job", config={"concurrency": 1})])
    def slow(data: Any, ctx: Any) -> None:
        go_on.wait(30)

    @step("again", triggers=[queue("later", config={"backoff_delay_ms": 3_600_000, "backoff_type": "fixed"})])
    async def again(data: Any, ctx: FlowContext) -> None:
        raise LookupError(f"no such order, password={SECRET}")

    @step("idle", triggers=[queue("idle")])
    async def idle(data: Any) -> None: ...

    @step("idle-too", triggers=[queue("idle")])
    async def idle_too(data: Any) -> None: ...

    return Motia("memory:", steps=[slow, again, idle, idle_too]).with_settings(env="production", traces=False)


@pytest.fixture(scope="module", params=HOSTS)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    go_on.clear()
    with HOSTS[str(request.param)](make_slow_app(), Workbench(authorize=by_header, redact=["iban"]), "") as address:
        yield Client(address)
        go_on.set()


@pytest.fixture
def operator(client: Client) -> Iterator[Person]:
    person = Person(client, "operator")
    person.act("queues/idle/pause")
    yield person
    for topic in ("job", "later", "idle"):
        for state in ("ready", "delayed"):
            ids = [item["id"] for item in listed(person, topic, state)["items"]]
            if ids:
                person.act(f"queues/{topic}/cancel", {"ids": ids})
    go_on.set()
    eventually(lambda: not listed(person, "job", "running")["items"])
    go_on.clear()


def listed(person: Person, topic: str, state: str, more: str = "") -> Any:
    return person.get(f"queues/{topic}/messages?state={state}{more}").json


def publish(person: Person, topic: str, *values: Any, **options: Any) -> None:
    for value in values:
        assert person.act(f"queues/{topic}/messages", {"data": value, **options}).status == 202


def test_what_runs_and_what_waits_behind_it(operator: Person) -> None:
    publish(operator, "job", *({"n": n, "iban": SECRET} for n in range(3)))
    (row,) = eventually(lambda: listed(operator, "job", "running")["items"])
    assert (row["state"], row["step"], row["attempt"], row["max"]) == ("running", "slow", 1, 4)
    assert row["preview"] == '{"n":0,"iban":"[hidden]"}'
    assert "pid" in row["worker"]
    assert len(row["trace_id"]) == 32
    waiting = listed(operator, "job", "ready")
    assert [item["preview"][:6] for item in waiting["items"]] == ['{"n":1', '{"n":2']
    assert (waiting["total"], waiting["next"]) == ({"value": 2, "capped": False}, None)
    newest = listed(operator, "job", "ready", "&order=newest&limit=1")
    assert [item["preview"][:6] for item in newest["items"]] == ['{"n":2']
    assert newest["total"]["value"] == 2
    assert listed(operator, "job", "suspect")["items"] == []


def test_what_waits_for_its_time_tells_when_and_why(operator: Person) -> None:
    publish(operator, "later", {"n": 1})
    (row,) = eventually(lambda: listed(operator, "later", "delayed")["items"])
    assert (row["attempt"], row["reason"], row["error"]["type"]) == (1, "failed", "LookupError")
    assert SECRET not in str(row)
    assert 3_500_000 < row["run_at"] - row["at"] < 3_700_000
    publish(operator, "later", {"n": 2}, delay_ms=60_000)
    assert [item["attempt"] for item in listed(operator, "later", "delayed")["items"]] == [0, 1]
    assert [item["attempt"] for item in listed(operator, "later", "delayed", "&order=newest")["items"]] == [1, 0]


def test_a_cancelled_message_is_gone_for_every_step(operator: Person, client: Client) -> None:
    publish(operator, "idle", {"n": 1}, {"n": 2})
    rows = listed(operator, "idle", "ready")["items"]
    assert [row["step"] for row in rows] in (["idle", "idle-too"] * 2, ["idle-too", "idle"] * 2)
    assert [row["step"] for row in listed(operator, "idle", "ready", "&step=idle")["items"]] == ["idle"] * 2
    refused = Person(client, "viewer").act("queues/idle/cancel", {"ids": [rows[0]["id"]]})
    assert refused.status == 403
    assert operator.act("queues/idle/cancel", {"ids": [rows[0]["id"]]}).json == {"done": 1, "left": False}
    left = listed(operator, "idle", "ready")["items"]
    assert {row["id"].partition(":")[0] for row in left} == {rows[-1]["id"].partition(":")[0]}
    assert operator.act("queues/idle/cancel", {"ids": [rows[0]["id"]]}).json["done"] == 0


def test_what_runs_is_asked_to_stop(operator: Person) -> None:
    publish(operator, "job", {"n": 1})
    (row,) = eventually(lambda: listed(operator, "job", "running")["items"])
    assert operator.act("queues/job/cancel", {"ids": [row["id"]]}).json["done"] == 1


def test_viewers_see_that_there_is_something_and_not_what(operator: Person, client: Client) -> None:
    publish(operator, "idle", {"n": 1})
    viewer = Person(client, "viewer")
    rows = listed(viewer, "idle", "ready")["items"]
    assert [(row["preview"], row["size"]) for row in rows] == [(None, 7)] * 2


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": "all"}, {"ids": [7]}, {"ids": ["x:nobody"]}, {"ids": ["x:slow#job"] * 201}]
)
def test_nonsense_is_refused(operator: Person, body: Any) -> None:
    assert operator.act("queues/job/cancel", body).status == 422


def test_an_unknown_state_order_or_topic_is_told_of(operator: Person) -> None:
    assert operator.get("queues/job/messages?state=lost").status == 422
    assert operator.get("queues/job/messages?state=ready&order=best").status == 422
    assert operator.get(f"queues/{encoded('no/such')}/messages?state=ready").status == 404

"""What the page on migration shows before and after does the same."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from motia import Motia
from motia.testing import SyncMotiaTester
from tests.docs.pages import ROOT, blocks
from tests.docs.running import write

PAGE = ROOT / "docs" / "migration.md"


@pytest.fixture
def pages(folder: Path) -> Path:
    write(PAGE, folder)
    return folder


def before(pages: Path) -> Motia:
    return Motia(steps=[str(pages / "before")])


def after(name: str, pages: Path) -> Motia:
    sys.path.insert(0, str(pages / "after"))
    try:
        return Motia(steps=[importlib.import_module(name)])
    finally:
        sys.path.remove(str(pages / "after"))
        del sys.modules[name]


def observed(app: Motia, path: str, topic: str, body: Any, group: str) -> tuple[Any, ...]:
    """What one request does: its answer, what was sent, and what is in state."""
    with SyncMotiaTester(app) as t:
        answer = t.post(path, json=body)
        assert t.post(path, json={}).status in {400, 201}
        sent = t.watch(topic).events[:1]
        return answer.status, answer.json, sent, t.state.list(group)[:1]


def test_from_0_17(pages: Path) -> None:
    body = {"email": "ann@example.org"}
    expected = (201, body, [body], [body])
    assert observed(before(pages), "/signup", "user.signed-up", body, "users") == expected
    assert observed(after("signup", pages), "/signup", "user.signed-up", body, "users") == expected


def test_from_1_0(pages: Path) -> None:
    ticket = {"title": "it is dark", "open": True}
    expected = (201, ticket, [ticket], [ticket])
    sent = {"title": "it is dark"}
    assert observed(before(pages), "/tickets", "ticket.opened", sent, "tickets") == expected
    assert observed(after("ticket", pages), "/tickets", "ticket.opened", sent, "tickets") == expected


def test_from_celery(pages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("celery", reason="what is left behind is not installed")
    (block,) = blocks(PAGE, "py")
    (pages / "before_celery.py").write_text(block.text)
    old = importlib.import_module("before_celery")
    old.app.conf.update(task_always_eager=True, task_eager_propagates=True)
    old.buy(7)
    old.nightly_report.delay().get()
    expected = capsys.readouterr().out
    new = importlib.import_module("after_celery")
    with SyncMotiaTester(new.motia) as t:
        new.buy(7)
        t.advance(seconds=10)
        t.advance(days=1)
    assert capsys.readouterr().out == expected == "receipt of 7\nreport\n"


def test_a_celery_step_is_retried_as_its_task_was(pages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = importlib.import_module("after_celery")
    with SyncMotiaTester(new.motia) as t:
        t.fail_next("send_receipt", OSError("no answer"))
        t.enqueue("order.bought", {"order_id": 1})
        t.wait_idle()
        assert capsys.readouterr().out == ""
        t.advance(seconds=31)
        assert capsys.readouterr().out == "receipt of 1\n"

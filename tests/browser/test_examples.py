"""The pages of the examples, in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.serving import ROOT, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
ORDER = {"customer": "Ada", "email": "ada@example.com", "items": [{"sku": "book", "quantity": 2}]}
WATCH_ANSWER = """() => {
  const answer = document.getElementById('answer')
  window.grown = []
  const note = () => window.grown.push(answer.textContent.length)
  new MutationObserver(note).observe(answer, { childList: true, characterData: true, subtree: true })
}"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Server]:
    server = Server("examples.fastapi_app.app:app", {"MOTIA_URL": f"sqlite:///{tmp_path / 'shop.db'}"})
    yield server
    server.stop()


@pytest.fixture
def django_shop(tmp_path: Path) -> Iterator[Server]:
    """The Django shop under ``runserver``, and its worker as a process of its own."""
    folder = ROOT / "examples" / "django_app"
    environment = {"SHOP_DATABASE": str(tmp_path / "shop.sqlite3"), "DJANGO_SETTINGS_MODULE": "shop_site.settings"}
    products = tmp_path / "products.json"
    products.write_text('[{"model": "orders.product", "fields": {"sku": "book", "price": "12.50", "stock": 100}}]')
    for command in (["migrate", "--verbosity", "0"], ["loaddata", "--verbosity", "0", str(products)]):
        manage = [sys.executable, "manage.py", *command]
        subprocess.run(manage, cwd=folder, env={**os.environ, **environment}, check=True, timeout=60)
    server = Server(["manage.py", "runserver", "--noreload", "127.0.0.1:PORT"], environment, folder)
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "motia_worker"], cwd=folder, env={**os.environ, **environment}
    )
    yield server
    worker.terminate()
    worker.wait(40)
    server.stop()


def test_the_board_of_django_shows_what_the_worker_changes(django_shop: Server, page: Any) -> None:
    page.goto(f"{django_shop.url}/board/")
    page.wait_for_selector("#state:text-is('live')")
    order = django_shop.post("/orders", {"customer": "ada@example.com", "items": [{"sku": "book", "quantity": 2}]})
    page.wait_for_selector(f"[id='{order['id']}']")
    page.wait_for_selector(f"[id='{order['id']}'][data-status='shipped']", timeout=60_000)
    assert page.locator("tbody tr").count() == 1


def test_the_board_shows_orders_as_they_change(shop: Server, page: Any) -> None:
    page.goto(f"{shop.url}/pages/board.html")
    page.wait_for_selector("#state:text-is('live')")
    order = shop.post("/orders", ORDER)["order_id"]
    page.wait_for_selector(f"[id='{order}']")
    page.wait_for_selector(f"[id='{order}'][data-status='fulfilled']", timeout=60_000)
    shop.kill()
    page.wait_for_selector("#state:text-is('connecting')")
    shop.start()
    page.wait_for_selector("#state:text-is('live')", timeout=30_000)
    second = shop.post("/orders", ORDER)["order_id"]
    page.wait_for_selector(f"[id='{second}']")
    assert page.locator("tbody tr").count() == 2


def test_the_assistant_answers_word_by_word(shop: Server, page: Any, chromium: Any) -> None:
    onlooker = chromium.new_page()
    onlooker.goto(f"{shop.url}/pages/assistant.html?chat=c1")
    page.goto(f"{shop.url}/pages/assistant.html?chat=c1")
    page.evaluate(WATCH_ANSWER)
    page.fill("#question", "<b>where?</b>")
    page.click("button")
    for looking in (page, onlooker):
        looking.wait_for_selector("li.assistant:not(.growing):has-text('the board shows where.')")
        assert looking.locator("li.user").inner_text() == "<b>where?</b>"
    page.wait_for_function("document.getElementById('answer').textContent.trim().endsWith('shows where.')")
    assert len(page.evaluate("window.grown")) > 3
    onlooker.close()

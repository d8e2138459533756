"""Chromium, and the published clients from npm; skipped with a reason where there is none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.serving import Server

PACKAGES = [
    "@motiadev/stream-client-browser@0.17.14-beta.196",
    "@motiadev/stream-client-node@0.17.6-beta.187",
    "@motiadev/stream-client-react@0.17.14-beta.196",
    "react@19",
    "react-dom@19",
    "esbuild@0.25",
]
CLIENTS = Path(__file__).with_name("clients")


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the published clients, and ours beside them."""
    if shutil.which("npm") is None:
        pytest.skip("needs node and npm")
    folder = tmp_path_factory.mktemp("npm")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        pytest.skip(f"npm could not install the clients: {done.stderr.strip()[-300:]}")
    for file in CLIENTS.iterdir():
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="session")
def pages(packages: Path) -> Path:
    """Pages that use the clients for browsers."""
    folder = packages / "pages"
    folder.mkdir()
    for name in ("page.mjs", "react.jsx"):
        script = folder / f"{Path(name).stem}.js"
        command = ["npx", "esbuild", name, "--bundle", "--jsx=automatic", f"--outfile={script}", "--log-level=error"]
        subprocess.run(command, cwd=packages, check=True, capture_output=True, timeout=60)
        html = f'<!doctype html><meta charset="utf-8"><div id="root"></div><script src="{script.name}"></script>'
        (folder / f"{script.stem}.html").write_text(html)
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium. As long as Playwright lives, no other event loop can run in this thread."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page whose errors fail the test."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(15_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    environment = {"MOTIA_URL": f"sqlite:///{tmp_path / 'motia.db'}"}
    if "pages" in request.fixturenames:
        environment["PAGES"] = str(request.getfixturevalue("pages"))
    server = Server("tests.browser.app:app", environment, keep=True)
    yield server
    server.stop()

"""The built page: whole, small, and at home nowhere else; made of its sources and nothing more."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "motia" / "web" / "workbench" / "static"
UI = ROOT / "ui"
LIMIT = 300_000
"""Bytes that the page may add to the package."""
NAMES_OF_NOTHING = (  # written in the libraries, as names or in texts; nothing of it is fetched
    "http://www.w3.org/",
    "https://react.dev/errors/",
    "https://reactflow.dev",
    "https://${",
    "http://127.0.0.1",
)


def _files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_every_file_that_the_page_names_is_there() -> None:
    index = (BUILT / "index.html").read_text()
    named = re.findall(r'(?:src|href)="\./([^"]+)"', index)
    assert [name for name in named if not (BUILT / name).is_file()] == []
    assert any(name.endswith(".js") for name in named)
    assert any(name.endswith(".css") for name in named)


def test_every_part_that_is_loaded_later_is_there() -> None:
    names = {path.name for path in (BUILT / "assets").iterdir()}
    for path in (BUILT / "assets").glob("*.js"):
        later = re.findall(r'["`](?:\./|assets/)([\w.-]+\.(?:js|css))["`]', path.read_text())
        assert [name for name in later if name not in names] == []


def test_the_page_has_no_inline_script_or_style_and_addresses_nothing_elsewhere() -> None:
    index = (BUILT / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", index) == []
    assert "//" not in re.sub(r"<!--.*?-->", "", index)
    for name, content in _files(BUILT / "assets").items():
        found = re.findall(r"https?://[^\s\"'`)<>]+", content.decode())
        assert [url for url in found if not url.startswith(NAMES_OF_NOTHING)] == [], name


def test_the_page_is_small() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _files(BUILT).items():
            archive.writestr(name, content)
    assert len(packed.getvalue()) < LIMIT


def test_the_licences_of_all_that_is_built_in_are_told() -> None:
    notice = (BUILT / "LICENSES.md").read_text()
    names = json.loads((UI / "package.json").read_text())["dependencies"]
    assert [name for name in names if f"## {name} - " not in notice] == []


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((UI / "package-lock.json").read_text())
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
    assert all("integrity" in entry for name, entry in lock["packages"].items() if name)


def test_files_of_the_page_are_short_and_colours_are_in_one() -> None:
    sources = [path for path in (UI / "src").rglob("*") if path.is_file()]
    assert [path.name for path in sources if len(path.read_text().splitlines()) > 300] == []
    styles = [path for path in sources if path.suffix == ".css"]
    painted = {path.name for path in styles if re.search(r"#[0-9a-f]{3,8}\b|rgb|hsl", path.read_text())}
    assert painted == {"tokens.css"}


@pytest.mark.timeout(180)
def test_the_same_sources_give_the_same_page(tmp_path: Path) -> None:
    if shutil.which("npx") is None or not (UI / "node_modules").is_dir():
        pytest.skip("needs Node and `npm ci` in ui/")
    command = ["npx", "vite", "build", "--outDir", str(tmp_path / "static"), "--emptyOutDir", "--logLevel", "error"]
    subprocess.run(command, cwd=UI, check=True, timeout=150, capture_output=True)

    def seals(root: Path) -> dict[str, str]:
        return {name: hashlib.sha256(content).hexdigest() for name, content in _files(root).items()}

    assert seals(tmp_path / "static") == seals(BUILT)

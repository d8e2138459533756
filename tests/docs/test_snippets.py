"""Every snippet on every page is run."""

from __future__ import annotations

import doctest
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, commands
from tests.docs.running import run_page, write

LOOSELY = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
WITH_TESTS = [page for page in PAGES if any(block.is_test for block in blocks(page, "python"))]


def is_run(words: list[str]) -> bool:
    """Whether a command is run: others serve until they are stopped, install things, or need a server."""
    if words[0] != "motia" or words[1] in {"dev", "start"}:
        return False
    return words[1] != "worker" or "--drain" in words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_runs(page: Path, folder: Path) -> None:
    run_page(page, folder)


@pytest.mark.parametrize("page", WITH_TESTS, ids=lambda page: page.name)
def test_tests_pass(page: Path, folder: Path) -> None:
    write(page, folder)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_print_what_the_page_says(page: Path, folder: Path) -> None:
    write(page, folder)
    for block in blocks(page, "console"):
        for command in commands(block):
            words = shlex.split(command.words, comments=True)
            if words[0] == "make":
                assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text()
            if not is_run(words):
                continue
            argv = [sys.executable, "-m", *words]
            done = subprocess.run(
                argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=55, check=False
            )
            assert doctest.OutputChecker().check_output(command.output, done.stdout, LOOSELY), (
                f"{block}: `{command.words}` printed\n{done.stdout}\ninstead of\n{command.output}"
            )

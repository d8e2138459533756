"""Running the Python of a page."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio

from motia import Motia
from motia.testing import fake_context, fake_sync_context
from tests.docs.pages import Block, blocks, unknown_names


def write(page: Path, folder: Path) -> None:
    """Put the files of a page where it says they are."""
    for block in blocks(page, "python"):
        if block.file is not None:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text)


def run_page(page: Path, folder: Path) -> dict[str, Any]:
    """Run the blocks of a page, but for its tests; the names that are known in the end."""
    write(page, folder)
    names: dict[str, Any] = {"__name__": "snippet"}
    for block in blocks(page, "python"):
        if block.is_test:
            continue
        if block.file is not None:
            name = block.file.removesuffix(".py").replace("/", ".")
            before = set(sys.modules) - {name}
            sys.modules.pop(name, None)
            module = importlib.import_module(name)
            names |= {name: value for name, value in vars(module).items() if not name.startswith("__")}
            top = name.partition(".")[0]
            for new in [new for new in sys.modules if new not in before and new.partition(".")[0] == top]:
                del sys.modules[new]
        _run(block, names)
    return names


def _run(block: Block, names: dict[str, Any]) -> None:
    """Run a block. What awaits at its top level runs as it would in a handler, with ``ctx``, and with apps opened."""
    code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        anyio.run(_awaited, code, names)
    elif block.file is None:
        names["ctx"] = fake_sync_context()
        exec(code, names)
    unknown = sorted(set(unknown_names(code, names)))
    assert not unknown, f"{block}: unknown names {unknown}"


async def _awaited(code: Any, names: dict[str, Any]) -> None:
    async with AsyncExitStack() as stack:
        for app in [value for value in names.values() if isinstance(value, Motia)]:
            await stack.enter_async_context(app)
        names["ctx"] = fake_context()
        await eval(code, names)

"""The project's pages, and the code in them.

A fenced ``python`` block whose first line is a comment with a file name, such as ``# shop.py``, is that file. Any other
``python`` block goes on where the blocks before it on the page stopped. A ``console`` block has commands after ``$``
and what they print; ``...`` stands for anything.
"""

from __future__ import annotations

import builtins
import dis
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_FILE = re.compile(r"# ([\w./]+\.py)\n")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        line: where its code begins on the page.
        file: the name it gives itself.
    """

    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        found = _FILE.match(self.text)
        return found[1] if found and self.language == "python" else None

    @property
    def is_test(self) -> bool:
        return self.file is not None and Path(self.file).name.startswith("test_")

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A shell command on a page, and what the page says it prints."""

    words: str
    output: str


def blocks(page: Path, language: str) -> list[Block]:
    """The blocks of a page in one language."""
    text = page.read_text()
    found = [
        Block(page, text.count("\n", 0, match.start("text")) + 1, match["language"], match["text"])
        for match in _FENCE.finditer(text)
    ]
    return [block for block in found if block.language == language]


def commands(block: Block) -> list[Command]:
    """The commands of a console block."""
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)
    assert not parts[0], f"{block}: a console block starts with a command after `$ `"
    return [Command(words, output) for words, output in zip(parts[1::2], parts[2::2], strict=True)]


def unknown_names(code: CodeType, known: dict[str, Any]) -> Iterator[str]:
    """Names that functions in ``code`` would look for in vain."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            wanted = {item.argval for item in dis.get_instructions(constant) if item.opname == "LOAD_GLOBAL"}
            yield from wanted - known.keys() - set(dir(builtins))
            yield from unknown_names(constant, known)

"""Each house rule: it can fail, and the house keeps it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import rules
from tests.house.rules import PACKAGE, ROOT, Sources

LONG_BODY = "def f():\n" + "    x = 1\n" * 51
WIDE = "class A:\n    def __init__(self, a, b, c, d, e, f, g, h, i): ...\n"
RULES: list[tuple[Callable[[Sources], list[str]], Sources]] = [
    (rules.long_files, {"motia/a.py": "x = 1\n" * 501}),
    (rules.long_bodies, {"motia/a.py": LONG_BODY}),
    (rules.wide_constructors, {"motia/a.py": WIDE}),
    (rules.imports_in_functions, {"motia/a.py": "def f():\n    import os\n"}),
    (rules.facade_imports, {"motia/a.py": "from motia import Motia\n"}),
    (rules.facade_imports, {"motia/a.py": "def f():\n    import motia\n"}),
    (rules.unexplained_ignores, {"motia/a.py": "x = 1  # type: " + "ignore[misc]\n"}),
    (rules.unexplained_ignores, {"motia/a.py": "x = 1  # no" + "qa\n"}),
    (rules.banned_calls, {"motia/a.py": "eval('1')\n"}),
    (rules.banned_calls, {"motia/a.py": "import pickle\npickle.loads(b'')\n"}),
    (rules.made_statements, {"motia/a.py": "c.execute(f'SELECT {name}')\n"}),
    (rules.made_statements, {"motia/a.py": "c.rows('SELECT ' + name)\n"}),
    (rules.made_statements, {"motia/a.py": "c.rows('SELECT %s' % name)\n"}),
    (rules.made_statements, {"motia/a.py": "c.rows('SELECT {}'.format(name))\n"}),
    (rules.swallowed_exceptions, {"motia/a.py": "try:\n    x\nexcept Exception:\n    pass\n"}),
    (rules.swallowed_exceptions, {"motia/a.py": "try:\n    x\nexcept:\n    y()\n"}),
    (rules.vague_names, {"motia/utils.py": ""}),
]


@pytest.mark.parametrize(("rule", "broken"), RULES, ids=[rule.__name__ for rule, _ in RULES])
def test_a_rule_finds_what_breaks_it(rule: Callable[[Sources], list[str]], broken: Sources) -> None:
    assert rule(broken)


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in RULES), ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Callable[[Sources], list[str]]) -> None:
    assert rule(rules.sources()) == []


def test_an_error_that_is_not_drawn_is_found() -> None:
    assert rules.errors_not_in_the_tree('"""Tree: A"""\nclass A(Exception): ...\nclass B(A): ...\n') == ["B"]


def test_every_error_is_drawn_and_read_by_a_test() -> None:
    text = (PACKAGE / "errors.py").read_text()
    assert rules.errors_not_in_the_tree(text) == []
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    names = re.findall(r"^class (\w+)\(", text, re.MULTILINE)
    assert [name for name in names if not re.search(rf"\b{name}\b", tests)] == []


def test_layers_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_nothing_tracked_names_the_machine_it_was_written_on() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    words = [str(ROOT) + "/", "/" + "root/", "files." + "pythonhosted", "registry." + "npmjs", "pypi." + "org"]
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        text = path.read_text(errors="replace") if path.is_file() else ""
        found += [f"{name}: {word}" for word in words if word in text]
    assert found == []


def test_unit_tests_mirror_the_package() -> None:
    strays = []
    for path in (ROOT / "tests" / "unit").rglob("test_*.py"):
        relative = path.relative_to(ROOT / "tests" / "unit")
        module = PACKAGE / relative.with_name(relative.name.removeprefix("test_"))
        if not module.exists() and not module.with_suffix("").is_dir():
            strays.append(str(relative))
    assert strays == []

from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from motia import ConfigError, RegistrationError, Step
from motia.discovery import collect
from motia.folders import Folder, ImportProblem, where

STEP = 'from motia import step\n%s\n@step("%s")\ndef run():\n    return value()\n'


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def names(folder: Path) -> list[str]:
    return [file.name for file in Folder(folder).files()]


def run(folder: Path | str) -> dict[str, object]:
    return {step.name: step() for step in collect([str(folder)])}


def test_files_are_found_at_any_depth_and_those_of_tools_are_not(tmp_path: Path) -> None:
    paths = [
        "a_step.py", "steps/b.step.py", "src/x/y/c_step.py", "src/todo_stream.py", "src/d.stream.py", "other/e_step.py",
        "no.py", "step.py", "_step.py", "f_step.pyc", ".hidden/g_step.py", "node_modules/h_step.py",
        "env/lib/i_step.py", "tests/test_b_step.py", "src/tests/j_step.py",
    ]  # fmt: skip
    write(tmp_path, {**dict.fromkeys(paths, ""), "env/pyvenv.cfg": ""})
    assert sorted(names(tmp_path)) == [
        "a_step.py", "b.step.py", "c_step.py", "d.stream.py", "e_step.py", "j_step.py", "todo_stream.py"
    ]  # fmt: skip


def test_relative_and_absolute_imports_with_and_without_init(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "src/services/__init__.py": "",
            "src/services/one.py": "from ..plain.two import two\ndef value(): return two + 1\n",
            "src/plain/two.py": "two = 2\n",
            "steps/my-flow.v2/07-first.step.py": STEP % ("from ...src.services.one import value", "first"),
            "steps/deep/second_step.py": STEP % ("from src.services.one import value", "second"),
            "steps/deep/third_step.py": STEP % ("from . import near\nvalue = near.value", "third"),
            "steps/deep/near.py": "def value(): return 'near'\n",
        },
    )
    assert run(tmp_path) == {"second": 3, "third": "near", "first": 3}
    assert run(tmp_path / "steps") == run(tmp_path)


def test_a_project_hides_nothing_from_the_rest_of_the_process(tmp_path: Path) -> None:
    for name in ("one", "two"):
        late = "def value():\n    from late_import_of_a_folder import name\n    return name"
        write(tmp_path / name, {"a_step.py": STEP % (late, name), "late_import_of_a_folder.py": f"name = {name!r}"})
    before = list(sys.path)
    found = collect([str(tmp_path / "one"), str(tmp_path / "two")])
    assert sys.path[: len(before)][0] == before[0]
    assert sys.path.index(str(tmp_path / "two")) < sys.path.index(str(tmp_path / "one"))
    assert [step() for step in found] == ["two", "two"]  # as the page says: the folder that was loaded last


def test_two_folders_do_not_clash(tmp_path: Path) -> None:
    for name in ("one", "two"):
        text = STEP % ("from .near import value as near\nfrom shared.deep.values import value", name)
        write(
            tmp_path / name,
            {
                "steps/a_step.py": text,
                "steps/near.py": "value = 0",
                "shared/deep/values.py": f"def value(): return {name!r}",
            },
        )
    found = collect([str(tmp_path / "one"), str(tmp_path / "two")])
    assert [step() for step in found] == ["one", "two"]
    assert len({step.handler.__module__ for step in found}) == 2


def test_a_step_that_others_import_is_one_step(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "steps/0_step.py": "from .b_step import run as other\n" + STEP % ("def value(): return other()", "0"),
            "steps/a_step.py": "from steps.b_step import run as other\n" + STEP % ("def value(): return other()", "a"),
            "steps/b_step.py": "import steps.a_step\n" + STEP % ("def value(): return 'b'", "b"),
            "steps/c_step.py": "from .b_step import run as other\n" + STEP % ("def value(): return other()", "c"),
        },
    )
    found = collect([str(tmp_path)])
    assert sorted(step.name for step in found) == ["0", "a", "b", "c"]
    assert {step.name: step() for step in found} == dict.fromkeys(["0", "a", "b", "c"], "b")


def test_everything_that_is_wrong_is_told_at_once_with_file_and_line(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a_step.py": "x = 1\nx = (\n",
            "b_step.py": "from .shelf import broken\n",
            "shelf.py": "def f():\n    raise KeyError('odd')\nbroken = f()\n",
            "c_step.py": "raise SystemExit(3)\n",
            "d_step.py": 'config = {"type": "api", "name": "D", "path": "/d"}\nasync def handler(req, ctx): ...\n',
            "e_step.py": 'config = {"type": "apy", "name": "E"}\nasync def handler(req, ctx): ...\n',
            "f_step.py": 'config = {"type": "event", "name": "F", "subscribes": ["f"], "emit": []}\n',
            "g_step.py": 'config = {"type": "event", "name": "G", "subscribes": ["g"]}\n',
        },
    )  # fmt: skip
    with pytest.raises(RegistrationError) as caught:
        collect([str(tmp_path)])
    problems = "\n".join(caught.value.problems)
    for expected in (
        f"cannot import {tmp_path}/a_step.py:2: '(' was never closed",
        f"cannot import {tmp_path}/b_step.py: {tmp_path}/shelf.py:2: KeyError: 'odd'",
        f"cannot import {tmp_path}/c_step.py:1: SystemExit: 3",
        f"{tmp_path}/d_step.py: step 'D' has no 'method', which a step of type 'api' needs",
        f"{tmp_path}/e_step.py: step 'E' has the unknown type 'apy'; did you mean 'api'?",
        f"{tmp_path}/f_step.py: step 'F' has an unknown key 'emit'; did you mean 'emits'?",
        f"{tmp_path}/g_step.py: step 'G' has a config and no handler",
    ):
        assert expected in problems
    assert len(caught.value.problems) == 7


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"outside/x_step.py": "", "root/a_step.py": ""})
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "link_step.py").symlink_to(tmp_path / "outside" / "x_step.py")
    (tmp_path / "root" / "loop").symlink_to(tmp_path / "root")
    assert names(tmp_path / "root") == ["a_step.py"]


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"closed/a_step.py": ""})
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    stat = os.stat

    def blind(path: str, **how: Any) -> os.stat_result:
        if "closed/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **how)

    monkeypatch.setattr(os, "scandir", refusing)  # a superuser may read everything
    monkeypatch.setattr(os, "stat", blind)
    with pytest.raises(ImportProblem, match=r"cannot read the folder .*closed: Permission denied"):
        Folder(tmp_path).files()


def test_a_folder_that_everybody_may_write_to_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tmp_path.chmod(0o777)
    with caplog.at_level(logging.WARNING, "motia"):
        Folder(tmp_path).files()
    assert f"everybody may write to {tmp_path}" in caplog.text


def test_a_file_alone_is_a_source(tmp_path: Path) -> None:
    write(tmp_path, {"a_step.py": STEP % ("def value(): return 1", "a"), "b_step.py": "raise RuntimeError"})
    assert run(tmp_path / "a_step.py") == {"a": 1}


def test_steps_know_their_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a_step.py": "from .lib import decorated\nconfig = {'type': 'cron', 'name': 'A', 'cron': '* * * * *'}\n"
            "@decorated\nasync def handler(ctx): ...\n",
            "lib.py": "def decorated(f):\n    async def g(*a):\n        return await f(*a)\n    return g\n",
        },
    )
    (step,) = collect([str(tmp_path)])
    assert isinstance(step, Step)
    assert step.source == f"{tmp_path}/a_step.py"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected the folder .* to exist"):
        Folder(tmp_path / "nothing")


def test_a_file_that_fails_leaves_no_module_behind(tmp_path: Path) -> None:
    write(tmp_path, {"only_here_step.py": "import sys\nassert 'only_here_step' in sys.modules\nraise ValueError\n"})
    with pytest.raises(RegistrationError):
        collect([str(tmp_path)])
    assert [name for name in sys.modules if "only_here_step" in name] == []
    assert importlib.util.find_spec("motia") is not None


def test_an_error_without_a_line_of_its_own_names_none() -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module("no_such_module_here")
    trace = caught.value.__traceback__
    assert trace is not None
    assert trace.tb_next is not None
    told = where(caught.value.with_traceback(trace.tb_next.tb_next))
    assert told.startswith("ModuleNotFoundError: No module named 'no_such_module_here'; ")

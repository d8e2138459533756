from __future__ import annotations

from pathlib import Path

import pytest

from motia import ConfigError, Motia, RegistrationError, step
from motia.discovery import collect

FILE = 'config = {"name": "%s", "triggers": [{"type": "queue", "topic": "t"}]}\nasync def handler(data, ctx): ...\n'


def test_steps_come_from_objects_modules_names_and_folders(tmp_path: Path) -> None:
    @step
    def alone() -> None: ...

    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "one_step.py").write_text(FILE % "one")
    (tmp_path / "deep" / "er" / "two.step.py").write_text(FILE % "two")
    (tmp_path / "deep" / "ignored.py").write_text("raise RuntimeError('never imported')")
    found = collect([alone, "tests.unit.steps_of_a_module", str(tmp_path), alone])
    assert [item.name for item in found] == ["alone", "in-module", "two", "one"]


def test_all_files_that_cannot_be_imported_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a_step.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "b_step.py").write_text("x = (\n")
    with pytest.raises(RegistrationError) as caught:
        collect([str(tmp_path), "no.such.module"])
    first, second, third = caught.value.problems
    assert "a_step.py:1: ModuleNotFoundError" in first
    assert "b_step.py:1" in second
    assert "cannot import 'no.such.module'" in third


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside_step.py", tmp_path / "root"
    inside.mkdir()
    outside.write_text(FILE % "outside")
    (inside / "link_step.py").symlink_to(outside)
    assert collect([str(inside)]) == []


def test_what_is_no_source_of_steps_is_told() -> None:
    with pytest.raises(ConfigError, match="did you forget the @step decorator"):
        collect([lambda: None])
    with pytest.raises(ConfigError, match=r"expected the folder 'no/such/folder' to exist"):
        collect(["./no/such/folder"])
    with pytest.raises(ConfigError, match=r"write steps=\['orders.steps'\]"):
        Motia(steps="orders.steps")

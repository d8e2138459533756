from __future__ import annotations

import os
from pathlib import Path

import pytest

from motia import ConfigError
from motia.loading import absolute, load_app, project_of

STEP = "import os\nfrom motia import step\n@step('env')\ndef env():\n    return os.environ.get('FROM_FILE')\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOTIA_URL", raising=False)
    monkeypatch.setenv("FROM_FILE", "to be restored")
    monkeypatch.delenv("FROM_FILE")
    (tmp_path / "shop" / "steps").mkdir(parents=True)
    (tmp_path / "shop" / "steps" / "a_step.py").write_text(STEP)
    return tmp_path / "shop"


def test_a_folder_is_an_app_with_its_messages_in_the_project(project: Path) -> None:
    for spec in ("shop", "shop/steps", str(project)):
        assert load_app(spec).url == f"sqlite:///{project}/motia.db"
        assert project_of(spec) == project
    assert absolute("shop") == str(project)
    assert absolute("shop:motia") == "shop:motia"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///data.db?synchronous=FULL", "sqlite:///{project}/data.db?synchronous=FULL"),
        ("sqlite:////tmp/data.db", "sqlite:////tmp/data.db"),
        ("memory:", "memory:"),
    ],
)
def test_a_url_of_the_environment_wins(project: Path, monkeypatch: pytest.MonkeyPatch, url: str, expected: str) -> None:
    monkeypatch.setenv("MOTIA_URL", url)
    assert load_app("shop").url == expected.format(project=project)


def test_the_projects_env_file_is_read_and_the_environment_wins(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dotenv", reason=".env files need motia[serve]")
    (project / ".env").write_text("FROM_FILE='a b' # comment\nHOME=/nowhere\n")
    (step,) = load_app("shop").steps
    assert step() == "a b"
    assert project_of("shop") != Path("/nowhere")
    monkeypatch.setenv("FROM_FILE", "set already")
    assert load_app("shop").steps[0]() == "set already"


def test_the_env_file_of_an_app_in_a_module_is_its_own_business(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"app_{abs(hash(project))}"
    Path(f"{name}.py").write_text("from motia import Motia\nmotia = Motia('memory:')\n")
    Path(".env").write_text("FROM_FILE=1\n")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.syspath_prepend(".")
    assert load_app(f"{name}:motia").url == "memory:"
    assert "FROM_FILE" not in os.environ


def test_an_env_file_that_nothing_can_read_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".env").write_text("A=1\n")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"\.env needs python-dotenv to be read: pip install 'motia\[serve\]'"):
        load_app("shop")


def test_a_folder_that_cannot_be_read_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(path: str) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refusing)  # a superuser may read everything
    with pytest.raises(ConfigError, match=r"cannot read the folder .*shop: Permission denied"):
        load_app("shop")


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no step files in .*: expected files named \*_step\.py or \*\.step\.py"):
        load_app(str(tmp_path))

"""The fixtures of the page are what the API answers: ``python -m tests.workbench.fixtures`` writes them anew."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workbench.fixtures import FOLDER, recorded, written
from tests.workbench.shop import SECRET

OWN = {"after", "attrs", "before", "data", "examples", "fields", "input", "output", "payload", "schema", "value"}


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    return recorded()


def test_the_document_is_that_of_the_api(fresh: dict[str, Any]) -> None:
    assert (FOLDER / "openapi.json").read_text() == written(fresh["openapi"])


def test_each_fixture_has_the_shape_of_an_answer(fresh: dict[str, Any]) -> None:
    names = {path.stem: path for path in (FOLDER / "fixtures").glob("*.json")}
    assert set(names) == set(fresh) - {"openapi"}
    assert [name for name, path in names.items() if _shape(json.loads(path.read_text())) != _shape(fresh[name])] == []


def test_no_fixture_has_a_secret() -> None:
    assert [
        path.name for path in FOLDER.rglob("*.json") if SECRET in path.read_text() and "modules" not in str(path)
    ] == []


def _shape(value: Any) -> Any:
    """The names in the first row of every list, without what is of the app's own shape."""
    if isinstance(value, dict):
        return {name: _shape(part) for name, part in value.items() if name not in OWN}
    if isinstance(value, list):
        return [_shape(value[0])] if value and isinstance(value[0], dict) else []
    return None

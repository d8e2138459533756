"""What ``import motia`` does and does not do, and what it offers."""

from __future__ import annotations

import json
import subprocess
import sys
from types import ModuleType

import motia
from motia import FlowContext, Motia, SyncFlowContext
from motia.testing import FakeContext, FakeSyncContext
from tests.house.rules import PACKAGE

STRANGERS = {
    "aio_pika", "django", "fastapi", "flask", "hiredis", "jsonschema", "nats", "psycopg", "pymysql", "pytest", "redis",
    "sqlalchemy", "starlette", "uvicorn", "watchfiles",
}  # fmt: skip
PROBE = """
import json, os, sys
opened, read = [], []

def audit(event, arguments):
    if event in {"sqlite3.connect", "socket.connect", "socket.bind", "subprocess.Popen"}:
        opened.append(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        opened.append(str(arguments[0]))

class Watched(type(os.environ)):
    def __getitem__(self, key):
        read.append(key)
        return super().__getitem__(key)

sys.dont_write_bytecode = True
os.environ.__class__ = Watched
sys.addaudithook(audit)
import motia
print(json.dumps([sorted(sys.modules), opened, [key for key in read if key.startswith("MOTIA_")]]))
"""


def imported() -> tuple[list[str], list[str], list[str]]:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    modules, opened, read = json.loads(done.stdout)
    return modules, opened, read


def test_importing_loads_no_framework_and_no_driver() -> None:
    modules, _, _ = imported()
    assert STRANGERS & {name.split(".")[0] for name in modules} == set()


def test_importing_opens_nothing_and_reads_no_settings() -> None:
    _, opened, read = imported()
    assert (opened, read) == ([], [])


def test_all_is_sorted_and_equals_the_public_names() -> None:
    assert sorted(motia.__all__) == motia.__all__
    modules = {name for name, value in vars(motia).items() if isinstance(value, ModuleType)}
    public = {name for name in vars(motia) if not name.startswith("_")} - modules
    assert public == set(motia.__all__) - {"__version__"}


def test_no_module_has_the_name_of_an_export() -> None:
    modules = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert modules & set(motia.__all__) == set()


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_contexts_and_the_app_stay_small() -> None:
    assert len(public(FlowContext)) <= 24
    assert len(public(Motia)) <= 20


def test_both_contexts_have_the_same_names() -> None:
    assert public(FlowContext) == public(SyncFlowContext)


def test_fake_contexts_have_the_names_of_the_real_ones() -> None:
    recorded = public(FakeContext) - public(FlowContext)
    assert recorded == public(FakeSyncContext) - public(SyncFlowContext) == {"enqueued", "invoked", "logs", "messages"}

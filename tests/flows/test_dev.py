"""``motia dev``: what it says when something is wrong, and how it goes on."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.flows.developing import Dev, body_of, eventually, motia_dev

pytest.importorskip("uvicorn", reason="motia dev needs motia[serve]")
pytest.importorskip("watchfiles", reason="motia dev needs motia[serve]")

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
STEP = """
config = {"type": "api", "name": "%s", "path": "/%s", "method": "GET", "emits": []}
async def handler(req, ctx):
    return {"status": 200, "body": "%s"}
"""


def once(folder: Path, *options: str) -> str:
    """What ``motia dev --no-reload`` says of a folder that it cannot serve."""
    command = [sys.executable, "-m", "motia", "dev", str(folder), "--no-reload", "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_an_empty_folder(tmp_path: Path) -> None:
    said = once(tmp_path)
    assert f"motia: no step files in {tmp_path}: expected files named *_step.py or *.step.py, at any depth\n" in said


def test_a_folder_with_several_faults(tmp_path: Path) -> None:
    (tmp_path / "a_step.py").write_text("x = 1\ny = (\n")
    (tmp_path / "b_step.py").write_text("\nimport no_such_package\n")
    said = once(tmp_path)
    assert f"cannot import {tmp_path}/a_step.py:2: '(' was never closed" in said
    assert (
        f"cannot import {tmp_path}/b_step.py:2: ModuleNotFoundError: No module named 'no_such_package'; "
        "install the package that has it, or mend the import"
    ) in said


def test_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "a_step.py").write_text(STEP % ("A", "a", ""))
    (tmp_path / ".env").write_text("MOTIA_URL=sqlite:////proc/motia.db\n")
    assert "cannot open or create '/proc/motia.db'" in once(tmp_path)


def test_two_equal_names(tmp_path: Path) -> None:
    for file in ("a_step.py", "b_step.py"):
        (tmp_path / file).write_text(STEP % ("Same", file, ""))
    said = once(tmp_path)
    assert f"two steps are named 'Same': {tmp_path}/a_step.py:3 and {tmp_path}/b_step.py:3; rename one" in said


def test_a_port_in_use(tmp_path: Path) -> None:
    (tmp_path / "a_step.py").write_text(STEP % ("A", "a", "served"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with motia_dev(".", "--no-reload", "--port", str(port), cwd=tmp_path) as dev:
            http = dev.connect()
            moved = re.search(rf"port {port} is in use; taking (\d+)", dev.output)
            assert moved
            assert http.base_url.port == int(moved[1])
            assert http.get("/a").text == "served"
            assert dev.close() == 0


@pytest.mark.parametrize(
    ("app", "sentence"),
    [
        ("nothing", "expected APP as pkg.module:attribute or a folder of steps, got 'nothing'"),
        ("json:dumps()", "cannot call 'dumps' of 'json'"),
        ("json:__name__", "expected a Motia or an ASGI application at 'json:__name__', got str"),
    ],
)
def test_a_wrong_app(tmp_path: Path, app: str, sentence: str) -> None:
    command = [sys.executable, "-m", "motia", "dev", app, "--no-reload", "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert sentence in done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "a_step.py").write_text(STEP % ("A", "a", "one"))
    return tmp_path


def test_an_edit_is_served_and_a_broken_one_is_shown_while_the_last_goes_on(project: Path) -> None:
    file = project / "steps" / "a_step.py"
    with motia_dev("--port", "0", cwd=project) as dev:
        http = dev.connect()
        assert http.get("/a").text == "one"
        file.write_text(STEP % ("A", "a", "two"))
        eventually(lambda: http.get("/a").text == "two")
        file.write_text("def broken(:\n")
        dev.wait_for(r"cannot import .*a_step.py:1: ")
        dev.wait_for("the last version that works goes on serving")
        assert http.get("/a").text == "two"
        file.write_text(STEP % ("A", "a", "three"))
        eventually(lambda: http.get("/a").text == "three")
        assert dev.close() == 0


@linux
def test_nobody_outlives_a_parent_that_is_killed(project: Path) -> None:
    with motia_dev("--port", "0", cwd=project) as dev:
        http = dev.connect()
        eventually(lambda: len(children(dev)) == 2)  # the one that serves, and the one that waits for an edit
        family = children(dev)
        dev.process.kill()
        eventually(lambda: not answers(http))
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))


def children(dev: Dev) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{dev.process.pid}/task/{dev.process.pid}/children").read_text().split()]


@linux
def test_an_edit_is_served_though_the_process_that_waited_for_it_is_gone(project: Path) -> None:
    with motia_dev("--port", "0", cwd=project) as dev:
        http = dev.connect()
        eventually(lambda: len(children(dev)) == 2)
        os.kill(max(children(dev)), signal.SIGKILL)
        (project / "steps" / "a_step.py").write_text(STEP % ("A", "a", "two"))
        eventually(lambda: http.get("/a").text == "two")


def answers(http: httpx2.Client) -> bool:
    try:
        return http.get("/a").status_code == 200
    except httpx2.TransportError:
        return False


def test_an_app_that_does_not_start_is_told_until_it_does(project: Path) -> None:
    (project / ".env").write_text("MOTIA_URL=sqlite:////proc/motia.db\n")
    with motia_dev("--port", "0", cwd=project) as dev:
        http = connected(dev)
        answer = http.get("/a")
        assert (answer.status_code, body_of(answer)["error"]["code"]) == (503, "not_loaded")
        assert "the app does not start" in body_of(answer)["error"]["message"]
        (project / "steps" / "a_step.py").write_text("import no_such_package\n")
        eventually(lambda: "no_such_package" in http.get("/a").text)
        (project / "steps" / "a_step.py").write_text(STEP % ("A", "a", "mended"))
        (project / ".env").write_text("MOTIA_URL=memory:\n")
        eventually(lambda: http.get("/a").text == "mended")


def test_a_version_that_does_not_start_does_not_take_over(project: Path) -> None:
    with motia_dev("--port", "0", cwd=project) as dev:
        http = dev.connect()
        (project / ".env").write_text("MOTIA_URL=sqlite:////proc/motia.db\n")
        dev.wait_for("the last version that works goes on serving")
        assert http.get("/a").text == "one"


def test_a_project_that_starts_broken_shows_it_until_it_is_mended(project: Path) -> None:
    file = project / "steps" / "a_step.py"
    file.write_text("import no_such_package\n")
    with motia_dev("--port", "0", cwd=project) as dev:
        http = connected(dev)
        answer = http.get("/anything")
        assert (answer.status_code, body_of(answer)["error"]["code"]) == (503, "not_loaded")
        assert "no_such_package" in body_of(answer)["error"]["message"]
        file.write_text(STEP % ("A", "a", "mended"))
        eventually(lambda: http.get("/a").text == "mended")


def connected(dev: Dev) -> httpx2.Client:
    url = dev.wait_for(r"http://[\d.]+:\d+")[0]
    dev.http = httpx2.Client(base_url=url, timeout=30)
    return dev.http


def test_an_asgi_application_is_served_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from fastapi import FastAPI\n"
        "from motia import Motia, http, step\n"
        "from motia.integrations.fastapi import mount\n"
        "@step(triggers=[http('GET', '/step')])\n"
        "async def hello(): return 'from a step'\n"
        "app = FastAPI()\n"
        "mount(app, Motia('memory:', steps=[hello]))\n"
    )
    with motia_dev("shop:app", "--port", "0", "--no-reload", cwd=tmp_path) as dev:
        http = dev.connect()
        assert http.get("/step").text == "from a step"
        assert http.get("/docs").status_code == 200


def test_a_version_that_never_finishes_loading_gives_way_to_the_next(project: Path) -> None:
    file = project / "steps" / "a_step.py"
    with motia_dev("--port", "0", cwd=project) as dev:
        http = dev.connect()
        file.write_text("import pathlib, time\npathlib.Path('begun').touch()\nwhile True:\n    time.sleep(1)\n")
        eventually((project / "begun").exists)
        assert http.get("/a").text == "one"
        file.write_text(STEP % ("A", "a", "two"))
        eventually(lambda: http.get("/a").text == "two")


def test_a_frame_that_no_client_of_streams_sends_is_refused_by_its_head(project: Path) -> None:
    with motia_dev("--port", "0", "--no-reload", cwd=project) as dev:
        url = dev.connect().base_url
        assert url.port is not None
        with socket.create_connection((url.host, url.port), timeout=10) as line:
            line.sendall(
                b"GET /__motia/streams HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            assert b" 101 " in line.recv(4096)
            line.sendall(b"\x81\xff" + (1 << 30).to_bytes(8, "big") + b"\0\0\0\0")  # of a text of 1 GiB
            answer = line.recv(4096)
            assert (answer[0], int.from_bytes(answer[2:4], "big")) == (0x88, 1009)


FORM = """
config = {"name": "Form", "triggers": [{"type": "http", "method": "POST", "path": "/form"}], "enqueues": []}
async def handler(req, ctx):
    files = [[file.name, file.filename, file.content_type, len(file.content)] for file in req.native["files"]]
    return {"status": 200, "body": {"title": req.body["title"], "files": files, "raw": len(req.raw_body)}}
"""
CONFIG = """
def authenticate(request):
    if request.query_params.get("token") != "let me in":
        raise PermissionError
    return {"user": "ada"}

settings = {"body_limit": 1000, "MOTIA_DEBUG": True}
"""


def test_a_form_with_files(project: Path) -> None:
    (project / "steps" / "form_step.py").write_text(FORM)
    with motia_dev("--port", "0", "--no-reload", cwd=project) as dev:
        http = dev.connect()
        answer = http.post("/form", data={"title": "one"}, files={"photo": ("a.png", b"\x00\r\n\x01", "image/png")})
        assert body_of(answer) | {"raw": 0} == {
            "title": "one", "files": [["photo", "a.png", "image/png", 4]], "raw": 0,
        }  # fmt: skip
        broken = http.post("/form", content=b"x", headers={"content-type": "multipart/form-data; boundary=b"})
        assert (broken.status_code, body_of(broken)["error"]["code"]) == (400, "malformed_form")


def test_pages_of_this_machine_may_call_steps_and_others_may_not(project: Path) -> None:
    with motia_dev("--port", "0", "--no-reload", cwd=project) as dev:
        http = dev.connect()
        asked = {"origin": "http://localhost:5173", "access-control-request-method": "GET"}
        beforehand = http.options("/a", headers=asked)
        assert beforehand.status_code == 204
        assert beforehand.headers["access-control-allow-origin"] == "http://localhost:5173"
        assert "GET" in beforehand.headers["access-control-allow-methods"]
        assert http.get("/a", headers=asked).headers["access-control-allow-origin"] == "http://localhost:5173"
        stranger = http.get("/a", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers


def test_a_folder_is_configured_by_a_file(project: Path) -> None:
    (project / "motia_config.py").write_text(CONFIG)
    (project / "steps" / "form_step.py").write_text(FORM)
    (project / "steps" / "todo_stream.py").write_text(
        'config = {"name": "dev-todo", "schema": {}, "baseConfig": {"storageType": "default"},\n'
        '          "canAccess": lambda subscription, context: context["user"] == "ada"}\n'
    )
    with motia_dev("--port", "0", "--no-reload", cwd=project) as dev:
        http = dev.connect()
        assert http.get("/__motia/streams/dev-todo/g").status_code == 401
        assert http.head("/__motia/streams/dev-todo/g?token=let%20me%20in").status_code == 200
        assert http.post("/form", content=b"x" * 1001).status_code == 413


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("def autenticate(request): ...", "motia_config.py expected a function `authenticate`, a mapping `settings`"),
        ("settings = ['debug']", "expected `settings` to be a mapping and `authenticate` a function"),
        ("settings = {'dbug': True}", "unknown setting MOTIA_DBUG; did you mean 'MOTIA_DEBUG'"),
        ("import no_such_package", "motia_config.py:1: ModuleNotFoundError"),
    ],
)
def test_a_wrong_configuration_of_a_folder(project: Path, config: str, sentence: str) -> None:
    (project / "motia_config.py").write_text(config)
    assert sentence in once(project)


@pytest.mark.parametrize("options", [(), ("--no-reload",)])
def test_the_workbench_is_served_and_its_place_is_told(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "a_step.py").write_text(STEP % ("A", "a", "served"))
    with motia_dev("--port", "0", *options, cwd=tmp_path) as dev:
        http = dev.connect()
        place = dev.wait_for(r"Workbench: (http://\S+)")[1]
        assert place == f"{http.base_url}".rstrip("/") + "/workbench"
        page = httpx2.get(f"{place}/", timeout=30)
        assert (page.status_code, '<base href="/workbench/">' in page.text) == (200, True)
        session = httpx2.get(f"{place}/api/v1/session", timeout=30).json()
        assert (session["app"]["env"], "edit" in session["can"]) == ("development", True)
        assert [step["name"] for step in httpx2.get(f"{place}/api/v1/steps", timeout=30).json()] == ["A"]


def test_the_workbench_of_a_framework_is_served(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from fastapi import FastAPI\nfrom motia import Motia\nfrom motia.integrations.fastapi import mount\n"
        "app = FastAPI()\nmount(app, Motia('memory:'))\n"
    )
    with motia_dev("shop:app", "--port", "0", cwd=tmp_path) as dev:
        assert dev.connect().get("/workbench/api/v1/session").json()["app"]["name"] == "FastAPI"
        assert dev.wait_for(r"Workbench: (http://\S+)")[1].endswith("/workbench")

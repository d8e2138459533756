"""What people of Flask expect of a step: hooks, errors, login, contexts, config, sessions, commands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import Flask, abort, current_app, g, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from motia import (
    ApiRequest,
    ApiResponse,
    ConfigError,
    FlowContext,
    Motia,
    QueueUnavailable,
    Step,
    SyncFlowContext,
    enqueue,
    http,
    queue,
    step,
)
from motia.integrations.flask import FlaskMotia, mount, start
from motia.integrations.flask.extension import EXTENSION, mounted_on

Made = Callable[..., Flask]


def _until(ready: Callable[[], Any], seconds: float = 5.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ready()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return found


@pytest.fixture
def make() -> Iterator[Made]:
    """Flask apps with steps, closed afterwards."""
    apps: list[Flask] = []

    def made(*steps: Step[..., Any], url: str = "memory:", app: Flask | None = None, **options: Any) -> Flask:
        app = app or Flask(__name__)
        app.secret_key = "k"
        mount(app, Motia(url, steps=steps), **{"worker": False, **options})
        apps.append(app)
        return app

    yield made
    for app in apps:
        app.extensions[EXTENSION].hosted.close()


def get(path: str, **trigger: Any) -> Callable[[Callable[..., Any]], Step[..., Any]]:
    return step(triggers=[http("GET", path, **trigger)])


def both(path: str, call: Callable[[], Any], **trigger: Any) -> list[Step[..., Any]]:
    """The same step as ``def`` and as ``async def``."""

    async def waiting() -> Any:
        return call()

    return [
        step("plain", triggers=[http("GET", f"/def{path}", **trigger)])(call),
        step("async", triggers=[http("GET", f"/async{path}", **trigger)])(waiting),
    ]


FLAVOURS = pytest.mark.parametrize("flavour", ["def", "async"])


@FLAVOURS
def test_handlers_see_the_request_and_the_context(make: Made, flavour: str) -> None:
    app = make(*both("", lambda: [flask.request.args["q"], g.user, current_app.name]))
    app.before_request(lambda: setattr(g, "user", "u1"))
    assert app.test_client().get(f"/{flavour}?q=1").json == ["1", "u1", app.name]


def test_def_step_runs_on_the_threads_of_the_server(make: Made) -> None:
    app = make(*both("", lambda: threading.get_ident() == here))
    here = threading.get_ident()
    assert app.test_client().get("/def").json is True
    assert app.test_client().get("/async").json is False


@FLAVOURS
def test_hooks_surround_a_step(make: Made, flavour: str) -> None:
    app = make(*both("", lambda: "step"))
    torn: list[Any] = []

    @app.before_request
    def refuse() -> Any:
        return ("refused", 403) if "refuse" in flask.request.args else None

    @app.after_request
    def mark(response: flask.Response) -> flask.Response:
        response.headers["x-marked"] = "1"
        return response

    app.teardown_appcontext(torn.append)
    client = app.test_client()
    assert client.get(f"/{flavour}").headers["x-marked"] == "1"
    assert client.get(f"/{flavour}?refuse=1").status_code == 403
    assert torn == [None, None], "a step has no application context but the request's own"


@FLAVOURS
def test_exceptions_of_flask_and_those_with_a_handler_are_flasks(make: Made, flavour: str) -> None:
    class Missing(Exception):
        pass

    def fail() -> Any:
        if flask.request.args["how"] == "abort":
            abort(404)
        raise {"missing": Missing, "other": RuntimeError}[flask.request.args["how"]]

    app = make(*both("", fail))
    app.register_error_handler(404, lambda error: ("no page", 404))
    app.register_error_handler(Missing, lambda error: ("missing", 410))
    app.register_error_handler(Exception, lambda error: ("never", 500))
    client = app.test_client()
    assert (client.get(f"/{flavour}?how=abort").text, client.get(f"/{flavour}?how=missing").text) == (
        "no page",
        "missing",
    )
    assert client.get(f"/{flavour}?how=other").json["error"]["code"] == "internal_error"


def test_unexpected_errors_are_signalled_and_shown_in_debug_alone(make: Made) -> None:
    def fail() -> Any:
        raise RuntimeError("secret")

    for debug in (True, False):
        app = Flask(__name__)
        app.debug = debug
        make(get("/")(fail), app=app)
        signalled: list[Exception] = []

        def note(sender: Any, exception: Exception, heard: list[Exception] = signalled, **more: Any) -> None:
            heard.append(exception)

        with flask.got_request_exception.connected_to(note, app):
            reply = app.test_client().get("/")
        assert ("secret" in reply.text) is debug
        assert [str(error) for error in signalled] == ["secret"]


@FLAVOURS
def test_session_is_kept_and_view_decorators_hold(make: Made, flavour: str) -> None:
    def count() -> Any:
        session["n"] = session.get("n", 0) + 1
        return {"n": session["n"], "user": current_user.id}

    app = make(*both("", count, dependencies=[login_required]))
    manager = LoginManager(app)

    class User(UserMixin):
        id = "u7"

    manager.user_loader(lambda id: User())

    @app.get("/login")
    def login() -> str:
        login_user(User())
        return "in"

    client = app.test_client()
    assert client.get(f"/{flavour}").status_code == 401
    client.get("/login")
    assert [client.get(f"/{flavour}").json for _ in range(2)] == [{"n": 1, "user": "u7"}, {"n": 2, "user": "u7"}]


def test_dependencies_that_are_no_decorators_are_refused(make: Made) -> None:
    with pytest.raises(ConfigError, match="expected decorators of Flask views, got 'admin'"):
        make(get("/", dependencies=["admin"])(lambda: None))


def test_responses_of_flask_pass(make: Made) -> None:
    app = make(get("/")(lambda: flask.redirect("/elsewhere")))
    reply = app.test_client().get("/")
    assert (reply.status_code, reply.location) == (302, "/elsewhere")


def test_content_length_limits(make: Made) -> None:
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=10, MOTIA_BODY_LIMIT=1000)
    length = step(triggers=[http("POST", "/")])(lambda req: len(req.raw_body))
    make(length, app=app)
    client = app.test_client()
    assert client.post("/", data=b"x" * 10).json == 10
    assert client.post("/", data=b"x" * 11).json["error"]["code"] == "body_too_large"
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 10
    app.register_error_handler(413, lambda error: ("too much", 413))
    make(length, app=app)
    assert app.test_client().post("/", data=b"x" * 11).text == "too much"


def test_form_that_a_hook_has_read_is_still_there(make: Made) -> None:
    def show(req: ApiRequest[Any]) -> Any:
        return dict(req.body)

    app = make(step(triggers=[http("POST", "/")])(show))
    app.before_request(lambda: flask.request.form.get("csrf_token") and None)
    assert app.test_client().post("/", data={"a": "1"}).json == {"a": "1"}
    assert app.test_client().post("/", data={"a": "1"}, content_type="multipart/form-data").json == {"a": "1"}


def test_routes_have_names_and_a_prefix(make: Made) -> None:
    app = make(
        get("/orders/:id/*rest")(lambda: "x"), step("a.b", triggers=[http("GET", "/y")])(lambda: "y"), prefix="/api/:v"
    )
    with app.test_request_context():
        assert url_for("motia.a_b", v=1) == "/api/1/y"
    assert app.test_client().get("/api/v1/y").text == "y"
    assert app.test_client().get("/y").status_code == 404


def test_other_methods_of_a_path_are_the_apps(make: Made) -> None:
    app = make(get("/orders")(lambda: "step"))
    app.post("/orders")(lambda: "view")
    client = app.test_client()
    assert (client.get("/orders").text, client.post("/orders").text) == ("step", "view")
    assert client.delete("/orders").headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert client.delete("/orders").json["error"]["code"] == "method_not_allowed"


def test_config_has_the_settings() -> None:
    app = Flask(__name__)
    app.config["MOTIA_PAYLOAD_LIMIT"] = 10
    motia = FlaskMotia("memory:")
    motia.init_app(app, worker=False)
    assert motia.settings.payload_limit == 10
    app = Flask(__name__)
    app.config["MOTIA_PAYLOAD_LIMITS"] = 10
    with pytest.raises(ConfigError, match="unknown setting MOTIA_PAYLOAD_LIMITS; did you mean"):
        FlaskMotia("memory:").init_app(app)
    app = Flask(__name__)
    FlaskMotia("memory:").init_app(app)
    with pytest.raises(ConfigError, match="without motia"):
        FlaskMotia("memory:").init_app(app)


def test_factory_takes_the_steps_from_app_to_app(tmp_path: Path) -> None:
    motia = FlaskMotia(f"sqlite:///{tmp_path}/m.db", steps=[get("/")(lambda: current_app.config["N"])])

    def create_app(number: int) -> Flask:
        app = Flask(__name__)
        app.config.update(N=number, MOTIA_BODY_LIMIT=number)
        motia.init_app(app)
        return app

    for number in (1, 2):
        app = create_app(number)
        assert app.test_client().get("/").json == number
        assert motia.settings.body_limit == number
    app.extensions[EXTENSION].hosted.close()


@FLAVOURS
def test_background_handlers_have_a_context_each(make: Made, flavour: str) -> None:
    seen: list[Any] = []
    torn: list[Any] = []

    def note(data: Any) -> None:
        seen.append((data, current_app.name, "used" in g, flask.has_request_context()))
        g.used = True

    @step("work", triggers=[queue("work")])
    def work(data: Any) -> None:
        note(data)

    @step("work", triggers=[queue("work")])
    async def work_async(data: Any) -> None:
        note(data)

    app = make(work if flavour == "def" else work_async, worker=True)
    app.teardown_appcontext(torn.append)
    app.get("/send")(lambda: {"id": [enqueue("work", n).message_id for n in range(3)]})
    app.test_client().get("/send")
    assert _until(lambda: len(torn) == 4)  # one of them is the request's
    assert sorted(seen) == [(n, app.name, False, False) for n in range(3)]


def test_the_worker_can_be_started_before_any_request(make: Made) -> None:
    seen: list[Any] = []

    @step("work", triggers=[queue("work")])
    def work(data: Any) -> None:
        seen.append(data)

    app = make(work, worker=True)
    assert not mounted_on(app).hosted.serving
    start(app)
    assert mounted_on(app).hosted.serving
    with app.app_context():
        enqueue("work", 1)
    assert _until(lambda: seen == [1])
    with pytest.raises(ConfigError, match="has no motia"):
        start(Flask("bare"))


def test_ambient_functions_work_where_no_request_has_been(make: Made) -> None:
    app = make()
    with app.app_context():
        assert enqueue("t", 1).message_id
    assert not app.extensions[EXTENSION].hosted.serving


def test_backend_that_is_away_does_not_take_the_other_pages(make: Made, caplog: pytest.LogCaptureFixture) -> None:
    app = Flask(__name__)
    app.config["MOTIA_BUSY_TIMEOUT"] = 0.1
    make(*both("", lambda: "step"), url="postgresql://127.0.0.1:1/nobody", app=app)
    app.get("/page")(lambda: "page")
    client = app.test_client()
    assert client.get("/page").text == "page"
    assert "the motia app cannot be opened" in caplog.text
    for flavour in ("def", "async"):
        reply = client.get(f"/{flavour}")
        assert (reply.status_code, reply.json["error"]["code"]) == (503, "service_unavailable")


@FLAVOURS
@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_messages_ride_the_session_of_flask_sqlalchemy(make: Made, tmp_path: Path, ending: str, flavour: str) -> None:
    database = SQLAlchemy()

    class Order(database.Model):  # type: ignore[name-defined, misc]  # made at run time
        id: Mapped[int] = mapped_column(primary_key=True)

    handled: list[Any] = []

    @step("order", triggers=[http("GET", "/order")])
    def order_step(req: ApiRequest[Any], ctx: SyncFlowContext[Any]) -> Any:
        database.session.add(Order(id=1))
        ctx.enqueue("ordered", 1, session=database.session)
        getattr(database.session, ending)()
        return {"orders": database.session.query(Order).count()}

    @step("order", triggers=[http("GET", "/order")])
    async def order_async(req: ApiRequest[Any], ctx: FlowContext[Any]) -> Any:
        database.session.add(Order(id=1))
        await ctx.enqueue("ordered", 1, session=database.session)
        getattr(database.session, ending)()
        return {"orders": database.session.query(Order).count()}

    url = f"sqlite:///{tmp_path}/app.db"
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    database.init_app(app)
    with app.app_context():
        database.create_all()
    done = step("done", triggers=[queue("ordered")])(handled.append)
    make(order_step if flavour == "def" else order_async, done, url=url, app=app, worker=True)
    expected = 1 if ending == "commit" else 0
    assert app.test_client().get("/order").json == {"orders": expected}
    if expected:
        assert _until(lambda: handled) == [1]
    else:
        parts = app.extensions[EXTENSION].motia.running
        stats = parts.portal(parts.backend.waiting.queue.stats())
        assert [entry.ready + entry.running for entry in stats] == [0] * len(stats)


def test_commands(make: Made, tmp_path: Path) -> None:
    app = make(
        get("/x")(lambda: ApiResponse(200)), step("work", triggers=[queue("t")])(lambda data: {"got": data}),
        url=f"sqlite:///{tmp_path}/m.db",
    )  # fmt: skip
    run = app.test_cli_runner().invoke
    verbs = run(args=["motia", "--help"]).output
    for verb in ("worker", "steps", "routes", "queues", "dead", "schedules", "migrate", "check", "emit", "invoke"):
        assert f"\n  {verb} " in verbs
    assert "APP" not in verbs
    assert "/x" in run(args=["motia", "routes"]).output
    assert run(args=["motia", "emit", "t", "1"]).exit_code == 0
    assert '"ready": 1' in run(args=["motia", "queues", "--json"]).output
    assert '"got": 5' in run(args=["motia", "invoke", "work", "5"]).output
    wrong = run(args=["motia", "invoke", "nope"])
    assert (wrong.exit_code, "no step 'nope'" in wrong.output) == (1, True)


def test_a_command_in_an_app_without_motia_says_so() -> None:
    with pytest.raises(ConfigError, match="has no motia; call `mount"):
        mounted_on(Flask("bare"))


def test_step_that_cannot_send_is_503(make: Made) -> None:
    def fail() -> Any:
        raise QueueUnavailable("10.0.0.7 is away")

    reply = make(get("/")(fail)).test_client().get("/")
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")

"""The web app: a factory as in any Flask project, with motia as one more extension.

flask --app examples.flask_app.app run
gunicorn 'examples.flask_app.app:create_app()'
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, redirect, render_template_string, request
from flask_login import LoginManager, current_user, login_required, login_user
from werkzeug.wrappers import Response

from examples.flask_app.models import Ticket, User, db
from examples.flask_app.steps import STEPS
from motia import HttpError, state_manager
from motia.integrations.flask import FlaskMotia

PAGE = """<!doctype html>
<title>Desk</title>
<h1>Tickets of {{ user.name }}</h1>
<ul id="tickets">{% for ticket in tickets %}<li>{{ ticket.text }} ({{ ticket.state }})</li>{% endfor %}</ul>
<script>
  const events = new EventSource("/__motia/streams/desk/{{ user.id }}");
  for (const kind of ["create", "update"]) events.addEventListener(kind, () => location.reload());
</script>
"""


def _user_of(visit: Any) -> str:
    """Who follows a stream: the user of the session, as everywhere in the app."""
    if not current_user.is_authenticated:
        raise HttpError(401)
    return str(current_user.id)


motia = FlaskMotia(steps=STEPS, authenticate=_user_of)
logins = LoginManager()


@logins.user_loader  # type: ignore[untyped-decorator]  # Flask-Login has no types
def _load_user(id: str) -> User | None:
    return db.session.get(User, int(id))


def create_app(folder: str | None = None, **config: Any) -> Flask:
    """The app; ``folder`` is where its database is kept, by default Flask's instance folder."""
    app = Flask(__name__)
    path = Path(folder or app.instance_path) / "desk.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    app.config.from_mapping(SECRET_KEY="only an example", SQLALCHEMY_DATABASE_URI=f"sqlite:///{path}")
    app.config.from_mapping(MOTIA_URL=f"sqlite:///{path}", **config)
    db.init_app(app)
    logins.init_app(app)
    motia.init_app(app)
    with app.app_context():
        db.create_all()
    app.add_url_rule("/login", view_func=login, methods=["POST"])
    app.add_url_rule("/", view_func=page)
    app.add_url_rule("/status", view_func=status)
    return app


def login() -> Response:
    """Log in as anybody; a real desk asks for more."""
    name = request.form["name"]
    user = db.session.query(User).filter_by(name=name).one_or_none() or User(name=name)
    db.session.add(user)
    db.session.commit()
    login_user(user)
    return redirect("/")


@login_required  # type: ignore[untyped-decorator]  # see above
def page() -> str:
    """The user's tickets, which follow what becomes of them."""
    tickets = db.session.query(Ticket).filter_by(user_id=current_user.id).order_by(Ticket.id.desc()).all()
    return render_template_string(PAGE, user=current_user, tickets=tickets)


def status() -> dict[str, Any]:
    """A view of the app's own, which reads what the steps keep."""
    return {"calls": state_manager.get("desk", "calls") or 0, "report": state_manager.get("desk", "report")}

"""``motia dev`` and ``motia start``."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import anyio
import click

from motia.cli.completion import complete_app
from motia.cli.ports import address, listen
from motia.errors import MissingDependency, MotiaError
from motia.loading import absolute, configure_logging, project_of

PORT = 3000
_host = click.option("--host", "-H", default="127.0.0.1", show_default=True, help="Address to listen on.")
_port = click.option("--port", "-p", type=click.IntRange(0, 65535), default=PORT, show_default=True)


@click.command()
@click.argument("app", default=".", shell_complete=complete_app)
@_port
@_host
@click.option("--no-reload", is_flag=True, help="Do not watch files; exit with 1 if the app cannot be loaded.")
def dev(app: str, port: int, host: str, no_reload: bool) -> None:
    """Serve APP for development: http steps, worker, schedules, and again after every change.

    APP is a folder of step files (default: this one), pkg.module:attribute of a Motia or of an ASGI application. A
    port that is taken moves to the next free one.
    """
    _needs("uvicorn", *(() if no_reload else ("watchfiles",)))
    from motia.cli.orders import Orders

    configure_logging()
    spec = absolute(app)
    project = project_of(spec)
    listening = listen(host, port, move=True)
    if port and listening.getsockname()[1] != port:
        click.echo(f"port {port} is in use; taking {listening.getsockname()[1]}", err=True)
    click.echo(f"motia dev of {app}: {address(listening)}", err=True)
    orders = Orders(spec, listening.fileno(), settings={"env": "development", "grace": 5.0})
    if no_reload:
        _serve_here(orders)
    from motia.cli.reloading import Reloader

    anyio.run(Reloader(orders, project).run)


def _serve_here(orders: Any) -> None:
    from motia.cli.server import prepared, serve

    app = prepared(orders)
    sys.exit(0 if anyio.run(lambda: serve(app, orders, attended=False)) else 1)


@click.command()
@click.argument("app", default=".", shell_complete=complete_app)
@_port
@_host
@click.option("-w", "--processes", type=click.IntRange(1), default=2, show_default=True, help="That serve http.")
@click.option(
    "--workers", type=click.IntRange(0), default=1, show_default=True, help="Processes of the worker; 0: none."
)
@click.option(
    "--grace", type=click.FloatRange(0), default=25.0, show_default=True, help="Seconds for what runs at the end."
)
def start(app: str, port: int, host: str, processes: int, workers: int, grace: float) -> None:
    """Serve APP for production, with several web processes and a worker.

    SIGTERM or SIGINT: serve nothing more, finish what runs within the grace period, exit 0. SIGHUP: replace the web
    processes.
    """
    _needs("uvicorn")
    from motia.cli.orders import Orders
    from motia.cli.starting import Plan, Production

    configure_logging()
    spec = absolute(app)
    listening = listen(host, port, move=False)
    settings = {"env": "production", "grace": grace}
    orders = Orders(spec, listening.fileno(), settings=settings, worker=False, linger=int(grace))
    click.echo(
        f"motia start of {app}: {address(listening)}, {processes} web processes, {workers} of the worker", err=True
    )
    anyio.run(_alone, Production(Plan(orders, processes, workers, grace)))


async def _alone(production: Any) -> None:
    """Run, and raise what went wrong as itself."""
    try:
        await production.run()
    except* MotiaError as group:
        raise group.exceptions[0] from None


def _needs(*modules: str) -> None:
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise MissingDependency(f"this command needs {module}: pip install 'motia[serve]'")


COMMANDS = [dev, start]

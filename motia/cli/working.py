"""``motia worker``."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from urllib.parse import urlsplit

import anyio
import click

from motia.app import Motia
from motia.cli.completion import app_argument
from motia.cli.output import named
from motia.errors import ConfigError, MissingDependency
from motia.loading import absolute, configure_logging, load_app
from motia.logs import counted

_log = logging.getLogger("motia.worker")


@click.command()
@app_argument
@click.option("-c", "--concurrency", type=click.IntRange(1), help="Deliveries at once per process. Default: 100.")
@click.option("-w", "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--threads", type=click.IntRange(1), help="`def` handlers at once per process. Default: 20.")
@click.option("-q", "--queues", multiple=True, help="Only these topics or steps; comma-separated or repeated.")
@click.option("--grace", type=click.FloatRange(0), help="Seconds for running handlers at shutdown. Default: 25.")
@click.option("--health-port", type=click.IntRange(1, 65535), help="Answer GET /health and GET /live here, for probes.")
@click.option("--drain", is_flag=True, help="End when nothing is ready or running.")
@click.option("--reload", is_flag=True, help="Start again when a Python file changes.")
def worker(
    app: str,
    concurrency: int | None,
    workers: int,
    threads: int | None,
    queues: tuple[str, ...],
    grace: float | None,
    health_port: int | None,
    drain: bool,
    reload: bool,
) -> None:
    """Run deliveries and schedules of APP.

    SIGTERM or SIGINT: stop fetching, finish what runs within the grace period, hand the rest back, exit 0. A second
    one: hand everything back now. SIGHUP: replace the processes, one grace period each.
    """
    if reload:
        _reload()
        return
    configure_logging()
    from motia.worker.supervisor import ChildOptions, Supervisor

    motia = load_app(app, **({} if grace is None else {"grace": grace}))
    if motia.url.startswith("memory:"):
        raise ConfigError(
            "motia worker runs processes of its own, which share no memory with anybody: nothing would ever arrive at "
            "memory:. Give it a URL such as sqlite:///motia.db, or run the worker inside the web process"
        )
    options = ChildOptions(
        app=absolute(app),
        concurrency=concurrency or motia.settings.concurrency,
        threads=threads,
        queues=[name for item in queues for name in item.split(",")] or None,
        grace=motia.settings.grace,
        drain=drain,
    )
    supervisor = Supervisor(motia, options, processes=workers, health_port=health_port)
    _log.info("worker of %s on %s: %s", named(app), shown_url(motia), _size(workers, options.concurrency))
    anyio.run(supervisor.run)


def shown_url(motia: Motia) -> str:
    """The backend's URL without its password."""
    url = motia.url
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@") if parts.password else url


def _size(workers: int, concurrency: int) -> str:
    return f"{counted(workers, 'process', 'processes')} of {concurrency} deliveries at once, pid {os.getpid()}"


def _reload() -> None:
    if importlib.util.find_spec("watchfiles") is None:
        raise MissingDependency("--reload needs watchfiles: pip install 'motia[reload]'")
    import watchfiles

    logging.getLogger("watchfiles").setLevel(logging.ERROR)  # it warns of every signal
    arguments = [argument for argument in sys.orig_argv[1:] if argument != "--reload"]
    watchfiles.run_process(
        ".",
        target=_again,
        args=(arguments,),
        watch_filter=watchfiles.PythonFilter(),
        sigint_timeout=30,
        sigkill_timeout=5,
    )


def _again(arguments: list[str]) -> None:
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606  # our own command line, motia's or flask's


COMMANDS = [worker]

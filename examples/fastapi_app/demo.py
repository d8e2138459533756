"""``make demo``: the shop and its worker in one process, and two real orders through HTTP.

``DEMO_ONCE=1`` ends it after the orders, with exit code 0 if both went as they should, else 1.
"""

from __future__ import annotations

import io
import json
import logging
import os
import queue
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import uvicorn

PREFERRED_PORT = 8000
DEADLINE = 30.0
"""Seconds in which the server must answer, and each order must reach its end."""
GRACE = 40.0
"""Seconds in which the server must end."""
ENDS = {"fulfilled", "cancelled"}


class Failed(Exception):
    """One sentence about what went wrong."""


@dataclass(frozen=True)
class Story:
    """An order, and what should become of it.

    Attributes:
        ending: every status it goes through.
        notices: how often its customer is told something.
    """

    title: str
    order: dict[str, Any]
    ending: Sequence[str]
    notices: int = 1


BASKET = [{"sku": "book", "quantity": 2}, {"sku": "lamp", "quantity": 1}]
PAID = Story(
    "An order that is paid",
    {"customer": "Ada", "email": "ada@shop.test", "items": BASKET},
    ["created", "priced", "paid", "fulfilled"],
)
DECLINED = Story(
    "An order whose card is declined",
    {"customer": "Bob", "email": "bob@shop.test", "items": [{"sku": "desk", "quantity": 1}], "card": "tok_declined"},
    ["created", "priced", "payment_failed", "cancelled"],
)


def main() -> int:
    """Run the demo; the exit code."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a pipe, too, gets each stage as it happens
    lines = Lines()
    try:
        with serving() as (base, server):
            for story in (PAID, DECLINED):
                tell(base, story, lines)
            print(f"\nStock: {json.dumps(call(f'{base}/stock'))}  (the desk is back)")
            if not os.environ.get("DEMO_ONCE"):
                keep_serving(base, server, lines)
    except BrokenPipeError:  # nobody reads any more, as in `make demo | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Failed as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def serving() -> Iterator[tuple[str, threading.Thread]]:
    """The app under uvicorn, on a SQLite file in a folder of its own: its base URL, once it answers, and its thread."""
    for name in [name for name in os.environ if name.startswith("MOTIA_")]:
        del os.environ[name]  # whatever you have set for an app of yours
    with tempfile.TemporaryDirectory(prefix="motia-demo-") as folder, free_socket() as listener:
        os.environ["MOTIA_URL"] = f"sqlite:///{Path(folder) / 'shop.db'}"
        os.environ["MOTIA_ENV"] = "development"  # with the Workbench
        server = uvicorn.Server(uvicorn.Config("examples.fastapi_app.app:app", log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],), name="server", daemon=True)
        thread.start()
        try:
            base = f"http://127.0.0.1:{listener.getsockname()[1]}"
            wait_until_ready(base, thread)
            print(f"The shop is open at {base}, its worker runs, and its database is {folder}/shop.db.")
            yield base, thread
        finally:
            server.should_exit = True
            thread.join(GRACE)


def free_socket() -> socket.socket:
    """A listening socket on port 8000, or on the next one that is free."""
    for port in range(PREFERRED_PORT, PREFERRED_PORT + 100):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError:
            listener.close()
            continue
        if port != PREFERRED_PORT:
            print(f"Port {PREFERRED_PORT} is taken; using {port}.")
        return listener
    raise Failed(f"no port from {PREFERRED_PORT} to {PREFERRED_PORT + 99} is free")


def wait_until_ready(base: str, thread: threading.Thread) -> None:
    """Poll until the app answers."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline and thread.is_alive():
        try:
            call(f"{base}/health", timeout=1)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise Failed(f"the server did not answer within {DEADLINE:g} s" if thread.is_alive() else "the server has ended")


class Lines(logging.Handler):
    """What the steps log, kept for showing."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        logger = logging.getLogger("motia.step")
        logger.addHandler(self)
        logger.setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        self._records.put(record)

    def show(self, since: float | None, timeout: float) -> None:
        """Print what has been logged, waiting for the first line.

        Args:
            since: seconds since the epoch; lines show the time that has passed since then. None: the time of day.
            timeout: seconds to wait.
        """
        try:
            record = self._records.get(timeout=timeout)
            while True:
                print(_shown(record, since))
                record = self._records.get_nowait()
        except queue.Empty:
            return


def _shown(record: logging.LogRecord, since: float | None) -> str:
    fields = dict(getattr(record, "motia", {}))
    when = time.strftime("%H:%M:%S") if since is None else f"{(record.created - since) * 1000:5.0f} ms"
    trace, name = fields.pop("trace_id", ""), fields.pop("step", "")
    hidden = {"order_id", "delivery_id"} | ({"attempt"} if fields.get("attempt") == 1 else set())
    pairs = "".join(f"  {key}={value}" for key, value in fields.items() if key not in hidden)
    return f"{when}  {trace}  {name:<16} {record.getMessage()}{pairs}"


def tell(base: str, story: Story, lines: Lines) -> None:
    """Post an order, and show each stage as it happens.

    Raises:
        Failed: it did not end as it should.
    """
    print(f"\n{story.title}\n{'-' * len(story.title)}")
    print(f"POST /orders {json.dumps(story.order)}")
    began = time.time()
    accepted = call(f"{base}/orders", story.order)
    url = f"{base}/orders/{accepted['order_id']}"
    print(f"201 {json.dumps(accepted)}\n")
    order, audit = follow(url, story, lines, began)
    print(f"\nGET /orders/{accepted['order_id']}\n{json.dumps(order, indent=2)}")
    print(f"GET /orders/{accepted['order_id']}/audit\n{' -> '.join(entry['status'] for entry in audit)}")
    if any(entry["trace_id"] != accepted["trace_id"] for entry in audit):
        raise Failed("the stages of one order are not in one trace")


def follow(url: str, story: Story, lines: Lines, began: float) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Show the stages until the order has reached its end; the order and its audit trail."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        lines.show(began, timeout=0.05)
        order, audit = call(url), call(f"{url}/audit")["audit"]
        if order["status"] in ENDS and order["status"] != story.ending[-1]:
            raise Failed(f"the order is {order['status']}, expected {story.ending[-1]}")
        seen = [entry["status"] for entry in audit]
        if seen == list(story.ending) and order["risk"] and len(order["notices"]) == story.notices:
            lines.show(began, timeout=0.05)
            return order, audit
    raise Failed(f"the order was not {story.ending[-1]} within {DEADLINE:g} s, it is {order['status']}")


def keep_serving(base: str, server: threading.Thread, lines: Lines) -> None:
    """Tell what there is to try, and show what the steps log until Ctrl-C."""
    print(f"""
The shop stays open. Try, from another terminal:
  curl -s {base}/orders -H 'content-type: application/json' -d '{json.dumps(PAID.order)}'
  curl -s {base}/orders/ORDER_ID
  curl -s {base}/orders/ORDER_ID/audit
  curl -s {base}/stock
Every step that answers a request is in {base}/docs, and what the orders set off in {base}/workbench
Ctrl-C ends it.
""")
    while server.is_alive():
        lines.show(None, timeout=1)
    raise Failed("the server has ended")


def call(url: str, body: dict[str, Any] | None = None, timeout: float = 10) -> Any:
    """A request, and the JSON of its answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise Failed(f"{url} answered {error.code}: {error.read().decode()}") from error


if __name__ == "__main__":
    sys.exit(main())

"""``make demo-django``: the shop under ``runserver``, its worker beside it, and real orders through HTTP.

``DEMO_ONCE=1`` ends it after the orders, with exit code 0 if all went as they should, else 1.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DEADLINE = 30.0
"""Seconds in which the server must answer, and each order must reach its end."""
GRACE = 20.0
PRODUCTS = [
    {"model": "orders.product", "fields": {"sku": "book", "price": "12.50", "stock": 100}},
    {"model": "orders.product", "fields": {"sku": "desk", "price": "240.00", "stock": 5}},
]
STORIES = [
    ("An order that is paid", {"sku": "book", "quantity": 2}, "tok_good", "shipped"),
    ("An order whose payment provider is away at first", {"sku": "book", "quantity": 1}, "tok_flaky", "shipped"),
    ("An order whose card is declined", {"sku": "desk", "quantity": 1}, "tok_declined", "cancelled"),
]


class Failed(Exception):
    """One sentence about what went wrong."""


def main() -> int:
    """Run the demo; the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="motia-demo-") as folder:
            play(Path(folder))
    except Failed as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def play(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MOTIA_", "DJANGO_"))}
    environment |= {"SHOP_DATABASE": str(folder / "shop.sqlite3"), "PYTHONUNBUFFERED": "1"}
    manage("migrate", "--verbosity", "0", env=environment)
    (folder / "products.json").write_text(json.dumps(PRODUCTS))
    manage("loaddata", "--verbosity", "0", str(folder / "products.json"), env=environment)
    port = free_port()
    with ExitStack() as stack:
        stack.enter_context(running("runserver", "--noreload", str(port), env=environment, quiet=True))
        stack.enter_context(running("motia_worker", "--no-reload", env=environment))
        base = f"http://127.0.0.1:{port}"
        wait_for(lambda: call(f"{base}/stock"), "the server does not answer")
        print(f"The shop is open at {base}, its worker runs, and its database is {environment['SHOP_DATABASE']}.")
        for title, item, card, ending in STORIES:
            tell(base, title, item, card, ending)
        refused(base)
        manage("motia_schedules", "run", "daily-report", env=environment, quiet=True)
        time.sleep(1)
        print(f"\nStock: {json.dumps(call(f'{base}/stock'))}  (the desk is back)")
        if not os.environ.get("DEMO_ONCE"):
            stay(base, environment)


def tell(base: str, title: str, item: dict[str, Any], card: str, ending: str) -> None:
    print(f"\n{title}")
    placed = call(f"{base}/orders", {"customer": "ada@shop.test", "card": card, "items": [item]})
    print(f"  placed: {json.dumps(placed)}")
    began = time.monotonic()
    found = wait_for(
        lambda: (order := call(f"{base}/orders/{placed['id']}"))["order"] != "placed" and order,
        f"order {placed['id']} stays as it is",
    )
    print(f"  {found['order']} after {(time.monotonic() - began) * 1000:.0f} ms")
    if found["order"] != ending:
        raise Failed(f"order {placed['id']} expected to be {ending}, got {found['order']}")


def refused(base: str) -> None:
    print("\nAn order for more than there is")
    try:
        call(f"{base}/orders", {"customer": "bob@shop.test", "items": [{"sku": "desk", "quantity": 99}]})
    except urllib.error.HTTPError as error:
        print(f"  {error.code}: {json.loads(error.read())['error']['message']}; nothing was written, nothing was sent")
        if error.code == 409:
            return
    raise Failed("an order for more than there is expected to be refused with 409")


def stay(base: str, environment: dict[str, str]) -> None:
    environment = environment | {"DJANGO_SUPERUSER_PASSWORD": "admin"}
    manage("createsuperuser", "--noinput", "--username=admin", "--email=admin@shop.test", env=environment, quiet=True)
    print(f"\nThe admin is at {base}/admin/ (admin, admin), the Workbench at {base}/workbench. Stop with Ctrl+C.")
    threading.Event().wait()


@contextmanager
def running(*arguments: str, env: dict[str, str], quiet: bool = False) -> Iterator[None]:
    """A command of ``manage.py`` in the background of a block."""
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=HERE,
        env=env,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        yield
        if process.poll() is not None:
            raise Failed(f"manage.py {arguments[0]} ended by itself with {process.returncode}")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def manage(*arguments: str, env: dict[str, str], quiet: bool = False) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=HERE, env=env, capture_output=quiet, text=True, check=False
    )
    if done.returncode:
        raise Failed(f"manage.py {arguments[0]} ended with {done.returncode}: {done.stderr or ''}")


def call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"} if data else {})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.loads(reply.read())


def wait_for(ready: Any, otherwise: str) -> Any:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            if found := ready():
                return found
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.05)
    raise Failed(f"{otherwise}, for {DEADLINE:g} s")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())

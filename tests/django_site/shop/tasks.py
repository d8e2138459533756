from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from motia import Discard
from tests.django_site.shop.models import Order

# The framework is Django's own from 6.0 on.
task: Any = import_module("django_tasks" if find_spec("django.tasks") is None else "django.tasks").task

failures: list[int] = []
"""How often each flaky task has still to fail."""


@task
def add(a: int, b: int) -> int:
    return a + b


@task(takes_context=True)
async def name_of(context: Any, order: int) -> dict[str, Any]:
    found = await Order.objects.aget(pk=order)
    return {"sku": found.sku, "attempt": context.attempt}


@task
def flaky() -> str:
    if failures and failures.pop():
        raise OSError("not yet")
    return "done"


@task
def hopeless() -> None:
    raise Discard("never")

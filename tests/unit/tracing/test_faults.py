"""What is shown of an error begins where the handler does."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async

from motia.tracing.faults import error_text


def handler() -> None:
    raise RuntimeError("no")


async def test_the_threads_of_django_are_left_out() -> None:
    with pytest.raises(RuntimeError) as caught:
        await sync_to_async(handler)()
    assert caught.value.__traceback__ is not None
    lines = error_text(caught.value.with_traceback(caught.value.__traceback__.tb_next), 8_000).splitlines()
    assert f'"{__file__}", line 12, in handler' in lines[1]

"""The queue on MariaDB and MySQL, which cannot tell waiting workers of anything: one small look tells instead."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from motia.errors import QueueUnavailable, StorageError
from motia.queues.sql import SqlQueue

LOOK = 0.3
"""Seconds between looks for something ready; one read of an index."""
READY = "SELECT 1 FROM motia_delivery WHERE state = 'ready' LIMIT 1"
_log = logging.getLogger("motia.queue")
_spread = random.Random()  # noqa: S311  # only spreads the looks


class MysqlQueue(SqlQueue):
    """See ``motia.queues.base.Queue`` for what each method promises."""

    @contextmanager
    def listen(self, notify: Callable[[], None], *, suspects: bool = False) -> Iterator[None]:
        """What this process sends is told by itself; what others send is looked for."""
        looking = asyncio.get_running_loop().create_task(self._look(notify))
        try:
            with super().listen(notify, suspects=suspects):
                yield
        finally:
            looking.cancel()

    async def _look(self, notify: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(LOOK * _spread.uniform(0.8, 1.2))
            try:
                if await self.database.read(lambda connection: connection.rows(READY)):
                    notify()
            except (QueueUnavailable, StorageError) as error:
                _log.debug("not looking for new messages for the moment: %s", error)

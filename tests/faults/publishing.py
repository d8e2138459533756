"""A process that changes a stream as fast as it can: ``python -m tests.faults.publishing URL COUNT``.

Every change counts the item ``ticker`` up by one, or changes one of a hundred others.
"""

from __future__ import annotations

import asyncio
import random
import sys

from motia import Motia


async def publish(url: str, count: int) -> None:
    chance = random.Random(7)
    async with Motia(url) as motia:
        items = motia.streams.burst
        for number in range(count):
            id = f"i{chance.randrange(100)}"
            if number % 2:
                await items.update("g", "ticker", [{"type": "increment", "path": "n"}])
            elif chance.random() < 0.1:
                await items.delete("g", id)
            else:
                await items.set("g", id, {"n": number})
            if number % 100 == 0:
                print(number, flush=True)
                await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(publish(sys.argv[1], int(sys.argv[2])))

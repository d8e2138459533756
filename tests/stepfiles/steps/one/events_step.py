"""1.0: an answer that is written piece by piece."""

import asyncio

from motia import MotiaHttpArgs, http

config = {"name": "Events", "triggers": [http("POST", "/one/events")], "enqueues": []}


async def handler(args: MotiaHttpArgs) -> None:
    await args.response.status(201)
    await args.response.headers({"content-type": "text/event-stream"})
    size = 0
    async for chunk in args.request_body.stream:
        size += len(chunk)
    for number in range(3):
        args.response.writer.stream.write(f"data: {number} of {size}\n\n".encode())
        await asyncio.sleep(0.01)
    args.response.close()

"""0.x: reading a stream."""

config = {"type": "api", "name": "Lane", "path": "/zero/lane", "method": "GET", "emits": []}


async def handler(req, context):
    return {"status": 200, "body": await context.streams.board.getGroup("lane")}

"""0.x: ctx.streams; set returns the item, and works when nobody awaits it."""

config = {"type": "api", "name": "Cards", "path": "/zero/cards/:id", "method": "POST", "emits": []}


async def handler(req, context):
    item = await context.streams.board.set("lane", req["pathParams"]["id"], {"title": 5})
    context.streams.board.set("lane", "other", {"title": "not awaited"})
    await context.streams.get("board").send({"groupId": "lane"}, {"type": "typing", "data": {}})
    return {"status": 201, "body": item}

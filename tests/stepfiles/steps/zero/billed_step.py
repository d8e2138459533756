"""0.x: calls that nobody awaits take effect; a topic that is not declared is sent; contexts read as dicts."""

config = {
    "type": "event",
    "name": "Billed",
    "subscribes": ["zero.billed"],
    "emits": ["something.else"],
    "flows": ["zero"],
}


async def handler(data, ctx):
    ctx["logger"].info("billed", "not a dict")
    ctx.logger.warn("odd", [1, 2])
    ctx.state.set("seen", "billed", data)
    ctx.emit({"topic": "zero.undeclared", "data": {"from": data["customer"]}})

"""Between 0.x and 1.x: triggers as dicts, and what belongs to them beside them."""


async def traced(req, ctx, next_fn):
    req["seen_by"] = "traced"
    return await next_fn()


config = {
    "name": "DictTriggers",
    "triggers": [{"type": "api", "method": "POST", "path": "/early/dicts"}, {"type": "event", "topic": "early.dicts"}],
    "emits": ["early.dicts"],
    "middleware": [traced],
    "input": {"n": {"type": "number"}},
}


async def handler(req, ctx):
    if ctx.is_api():
        await ctx.emit({"topic": "early.dicts", "data": {"n": req.get("body")["n"]}})
        return {"status": 200, "body": {"seen_by": req["seen_by"]}}
    await ctx.state.set("seen", "dicts", req["n"])

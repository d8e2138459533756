"""Early 1.x: api() and event(), emits, match with its first names."""

from motia import ApiRequest, ApiResponse, FlowContext, api, cron, event

config = {
    "name": "Match",
    "triggers": [api("POST", "/early/match"), event("early.match"), cron("0 0 4 * * *"), cron("0 30 4 * * * *")],
    "emits": ["early.match"],
}


async def _api(request: ApiRequest, ctx: FlowContext):
    await ctx.emit({"topic": "early.match", "data": request.body})
    return ApiResponse(status=200, body={"topic": ctx.trigger.topic, "path": ctx.trigger.path, "data": ctx.get_data()})


async def _event(data, ctx):
    await ctx.state.set("seen", "match", {"topic": ctx.trigger.topic, "data": data})


async def _cron():
    return "cron"


async def handler(input, ctx: FlowContext):
    return await ctx.match({"api": _api, "event": _event, "cron": _cron})

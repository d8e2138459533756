"""For the tests: what the others have left in state."""

from motia import http, step


@step("seen", triggers=[http("GET", "/seen/:key")])
async def seen(req, ctx):
    return {"status": 200, "body": {"value": await ctx.state.get("seen", req.path_params["key"])}}

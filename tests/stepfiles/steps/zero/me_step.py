"""0.x: middleware, a function and the result of a factory; the request is one and the same for all."""

from .lib.auth import authenticated, polite, stamped

config = {
    "type": "api",
    "name": "Me",
    "path": "zero/me",
    "method": "GET",
    "middleware": [stamped("Me"), authenticated],
    "emits": [],
}


@polite
async def handler(req, ctx=None):
    return {"status": 200, "body": {"user": req["user"], "logger": getattr(ctx, "logger", None) is not None}}

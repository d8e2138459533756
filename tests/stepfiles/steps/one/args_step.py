"""1.0: MotiaHttpArgs, and conditions, which are given an ApiRequest."""

from typing import Any

from motia import ApiRequest, ApiResponse, FlowContext, MotiaHttpArgs, http


def is_friendly(input: Any, ctx: FlowContext[Any]) -> bool:
    return isinstance(input, ApiRequest) and input.headers.get("x-mood") != "bad"


config = {
    "name": "Args",
    "triggers": [http("PUT", "/one/args/:id", condition=is_friendly), http("GET", "/one/args/fixed")],
    "enqueues": [],
}


async def handler(request: MotiaHttpArgs[Any], ctx: FlowContext[Any]) -> Any:
    raw = await request.request_body.read_all()
    return ApiResponse(
        status=200,
        body={
            "id": request.path_params.get("id"),
            "method": request.request.method,
            "body": request.request.body,
            "size": len(raw),
            "is_request": isinstance(request, ApiRequest),
            "missing": request.get("nothing", "default"),
        },
    )

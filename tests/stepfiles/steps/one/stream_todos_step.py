"""1.0.4: Stream at module level, blocking in a def handler."""

from typing import Any

from motia import ApiResponse, FlowContext, MotiaHttpArgs, Stream, http

todos: Stream[Any] = Stream[dict]("todo")
config = {"name": "StreamTodos", "triggers": [http("PUT", "/one/stream-todos/:id")], "enqueues": []}


def handler(request: MotiaHttpArgs[Any], ctx: FlowContext[Any]) -> ApiResponse[Any]:
    result = todos.set("inbox", request.path_params["id"], {"title": request.body["title"]})
    todos.update("inbox", request.path_params["id"], [{"type": "set", "path": "done", "value": True}])
    return ApiResponse(status=200, body={"result": result, "all": todos.get_group("inbox")})

"""1.x: ApiRequest and ApiResponse with type arguments at module level, ctx.enqueue, a model as body schema."""

from typing import Any

from pydantic import BaseModel

from motia import ApiRequest, ApiResponse, FlowContext, http

Response = ApiResponse[dict[str, Any]]


class Todo(BaseModel):
    title: str
    done: bool = False


config = {
    "name": "CreateTodo",
    "description": "A todo",
    "triggers": [http("POST", "/one/todos", body_schema=Todo, response_schema={201: {"type": "object"}})],
    "enqueues": ["one.todo"],
    "flows": ["one"],
}


async def handler(request: ApiRequest[Any], ctx: FlowContext[Any]) -> Response:
    title = request.body.get("title")
    assert request.body.title == request.body["title"] == title
    await ctx.enqueue({"topic": "one.todo", "data": {"title": title}})
    ctx.logger.info("created", {"title": title})
    return ApiResponse(
        status=201, body={"title": title, "done": "done" in request.body, "input": ctx.input_value is request}
    )

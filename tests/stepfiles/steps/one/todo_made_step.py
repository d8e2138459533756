"""1.x: a queue step, and module-level functions awaited in an async handler."""

from typing import Any

from pydantic import BaseModel

from motia import FlowContext, enqueue, logger, queue, stateManager


class Input(BaseModel):
    title: str


config = {
    "name": "TodoMade",
    "triggers": [queue("one.todo", input=Input)],
    "enqueues": ["one.counted"],
    "flows": ["one"],
}


async def handler(input_data: Input, ctx: FlowContext[Any]) -> None:
    logger.info("made", {"title": input_data.title})
    change = await stateManager.set("seen", "todo", {"title": input_data.model_dump()["title"], "trace": ctx.trace_id})
    await enqueue({"topic": "one.counted", "data": {"first": change["old_value"] is None}})

"""1.x: a stream trigger with a condition; its input under its several names."""

from motia import FlowContext, StreamTriggerInput, stateManager, stream


def is_update(input, ctx) -> bool:
    return input["event"]["type"] == "update"


config = {"name": "OnTodo", "triggers": [stream("todo", group_id="inbox", condition=is_update)], "enqueues": []}


async def handler(input: StreamTriggerInput, ctx: FlowContext) -> None:
    same = input.stream_name == input["streamName"] and input.group_id == input["groupId"]
    await stateManager.set("seen", "stream", {"id": input.id, "same": same, "data": input.event.data})

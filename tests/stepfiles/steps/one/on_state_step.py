"""1.x: a state trigger with a condition; its input under all three families of names."""

from motia import FlowContext, StateTriggerInput, state, stateManager


def is_todo(input, ctx) -> bool:
    return input.group_id == "seen" and input["key"] == "todo"


config = {"name": "OnState", "triggers": [state(condition=is_todo)], "enqueues": []}


async def handler(input: StateTriggerInput, ctx: FlowContext) -> None:
    same = input.item_id == input["itemId"] == input.key and input.scope == input["groupId"]
    await stateManager.set(
        "seen", "state", {"same": same, "title": input.new_value.get("title"), "type": input["type"]}
    )

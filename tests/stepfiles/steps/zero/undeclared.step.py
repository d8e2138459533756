"""0.x: the other suffix; positional emit; a decorator without functools.wraps; what set returns is the value."""

from .lib.auth import guarded

config = {"type": "event", "name": "Undeclared", "subscribes": ["zero.undeclared"], "emits": [], "flows": ["zero"]}


@guarded
async def handler(input_data, context):
    item = await context.state.set("seen", "undeclared", {"from": input_data.get("from"), "trace": context.trace_id})
    await context.emit("zero.positional", {"item": item, "changed_to": item.new_value, "key": item["from"]})

"""0.x: an event step of two topics; attributes of its input, and an input schema that is none."""

config = {
    "type": "event",
    "name": "Bill",
    "subscribes": ["zero.ordered", "zero.reordered"],
    "emits": ["zero.billed"],
    "input": {"customer": {"type": "string"}, "type": {"type": "string"}},
    "infrastructure": {"handler": {"timeout": 20, "ram": 1024}, "queue": {"maxRetries": 1, "visibilityTimeout": 40}},
    "flows": ["zero"],
}


async def handler(input, context):
    stored = await context.state.get("zero", "order")
    stored = stored.get("data", stored)  # how files unwrapped what 0.x had wrapped
    same = stored["trace"] == context.trace_id if stored["customer"] == input.customer else None
    await context.emit({"type": "zero.billed", "data": {"customer": input["customer"], "same_trace": same}})

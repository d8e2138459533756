"""multi_trigger_step, and the other ways to write a step down."""

from motia import http, is_queue_step, multi_trigger_step, queue, step

config = {
    "name": "Multi",
    "triggers": [http("POST", "/one/multi"), queue("one.multi")],
    "enqueues": ["one.multi"],
    "virtualEnqueues": ["one.drawn"],
}


async def on_http(request, ctx):
    await ctx.enqueue("one.multi", {"n": request.body["n"]})
    return {"status": 200, "body": {"queue": is_queue_step(config)}}


async def on_queue(input, ctx):
    await ctx.state.set("seen", "multi", input["n"])


multi = multi_trigger_step(config).on_http(on_http).on_queue(on_queue).handlers()


async def by_builder(input, ctx):
    return {"status": 200, "body": "built"}


built = step({"name": "Built", "triggers": [http("GET", "/one/built")]}).handle(by_builder)

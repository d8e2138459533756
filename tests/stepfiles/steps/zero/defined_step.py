"""define_step, as the documentation had it."""

from motia import define_step


@define_step(type="event", subscribes=["zero.ordered"], emits=[])
async def count_orders(input, ctx):
    await ctx.state.update("seen", "orders", [{"type": "increment", "path": "count", "by": 1}])

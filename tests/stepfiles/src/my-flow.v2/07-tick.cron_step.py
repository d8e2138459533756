"""0.x: a cron step, whose one parameter is the context whatever it is called; a file name that is no identifier."""

config = {"type": "cron", "name": "Tick", "cron": "0 3 * * *", "emits": ["zero.tick"]}


async def handler(c):
    await c.state.set("seen", "tick", c.trigger.type)

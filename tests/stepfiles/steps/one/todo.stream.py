"""1.x: a stream file with hooks of three parameters."""

from motia import StreamConfig


async def on_join(subscription, ctx, auth):
    ctx.logger.info("joined", {"group": subscription.group_id})
    return {"unauthorized": subscription.group_id == "closed"}


config = StreamConfig(name="todo", schema={"type": "object"}, baseConfig={"storageType": "default"}, onJoin=on_join)

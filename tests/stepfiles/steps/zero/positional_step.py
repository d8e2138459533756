"""0.x: a sync handler, and one that asks for what it wants by name."""

config = {"type": "event", "name": "Positional", "subscribes": ["zero.positional"], "emits": []}


def handler(data, state, logger):
    logger.info("by name", keys=list(data))
    state.set("seen", "positional", data["changed_to"]["from"])

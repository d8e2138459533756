"""1.0.4: a def handler of one parameter, and module-level functions that block."""

from motia import logger, queue, stateManager

config = {
    "name": "Counted",
    "triggers": [queue("one.counted", config={"type": "fifo", "maxRetries": 2})],
    "enqueues": [],
}


def handler(input):
    logger.warn("counted", input)
    stateManager.set("seen", "counted", {"first": input["first"], "before": stateManager.get("seen", "nothing")})

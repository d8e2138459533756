"""What somebody can put into an app who wants the Workbench to run it: markup in every name, value and text."""

from __future__ import annotations

import os
from typing import Any

from fastapi import FastAPI

from motia import ApiResponse, FlowContext, Motia, MotiaSettings, Stream, cron, http, queue, state, step, stream
from motia.integrations.fastapi import mount
from tests.browser.hostile import markup

STREAM = Stream("board")


class Refused(Exception):
    """What is raised with markup in it; its name is markup too."""


Refused.__name__ = markup("class")
name, topic, flow = markup("step"), markup("topic"), markup("flow")


@step(name, description=markup("about"), triggers=[http("POST", "/hostile")], enqueues=[topic], flows=[flow])
async def begin(req: Any, ctx: FlowContext) -> ApiResponse[Any]:
    text = req.body["text"]
    ctx.logger.error(text, {text: text})
    await ctx.state.set(text, text, {text: [text]})
    await STREAM.set(text, text, {text: text})
    await ctx.enqueue(topic, {text: text}, group=text)
    await ctx.enqueue(topic, {text: text}, delay=3600)
    return ApiResponse(200, {text: text}, {"x-text": text.replace("\n", " ")})


@step(
    markup("taker"),
    triggers=[queue(topic, config={"max_retries": 0})],
    virtual_enqueues=[{"topic": markup("virtual"), "label": markup("label")}],
    flows=[flow],
)
async def take(data: dict[str, Any]) -> None:
    raise Refused(next(iter(data)))


@step(
    markup("watcher"), triggers=[state(group=markup("group")), stream("board", group_id=markup("room"))], flows=[flow]
)
async def watch(change: Any) -> None: ...


@step(markup("clock"), triggers=[cron("0 2 * * *")], flows=[flow])
async def tick() -> None: ...


app = FastAPI(title=markup("title"))
steps = [begin, take, watch, tick]
motia = Motia(os.environ["MOTIA_URL"], steps=steps, settings=MotiaSettings(env="development"))
mount(app, motia)

"""An assistant that answers word by word: to who asked, and to everybody who follows the chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, Field

from motia import ApiRequest, ApiResponse, FlowContext, Stream, http, step

chat = Stream("chat")


class Question(BaseModel):
    text: str = Field(min_length=1, max_length=2000)


async def model(question: str) -> AsyncIterator[str]:
    """Stands for a language model, which yields tokens as they are made."""
    for word in f"You asked {question!r}. Your order is on its way, and the board shows where.".split():
        await asyncio.sleep(0.02)
        yield f"{word} "


@step("ask-assistant", triggers=[http("POST", "/chats/:chat_id/questions", body_schema=Question)], flows=["assistant"])
async def ask(req: ApiRequest[Question], ctx: FlowContext[Any]) -> ApiResponse[Any]:
    """Answer a question, as it is being thought of."""
    chat_id, number = req.path_params["chat_id"], uuid4().hex[:8]
    await chat.set(chat_id, f"{number}-q", {"role": "user", "text": req.body.text, "done": True})
    answer = ctx.streams.chat.mirror(
        chat_id,
        f"{number}-a",
        model(req.body.text),
        item={"role": "assistant", "done": False},
        done={"done": True},
    )
    return ApiResponse(200, answer, headers={"content-type": "text/plain; charset=utf-8"})

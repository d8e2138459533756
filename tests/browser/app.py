"""An app whose streams the published clients follow; run in a process of its own, so that it can be killed."""

from __future__ import annotations

import os
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from motia import ApiRequest, Motia, Stream, http, step
from motia.integrations.fastapi import mount


def authenticate(request: Any) -> Any:
    """The token that comes as a sub-protocol."""
    token = request.headers.get("sec-websocket-protocol", "").partition(",")[2].strip()
    if token == "wrong":
        raise ValueError("not a token")
    return {"token": token}


board = Stream(
    "board", can_access=lambda subscription, context: subscription.group_id != "private" or context["token"] == "secret"
)


@step(triggers=[http("POST", "/do/:operation")])
async def do(req: ApiRequest[Any]) -> Any:
    """Do one thing to the stream: the body has the arguments."""
    return await getattr(board, req.path_params["operation"])(*req.body) or {}


app = FastAPI()
mount(app, Motia(os.environ["MOTIA_URL"], steps=[do], authenticate=authenticate))
if pages := os.environ.get("PAGES"):
    app.mount("/", StaticFiles(directory=pages, html=True))

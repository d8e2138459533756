"""A web app that serves the stream ``burst``; run in a process of its own."""

from __future__ import annotations

import os

from fastapi import FastAPI

from motia import Motia, Stream
from motia.integrations.fastapi import mount

Stream("burst")
app = FastAPI()
mount(app, Motia(os.environ["MOTIA_URL"]), worker=False)

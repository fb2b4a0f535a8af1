"""The HTTP side: `POST /webhooks/yingda/turn`, `POST /model/parse`, `GET /status`; all but the status need the internal token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from sanic import Request
from sanic.response import HTTPResponse

from bot.dialogue.guard import App, json_response
from bot.dialogue.turns import Turns
from bot.messages import TurnRequest


@dataclass(frozen=True)
class Model:
    """What is loaded."""

    id: str
    file: str


def add_status(app: App, model: Model) -> None:
    @app.get("/status")
    async def status(request: Request) -> HTTPResponse:
        return json_response({"ready": True, "model": model.id, "file": model.file})


class ParseRequest(msgspec.Struct):
    text: str


def add_parse(app: App, parse: Callable[[str], dict[str, Any]]) -> None:
    """What the model makes of a text, outside of any conversation; path and body are those of Rasa's own API."""
    decode = msgspec.json.Decoder(ParseRequest).decode

    @app.post("/model/parse")
    async def parse_text(request: Request) -> HTTPResponse:
        return json_response(parse(decode(request.body).text))


def add_turns(app: App, turns: Turns) -> None:
    decode = msgspec.json.Decoder(TurnRequest).decode
    running: set[asyncio.Task[HTTPResponse]] = set()

    async def answer(body: bytes) -> HTTPResponse:
        return json_response(await turns.respond(decode(body)))

    @app.post("/webhooks/yingda/turn")
    async def turn(request: Request) -> HTTPResponse:
        """Answer one message. A turn once begun is finished and recorded even when the service has stopped waiting."""
        task = asyncio.create_task(answer(request.body))
        running.add(task)
        task.add_done_callback(running.discard)
        return await asyncio.shield(task)

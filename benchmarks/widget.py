"""A visitor as the widget is one: a session, an open socket, messages by POST, answers on the socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from benchmarks.conversations import Line
from bot.ids import new_id

ANSWER_WITHIN_S = 30.0
ANSWERERS = {"bot", "system"}


class Visitor:
    """An anonymous visitor with an open socket."""

    def __init__(self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, url: str, token: str) -> None:
        self._http = http
        self._socket = socket
        self._url = f"{url}/api/widget/messages"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, line: Line) -> tuple[float, bool]:
        """Send a message; return the seconds until its answer was on the socket, and whether the bot still has the conversation.

        Raises TimeoutError when there is no answer.
        """
        began = time.perf_counter()
        async with asyncio.timeout(ANSWER_WITHIN_S):
            body = {"client_id": new_id(), "text": line.text, "language": line.language}
            async with self._http.post(self._url, json=body, headers=self._headers) as response:
                response.raise_for_status()
                mine = (await response.json())["message"]
            answered_at, sender = await self._answer(after=mine["seq"])
        return answered_at - began, sender == "bot"

    async def _answer(self, *, after: int) -> tuple[float, str]:
        while True:
            frame = await self._frame()
            message = frame.get("message", {})
            if message.get("sender") in ANSWERERS and message["seq"] > after:
                return time.perf_counter(), str(message["sender"])

    async def _frame(self) -> dict[str, Any]:
        frame: dict[str, Any] = await self._socket.receive_json()
        if frame["type"] == "ping":
            await self._socket.send_json({"type": "pong", "cursor": frame["cursor"]})
        if frame["type"] == "refused":
            raise RuntimeError(f"the socket was refused: {frame['error']}")
        return frame

    async def wait_until_ready(self) -> None:
        while (await self._frame())["type"] != "ready":
            pass


@asynccontextmanager
async def visitor(http: aiohttp.ClientSession, url: str, *, language: str) -> AsyncIterator[Visitor]:
    """Open a session and its socket, as the widget does when its panel opens."""
    async with http.post(f"{url}/api/widget/session", json={"inbox": "website", "language": language, "page": ""}) as response:
        response.raise_for_status()
        token = (await response.json())["token"]
    async with http.ws_connect(f"{url.replace('http', 'ws', 1)}/ws/widget") as socket:
        await socket.send_json({"type": "hello", "token": token, "after": ""})
        opened = Visitor(http, socket, url, token)
        await opened.wait_until_ready()
        yield opened

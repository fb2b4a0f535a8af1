"""The desk by HTTP: brings shared data into a known state before a browser looks at it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

COOKIE = "yingda_session"
PATIENCE_S = 30


class Reception:
    """One agent's session. Raises aiohttp.ClientResponseError for what is refused."""

    def __init__(self, http: aiohttp.ClientSession, cookie: str, csrf: str) -> None:
        self._http = http
        self.cookie = cookie
        self._headers = {"X-CSRF-Token": csrf, "Cookie": f"{COOKIE}={cookie}"}

    @classmethod
    async def enter(cls, http: aiohttp.ClientSession, username: str, password: str, *, cookies: dict[str, str]) -> Reception:
        """Go on with the session in `cookies`, or log in and leave it there."""
        if username not in cookies:
            login = {"username": username, "password": password}
            async with http.post("/api/desk/login", json=login, raise_for_status=True) as response:
                cookies[username] = response.cookies[COOKIE].value
            http.cookie_jar.clear()
        async with http.get("/api/desk/me", headers={"Cookie": f"{COOKIE}={cookies[username]}"}, raise_for_status=True) as response:
            csrf = (await response.json())["csrf"]
        return cls(http, cookies[username], csrf)

    async def queue(self) -> dict[str, Any]:
        return await self._call("GET", "queue")

    async def clear(self) -> None:
        """Resolve whatever waits and whatever is open at this agent's."""
        queue = await self.queue()
        for entry in queue["mine"]:
            await self.resolve(entry["conversation_id"])
        for entry in queue["waiting"]:
            await self.claim(entry["escalation_id"])
            await self.resolve(entry["conversation_id"])

    @contextlib.asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Take a break in which nobody is there; colleagues count as there until their last heartbeat is too old."""
        await self._call("PUT", "presence", {"presence": "away"})
        try:
            async with asyncio.timeout(2 * PATIENCE_S):
                while (await self.queue())["online"]:
                    await asyncio.sleep(0.2)
            yield
        finally:
            await self._call("PUT", "presence", {"presence": "online"})

    async def claim(self, escalation_id: str = "") -> str:
        return str((await self._call("POST", "claim", {"escalation_id": escalation_id}))["conversation_id"])

    async def reply(self, conversation_id: str, text: str) -> None:
        await self._call("POST", f"conversations/{conversation_id}/messages", {"client_id": str(uuid.uuid4()), "text": text})

    async def resolve(self, conversation_id: str) -> None:
        await self._call("POST", f"conversations/{conversation_id}/resolve", {})

    async def close_the_talk_of(self, identity: str) -> None:
        """End what a customer of the shop has left open, so that their next message begins a new conversation."""
        opened = await self._widget("session", {"language": "zh", "identity": identity})
        token = {"Authorization": f"Bearer {opened['token']}"}
        conversation = opened["conversation"]
        if conversation is None:
            return
        if conversation["status"] == "bot":
            await self._widget("messages", {"client_id": str(uuid.uuid4()), "button_id": "human"}, token)
            await self._waits(conversation["id"])
        if conversation["status"] != "resolved":
            await self.clear()
            opened = await self._widget("session", {"language": "zh", "identity": identity})
        if opened["conversation"]["csat"] == "asked":
            await self._widget("csat", {"conversation_id": conversation["id"], "score": 4}, token)

    async def _waits(self, conversation_id: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not any(entry["conversation_id"] == conversation_id for entry in (await self.queue())["waiting"]):
                await asyncio.sleep(0.1)

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        async with self._http.request(method, f"/api/desk/{path}", json=body, headers=self._headers, raise_for_status=True) as response:
            return dict(await response.json())

    async def _widget(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        async with self._http.post(f"/api/widget/{path}", json=body, headers=headers, raise_for_status=True) as response:
            return dict(await response.json())

"""Visitors and agents of `benchmarks.handoff`: real HTTP and WebSockets, and a raw log of what they sent and saw."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

ASKS = "I want to talk to a person"


@dataclass
class World:
    """What all clients share."""

    url: str
    handle_s: float
    log: list[dict[str, Any]] = field(default_factory=list)
    lines: Any = field(default_factory=itertools.count)  # numbers of connections
    resolved: set[str] = field(default_factory=set)

    def note(self, who: str, did: str, **what: Any) -> None:
        self.log.append({"who": who, "did": did, "at": time.time(), **what})


def address(number: int) -> dict[str, str]:
    """Everybody has an address of their own, as behind a proxy: limits are by caller."""
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


@asynccontextmanager
async def connected(http: aiohttp.ClientSession, path: str, hello: dict[str, Any], **options: Any) -> AsyncIterator[Any]:
    async with http.ws_connect(path, **options) as socket:
        await socket.send_json({"type": "hello", **hello})
        yield socket


def saw(world: World, who: str, line: int, frame: dict[str, Any], *, live: bool) -> dict[str, Any]:
    message: dict[str, Any] = frame["message"]
    what = {"id": message["id"], "conversation": message["conversation_id"], "seq": message["seq"], "sender": message["sender"]}
    world.note(who, "saw", line=line, live=live, **what)
    return message


async def visitor(world: World, http: aiohttp.ClientSession, number: int) -> None:
    """Arrive, ask for a person, wait, talk while served, leave when it is resolved."""
    who, headers = f"visitor:{number}", address(number)
    async with http.post("/api/widget/session", json={"language": "en"}, headers=headers) as response:
        token = (await response.json())["token"]
    headers["Authorization"] = f"Bearer {token}"
    talk = Talk(world, http, who, headers)
    async with connected(http, "/ws/widget", {"token": token, "after": ""}, headers=headers) as socket:
        line, live = next(world.lines), False
        await talk.send(ASKS)
        async for incoming in socket:
            frame = json.loads(incoming.data)
            live = live or frame["type"] == "ready"
            if frame["type"] == "ping":
                await socket.send_json({"type": "pong", "cursor": frame["cursor"]})
            elif frame["type"] == "message":
                message = saw(world, who, line, frame, live=live)
                if message["sender"] == "agent":
                    talk.begin()
                if message["notice"] == "resolved" and await talk.ends(message["conversation_id"]):
                    break


class Talk:
    """What a visitor writes while served. A word that crosses the resolve opens a new conversation, and they stay for it."""

    def __init__(self, world: World, http: aiohttp.ClientSession, who: str, headers: dict[str, str]) -> None:
        self._world, self._http, self._who, self._headers = world, http, who, headers
        self._open: set[str] = set()
        self._over = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        if self._writing is None:
            self._over.clear()
            self._writing = asyncio.create_task(self._write())

    async def ends(self, conversation: str) -> bool:
        """Stop writing when the last word is through; True when nothing is left open."""
        self._over.set()
        if self._writing:
            await self._writing
            self._writing = None
        self._open.discard(conversation)
        return not self._open

    async def _write(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), self._world.handle_s * 0.4)
            if self._over.is_set():
                return
            await self.send(f"more of it, {time.time():.3f}")

    async def send(self, text: str) -> None:
        body = {"client_id": str(uuid.uuid4()), "text": text}
        async with self._http.post("/api/widget/messages", json=body, headers=self._headers) as response:
            answer = await response.json()
        if response.status != 200:
            self._world.note(self._who, "refused", status=response.status)
            return
        message = answer["message"]
        self._open.add(message["conversation_id"])
        self._world.note(self._who, "sent", id=message["id"], conversation=message["conversation_id"], seq=message["seq"])


async def agent(world: World, username: str, password: str, number: int) -> None:
    """Be at a desk: serve whatever is given, for `handle_s` each, several side by side."""
    headers = address(1 << 20 | number)
    async with aiohttp.ClientSession(world.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers=headers) as http:
        async with http.post("/api/desk/login", json={"username": username, "password": password}) as response:
            answer = await response.json()
        me, csrf = answer["agent"]["id"], answer["csrf"]
        http.headers["X-CSRF-Token"] = csrf
        serving: dict[str, asyncio.Task[None]] = {}
        async with connected(http, "/ws/desk", {"csrf": csrf, "open": {}}) as socket:
            line = next(world.lines)
            async for incoming in socket:
                frame = json.loads(incoming.data)
                if frame["type"] == "ping":
                    await socket.send_json({"type": "pong"})
                elif frame["type"] == "message":
                    saw(world, f"agent:{me}", line, frame, live=True)
                elif frame["type"] == "queue":
                    for entry in frame["mine"]:
                        if (conversation := entry["conversation_id"]) not in serving:
                            serving[conversation] = asyncio.create_task(_serve(world, http, me, conversation))


async def _serve(world: World, http: aiohttp.ClientSession, me: str, conversation: str) -> None:
    """Load it as the desk does, answer four times, resolve."""
    who, at = f"agent:{me}", f"/api/desk/conversations/{conversation}"
    async with http.get(at) as response:
        line = next(world.lines)
        for message in (await response.json())["messages"]:
            saw(world, who, line, {"message": message}, live=False)
    for number in range(4):
        body = {"client_id": str(uuid.uuid4()), "text": f"answer {number}"}
        async with http.post(f"{at}/messages", json=body) as response:
            answer = await response.json()
            if response.status == 200:
                world.note(who, "sent", id=answer["message"]["id"], conversation=conversation, seq=answer["message"]["seq"])
        await asyncio.sleep(world.handle_s / 4)
    async with http.post(f"{at}/resolve", json={}) as response:
        if response.status == 200:
            world.resolved.add(conversation)
            world.note(who, "resolved", conversation=conversation)

"""Visitors and agents of `benchmarks.handoff`: real HTTP and WebSockets, and a raw log of what they sent and saw."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

TRIES = 3
AGAIN_S = 0.5
ASKS = "I want to talk to a person"


@dataclass
class World:
    """What all clients share."""

    url: str
    handle_s: float
    log: list[dict[str, Any]] = field(default_factory=list)
    lines: Any = field(default_factory=itertools.count)  # numbers of connections
    resolved: set[str] = field(default_factory=set)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)  # nobody writes any more
    saw_at: float = 0.0  # when anybody was last shown a message, by the monotonic clock

    async def until_quiet(self, quiet_s: float, *, most_s: float) -> None:
        """Return when nobody has been shown a message for so long; what is under way is late and not lost."""
        began = time.monotonic()
        while (now := time.monotonic()) - max(began, self.saw_at) < quiet_s and now - began < most_s:
            await asyncio.sleep(quiet_s / 5)

    def note(self, who: str, did: str, **what: Any) -> None:
        self.log.append({"who": who, "did": did, "at": time.time(), **what})


def address(number: int) -> dict[str, str]:
    """Everybody has an address of their own, as behind a proxy: limits are by caller."""
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


async def post(http: aiohttp.ClientSession, path: str, body: dict[str, Any], **options: Any) -> tuple[int, Any]:
    """Return status and answer. A call whose connection broke is made again, as widget and desk do: ids keep it from counting twice."""
    for attempt in range(TRIES):
        try:
            async with http.post(path, data=msgspec.json.encode(body), **options) as response:
                return response.status, msgspec.json.decode(await response.read())
        except aiohttp.ClientConnectionError:
            if attempt == TRIES - 1:
                raise
            await asyncio.sleep(AGAIN_S)
    raise AssertionError("unreachable")


def saw(world: World, who: str, line: int, frame: dict[str, Any], *, live: bool) -> dict[str, Any]:
    message: dict[str, Any] = frame["message"]
    world.saw_at = time.monotonic()
    what = {"id": message["id"], "conversation": message["conversation_id"], "seq": message["seq"], "sender": message["sender"]}
    world.note(who, "saw", line=line, live=live, **what)
    return message


async def lines(
    world: World, http: aiohttp.ClientSession, path: str, hello: Callable[[], dict[str, Any]], **options: Any
) -> AsyncIterator[Any]:
    """Yield (number of the connection, frame), pings answered; a line that breaks is opened again, from where the hello says."""
    while not world.is_over.is_set():
        async with http.ws_connect(path, max_msg_size=0, compress=0, **options) as socket:
            await socket.send_bytes(msgspec.json.encode({"type": "hello", **hello()}))
            line = next(world.lines)
            async for incoming in socket:
                frame = msgspec.json.decode(incoming.data)
                if frame["type"] == "ping":
                    await socket.send_bytes(b'{"type":"pong"}')
                else:
                    yield line, frame
        world.note("line", "broke", path=path)
        await asyncio.sleep(AGAIN_S)


async def onlooker(http: aiohttp.ClientSession, number: int, opened: Callable[[], None]) -> None:
    """Open a widget and say nothing, for ever."""
    headers = address(1 << 21 | number)
    token = (await post(http, "/api/widget/session", {"language": "en"}, headers=headers))[1]["token"]
    async with http.ws_connect("/ws/widget", max_msg_size=0, compress=0, headers=headers) as socket:
        await socket.send_bytes(msgspec.json.encode({"type": "hello", "token": token, "after": ""}))
        async for incoming in socket:
            kind = msgspec.json.decode(incoming.data)["type"]
            if kind == "ready":
                opened()
            elif kind == "ping":
                await socket.send_bytes(b'{"type":"pong"}')


async def visitor(world: World, http: aiohttp.ClientSession, number: int) -> None:
    """Arrive, ask for a person, wait, talk while served, leave when it is resolved."""
    who, headers = f"visitor:{number}", address(number)
    token = (await post(http, "/api/widget/session", {"language": "en"}, headers=headers))[1]["token"]
    headers["Authorization"] = f"Bearer {token}"
    talk, cursor, asking = Talk(world, http, who, headers), "", None
    lives: dict[int, bool] = defaultdict(bool)
    async with talk, aclosing(lines(world, http, "/ws/widget", lambda: {"token": token, "after": cursor}, headers=headers)) as frames:
        async for line, frame in frames:
            if frame["type"] == "ready":
                lives[line] = True
                asking = asking or asyncio.create_task(talk.send(ASKS))
            elif frame["type"] == "message":
                message = saw(world, who, line, frame, live=lives[line])
                cursor = f"{message['conversation_id']}:{message['seq']}"
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

    async def __aenter__(self) -> Talk:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writing:
            self._writing.cancel()

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
        if self._world.is_over.is_set():
            return
        body = {"client_id": str(uuid.uuid4()), "text": text}
        status, answer = await post(self._http, "/api/widget/messages", body, headers=self._headers)
        if status != 200:
            self._world.note(self._who, "refused", status=status)
            return
        message = answer["message"]
        self._open.add(message["conversation_id"])
        self._world.note(self._who, "sent", id=message["id"], conversation=message["conversation_id"], seq=message["seq"])


async def agent(world: World, username: str, password: str, number: int) -> None:
    """Be at a desk: serve whatever is given, for `handle_s` each, several side by side."""
    headers = address(1 << 20 | number)
    async with aiohttp.ClientSession(world.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers=headers) as http:
        _, answer = await post(http, "/api/desk/login", {"username": username, "password": password})
        me, csrf = answer["agent"]["id"], answer["csrf"]
        http.headers["X-CSRF-Token"] = csrf
        serving: dict[str, asyncio.Task[None]] = {}
        seen: dict[str, int] = {}
        async with aclosing(lines(world, http, "/ws/desk", lambda: {"csrf": csrf, "open": seen})) as frames:
            async for line, frame in frames:
                if frame["type"] == "message":
                    message = saw(world, f"agent:{me}", line, frame, live=True)
                    seen[message["conversation_id"]] = message["seq"]
                elif frame["type"] == "queue":
                    for entry in frame["mine"]:
                        if (conversation := entry["conversation_id"]) not in serving:
                            serving[conversation] = asyncio.create_task(_serve(world, http, me, conversation))


async def _serve(world: World, http: aiohttp.ClientSession, me: str, conversation: str) -> None:
    """Load it as the desk does, answer four times, resolve."""
    who, at = f"agent:{me}", f"/api/desk/conversations/{conversation}"
    async with http.get(at) as response:
        line = next(world.lines)
        for message in msgspec.json.decode(await response.read())["messages"]:
            saw(world, who, line, {"message": message}, live=False)
    for number in range(4):
        if world.is_over.is_set():
            return
        status, answer = await post(http, f"{at}/messages", {"client_id": str(uuid.uuid4()), "text": f"answer {number}"})
        if status == 200:
            world.note(who, "sent", id=answer["message"]["id"], conversation=conversation, seq=answer["message"]["seq"])
        await asyncio.sleep(world.handle_s / 4)
    if not world.is_over.is_set() and (await post(http, f"{at}/resolve", {}))[0] == 200:
        world.resolved.add(conversation)
        world.note(who, "resolved", conversation=conversation)

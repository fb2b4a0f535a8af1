"""Customers and agents of `benchmarks.chaos`: as stubborn as widget and desk are, with a raw log of what they sent and saw."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.handoff_clients import ASKS, World, address, saw

QUESTIONS = (
    "多久能送到？",
    "how much is shipping?",
    "退货规则是什么",
    "what do members get?",
    "客服几点上班",
    "which payment methods do you take?",
)
RETURNS = "我要退货"
PAUSE_S = (3.0, 9.0)  # between two messages of a customer
RETURNED = 0.7  # the share of conversations that go back to the bot; who writes after a resolve comes to the same agent
AGAIN_S = (0.2, 1.0)  # before a client connects or sends again
SILENT_S = 30.0  # a line that says nothing for so long is given up, as widget and desk do
BROKEN = (aiohttp.ClientError, OSError, TimeoutError, json.JSONDecodeError)
REQUEST = aiohttp.ClientTimeout(total=10)


@contextlib.asynccontextmanager
async def connected(http: aiohttp.ClientSession, path: str, hello: dict[str, Any], **options: Any) -> AsyncIterator[Any]:
    async with http.ws_connect(path, **options) as socket:
        await socket.send_json({"type": "hello", **hello})
        yield socket


@dataclass
class Stage(World):
    """What all clients share; `over` ends what customers begin."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    tricks: Counter[str] = field(default_factory=Counter)  # repeated, repeated_late, side_by_side


async def patiently(http: aiohttp.ClientSession, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """Call until there is an answer that is not "later": the same body again, whatever broke. Returns status and answer."""
    while True:
        with contextlib.suppress(*BROKEN):
            async with http.request(method, path, **options) as response:
                if response.status < 500 and response.status != 429:
                    return response.status, dict(await response.json())
        await asyncio.sleep(random.uniform(*AGAIN_S))


async def frames(socket: Any) -> AsyncIterator[dict[str, Any]]:
    """Yield what comes until the line is closed or silent."""
    while True:
        incoming = await socket.receive(timeout=SILENT_S)
        if incoming.type is not aiohttp.WSMsgType.TEXT:
            return
        yield json.loads(incoming.data)


class Customer:
    def __init__(self, stage: Stage, http: aiohttp.ClientSession, number: int, *, dice: random.Random, identity: str = "") -> None:
        self.cursor = ""
        self._stage, self._http, self._dice = stage, http, dice
        self._who, self._headers = f"visitor:{number}", address(number)
        self._identity = identity
        self._status = "bot"
        self._newest: dict[str, Any] = {}
        self._sent: list[dict[str, str]] = []
        self._token = ""

    async def arrive(self) -> None:
        body = {"language": "zh" if self._identity else "en", "identity": self._identity}
        status, opened = await patiently(self._http, "POST", "/api/widget/session", json=body, headers=self._headers)
        assert status == 200, opened
        self._token = opened["token"]
        self._headers["Authorization"] = f"Bearer {self._token}"

    async def listen(self) -> None:
        """Keep a live connection for ever, each new one from where the screen ends."""
        while True:
            with contextlib.suppress(*BROKEN):
                await self._hear()
            await asyncio.sleep(self._dice.uniform(*AGAIN_S))

    async def _hear(self) -> None:
        hello = {"token": self._token, "after": self.cursor}
        async with connected(self._http, "/ws/widget", hello, headers=self._headers) as socket:
            line = next(self._stage.lines)
            async for frame in frames(socket):
                if frame["type"] == "ping":
                    await socket.send_json({"type": "pong", "cursor": frame["cursor"]})
                elif frame["type"] == "message":
                    self._newest = saw(self._stage, self._who, line, frame, live=True)
                    self.cursor = f"{self._newest['conversation_id']}:{self._newest['seq']}"
                elif frame.get("conversation"):
                    self._status = frame["conversation"]["status"]

    async def talk(self) -> None:
        """Write until it is over: questions, a return, a call for a person; now and then twice, late, or two things at once."""
        while not self._stage.over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stage.over.wait(), self._dice.uniform(*PAUSE_S))
                return
            await self._say(self._next())

    def _next(self) -> dict[str, str]:
        button = first_button(self._newest)
        body = {"client_id": str(uuid.UUID(int=self._dice.getrandbits(128), version=4))}
        if self._status == "bot" and self._identity and button and self._dice.random() < 0.9:
            return body | {"button_id": button}
        kinds = {ASKS: 2, RETURNS: 4 if self._identity else 0, "": 8} if self._status in {"bot", "resolved"} else {"more of it": 1}
        text = self._dice.choices(list(kinds), list(kinds.values()))[0]
        return body | {"text": text or self._dice.choice(QUESTIONS)}

    async def _say(self, body: dict[str, str]) -> None:
        trick = self._dice.random()
        bodies = [body]
        if trick < 0.08:
            bodies, name = [body, body], "repeated"
        elif trick < 0.16:
            bodies, name = [body, self._next()], "side_by_side"
        elif trick < 0.24 and self._sent:
            bodies, name = [body, self._dice.choice(self._sent)], "repeated_late"
        if len(bodies) > 1:
            self._stage.tricks[name] += 1
        await asyncio.gather(*(self._send(one) for one in bodies))
        self._sent.append(body)

    async def _send(self, body: dict[str, str]) -> None:
        began = asyncio.get_running_loop().time()
        status, answer = await patiently(self._http, "POST", "/api/widget/messages", json=body, headers=self._headers)
        if status != 200:
            self._stage.note(self._who, "refused", status=status, body=body, answer=answer)
            return
        note_sent(self._stage, self._who, body["client_id"], answer["message"], began=began)
        if body.get("text") == ASKS:
            message = answer["message"]
            self._stage.note(self._who, "asked", id=message["id"], conversation=message["conversation_id"], seq=message["seq"])


def note_sent(stage: World, who: str, client_id: str, message: dict[str, Any], *, began: float) -> None:
    """Log an acknowledgement; `began` and `ended` are one clock's, so that it can be told what was sent after what."""
    place = {"id": message["id"], "conversation": message["conversation_id"], "seq": message["seq"]}
    stage.note(who, "sent", client_id=client_id, began=began, ended=asyncio.get_running_loop().time(), **place)


def first_button(message: dict[str, Any]) -> str:
    """Return the first button that a message of the bot shows; empty when it shows none."""
    if message.get("sender") != "bot":
        return ""
    shown = [*message["buttons"], *(button for card in message["cards"] for button in card["buttons"])]
    return str(shown[0]["id"]) if shown else ""


class Desk:
    """An agent: serves whatever is given, answers twice, resolves or gives it back to the bot."""

    def __init__(self, stage: Stage, username: str, password: str, number: int, *, dice: random.Random) -> None:
        self._stage, self._dice, self._number = stage, dice, number
        self._login = {"username": username, "password": password}
        self._who, self._csrf = "", ""
        self._screen: dict[str, int] = {}  # conversation -> seq up to which everything was shown
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._working: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._working = asyncio.create_task(self._work())

    @property
    def serves(self) -> bool:
        return any(not task.done() for task in self._serving.values())

    async def leave(self) -> None:
        """Close the desk for good, in the middle of it all."""
        tasks = [task for task in (self._working, *self._serving.values()) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._stage.note(self._who, "left")

    async def _work(self) -> None:
        jar = aiohttp.CookieJar(unsafe=True)
        headers = address(1 << 20 | self._number)
        async with aiohttp.ClientSession(self._stage.url, cookie_jar=jar, headers=headers, timeout=REQUEST) as http:
            status, answer = await patiently(http, "POST", "/api/desk/login", json=self._login)
            assert status == 200, answer
            self._who, self._csrf = f"agent:{answer['agent']['id']}", answer["csrf"]
            http.headers["X-CSRF-Token"] = self._csrf
            while True:
                with contextlib.suppress(*BROKEN):
                    await self._sit(http)
                await asyncio.sleep(self._dice.uniform(*AGAIN_S))

    async def _sit(self, http: aiohttp.ClientSession) -> None:
        opened = dict(self._screen)
        async with connected(http, "/ws/desk", {"csrf": self._csrf, "open": opened}) as socket:
            line = next(self._stage.lines)
            for conversation, after in opened.items():
                self._stage.note(self._who, "opened", line=line, conversation=conversation, after=after)
            async for frame in frames(socket):
                if frame["type"] == "ping":
                    self._stage.note(self._who, "pinged")
                    await socket.send_json({"type": "pong"})
                elif frame["type"] == "message":
                    message = saw(self._stage, self._who, line, frame, live=True)
                    if message["seq"] == self._screen.get(message["conversation_id"], 0) + 1:
                        self._screen[message["conversation_id"]] = message["seq"]
                elif frame["type"] == "queue":
                    for entry in frame["mine"]:
                        await self._begin(http, socket, line, entry["conversation_id"])

    async def _begin(self, http: aiohttp.ClientSession, socket: Any, line: int, conversation: str) -> None:
        if conversation in self._serving and not self._serving[conversation].done():
            return
        after = self._screen.setdefault(conversation, 0)
        self._stage.note(self._who, "opened", line=line, conversation=conversation, after=after)
        self._serving[conversation] = asyncio.create_task(self._serve(http, conversation))
        await socket.send_json({"type": "open", "conversation_id": conversation, "after": after})

    async def _serve(self, http: aiohttp.ClientSession, conversation: str) -> None:
        at = f"/api/desk/conversations/{conversation}"
        for number in range(2):
            body = {"client_id": str(uuid.UUID(int=self._dice.getrandbits(128), version=4)), "text": f"answer {number}"}
            began = asyncio.get_running_loop().time()
            status, answer = await patiently(http, "POST", f"{at}/messages", json=body)
            if status != 200:
                return  # no longer ours
            note_sent(self._stage, self._who, body["client_id"], answer["message"], began=began)
            await asyncio.sleep(self._stage.handle_s * self._dice.uniform(0.2, 0.8))
        deed = "return" if self._dice.random() < RETURNED else "resolve"
        await patiently(http, "POST", f"{at}/{deed}", json={})
        await asyncio.sleep(self._dice.uniform(*AGAIN_S))  # the queue that we are shown may still name it

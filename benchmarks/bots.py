"""How each bot is spoken to: the same message in, an answer out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import msgspec

from benchmarks.conversations import Conversation, Line
from bot.ids import new_id
from bot.messages import Turn, TurnRequest

EPOCH = 1


@dataclass(frozen=True)
class Answer:
    """`intent` is empty when the bot does not say it with the answer."""

    status: int
    replies: int
    intent: str = ""


class Bot(Protocol):
    name: str

    async def say(self, session: aiohttp.ClientSession, conversation: Conversation, line: Line) -> Answer: ...

    async def intents(self, session: aiohttp.ClientSession, conversation: Conversation) -> list[str]:
        """Return what the bot has made of each message of the conversation."""
        ...

    async def parse(self, session: aiohttp.ClientSession, text: str) -> None:
        """Have a text parsed, outside of any conversation; raises for an answer that is no parse."""
        ...


class Ours:
    """`POST /webhooks/yingda/turn`. A hand-off counts as a reply: the service has the sentence for it."""

    name = "ours"

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url}/webhooks/yingda/turn"
        self._parse_url = f"{url}/model/parse"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._heard: dict[str, list[str]] = {}

    async def say(self, session: aiohttp.ClientSession, conversation: Conversation, line: Line) -> Answer:
        request = TurnRequest(conversation.id, new_id(), EPOCH, line.text, line.language)
        async with session.post(self._url, data=msgspec.json.encode(request), headers=self._headers) as response:
            body = await response.read()
        if response.status != 200:
            return Answer(response.status, 0)
        turn = msgspec.json.decode(body, type=Turn)
        self._heard.setdefault(conversation.id, []).append(turn.intent)
        return Answer(200, len(turn.replies) + (turn.hand_off is not None), turn.intent)

    async def intents(self, session: aiohttp.ClientSession, conversation: Conversation) -> list[str]:
        return self._heard.get(conversation.id, [])

    async def parse(self, session: aiohttp.ClientSession, text: str) -> None:
        await _parse(session, self._parse_url, text, self._headers)


class Stock:
    """Rasa's rest channel. It does not tell the intent; the tracker does, afterwards."""

    name = "stock"

    def __init__(self, url: str) -> None:
        self._url = url

    async def say(self, session: aiohttp.ClientSession, conversation: Conversation, line: Line) -> Answer:
        metadata = {"message_id": new_id(), "epoch": EPOCH, "language": line.language}
        body = {"sender": conversation.id, "message": line.text, "metadata": metadata}
        async with session.post(f"{self._url}/webhooks/rest/webhook", json=body) as response:
            raw = await response.read()
        if response.status != 200:
            return Answer(response.status, 0)
        return Answer(200, len(msgspec.json.decode(raw, type=list[dict[str, Any]])))

    async def intents(self, session: aiohttp.ClientSession, conversation: Conversation) -> list[str]:
        address = f"{self._url}/conversations/{conversation.id}/tracker"
        async with session.get(address, params={"include_events": "ALL"}) as response:
            tracker = await response.json()
        return [event["parse_data"]["intent"]["name"] or "" for event in tracker["events"] if event["event"] == "user"]

    async def parse(self, session: aiohttp.ClientSession, text: str) -> None:
        await _parse(session, f"{self._url}/model/parse", text, {})


async def _parse(session: aiohttp.ClientSession, url: str, text: str, headers: dict[str, str]) -> None:
    async with session.post(url, json={"text": text}, headers=headers) as response:
        parsed = await response.json()
    if response.status != 200 or "intent" not in parsed:
        raise RuntimeError(f"{url} answered {response.status}: {parsed}")

"""Stand-ins for what is not ours, with the same interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.conversations.rasa import RasaAway
from bot.messages import Reply, Turn, TurnRequest

Answer = Callable[[TurnRequest], Turn]


def echo(request: TurnRequest) -> Turn:
    return Turn(message_id=request.message_id, replies=[Reply(text=f"you said {request.text}")], intent="inform", confidence=0.9)


class FakeRasa:
    """Answers by a function; like the real one it gives the recorded answer to a message that it has seen."""

    def __init__(self, answer: Answer = echo) -> None:
        self.answer = answer
        self.asked: list[TurnRequest] = []
        self.away = False
        self.hold: asyncio.Event | None = None
        self._recorded: dict[str, Turn] = {}

    async def respond(self, request: TurnRequest, *, caller: str, timeout_s: float) -> Turn:
        if self.away:
            raise RasaAway("Rasa is away")
        self.asked.append(request)
        if self.hold is not None:
            await self.hold.wait()
        return self._recorded.setdefault(request.message_id, self.answer(request))

    async def model_id(self) -> str | None:
        return None if self.away else "model"

    async def close(self) -> None:
        pass

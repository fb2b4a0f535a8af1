"""Senders: each takes a conversation, says its messages one after the other, and takes the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from benchmarks.bots import Answer, Bot
from benchmarks.conversations import Conversation

ANSWER_WITHIN_S = 60.0
PASS_WITHIN_S = 900.0


@dataclass(frozen=True)
class Pass:
    """All answers of one pass, with the seconds that each took, and the seconds of the whole."""

    answers: list[Answer]
    seconds: list[float]
    whole_s: float

    @property
    def turns_per_s(self) -> float:
        return len(self.answers) / self.whole_s


async def say_all(bot: Bot, conversations: Sequence[Conversation], *, senders: int) -> Pass:
    """Say everything with so many senders at a time; raises TimeoutError when the bot is too slow."""
    waiting = iter(conversations)
    answers: list[Answer] = []
    seconds: list[float] = []

    async def send() -> None:
        for conversation in waiting:
            for line in conversation.lines:
                began = time.perf_counter()
                answers.append(await bot.say(session, conversation, line))
                seconds.append(time.perf_counter() - began)

    async with new_session() as session, asyncio.timeout(PASS_WITHIN_S):
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(senders):
                group.create_task(send())
        whole_s = time.perf_counter() - began
    return Pass(answers, seconds, whole_s)


async def parses_per_s(bot: Bot, conversations: Sequence[Conversation]) -> float:
    """Have every message parsed, one after the other."""
    texts = [line.text for conversation in conversations for line in conversation.lines]
    async with new_session() as session, asyncio.timeout(PASS_WITHIN_S):
        began = time.perf_counter()
        for text in texts:
            await bot.parse(session, text)
        return len(texts) / (time.perf_counter() - began)


async def rightly_understood(bot: Bot, conversations: Sequence[Conversation]) -> list[tuple[str, bool]]:
    """Return for each message that was said the language it is written in and whether the bot found its intent."""
    found = []
    async with new_session() as session:
        for conversation in conversations:
            intents = await bot.intents(session, conversation)
            heard = [*intents, *([""] * len(conversation.lines))]
            found += [(line.written_in, intent in line.intents) for line, intent in zip(conversation.lines, heard, strict=False)]
    return found


def new_session(answer_within_s: float = ANSWER_WITHIN_S) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=answer_within_s))

"""Rasa as a function, against a small server in its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import web

from bot.conversations.rasa import AT_ONCE, SHARE, RasaClient, RasaLate
from bot.ids import new_id
from bot.messages import Turn, TurnRequest


class Slow:
    """Answers nobody until it is told to, and counts who waits at it."""

    def __init__(self) -> None:
        self.under_way = self.most = 0
        self.may_answer = asyncio.Event()
        self.url = ""

    async def turn(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=TurnRequest)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.may_answer.wait()
        self.under_way -= 1
        return web.Response(body=msgspec.json.encode(Turn(message_id=asked.message_id, replies=[])))


@pytest.fixture
async def slow() -> AsyncIterator[Slow]:
    server, app = Slow(), web.Application()
    app.router.add_post("/webhooks/yingda/turn", server.turn)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    server.may_answer.set()
    await runner.cleanup()


@pytest.fixture
async def client(slow: Slow) -> AsyncIterator[RasaClient]:
    client = RasaClient(slow.url, token="token")
    yield client
    await client.close()


def asked() -> TurnRequest:
    return TurnRequest(conversation_id=new_id(), message_id=new_id(), epoch=1, text="hello", language="en")


async def test_rasa_is_asked_so_many_at_once_and_everybody_is_answered(client: RasaClient, slow: Slow) -> None:
    requests = [asked() for _ in range(3 * AT_ONCE)]
    turns = [asyncio.create_task(client.respond(request, caller=request.conversation_id, timeout_s=20)) for request in requests]
    async with asyncio.timeout(10):
        while slow.under_way < AT_ONCE:
            await asyncio.sleep(0.01)
    slow.may_answer.set()

    assert [turn.message_id for turn in await asyncio.gather(*turns)] == [request.message_id for request in requests]
    assert slow.most == AT_ONCE


async def test_waiting_for_ones_turn_is_part_of_the_time(client: RasaClient, slow: Slow) -> None:
    before = [asyncio.create_task(client.respond(asked(), caller=f"{number}", timeout_s=20)) for number in range(AT_ONCE)]
    with pytest.raises(RasaLate, match=r"within 0\.05 s"):
        await client.respond(asked(), caller="late", timeout_s=0.05)
    slow.may_answer.set()
    await asyncio.gather(*before)


async def test_a_caller_with_many_conversations_keeps_nobody_else_waiting(client: RasaClient, slow: Slow) -> None:
    greedy = [asyncio.create_task(client.respond(asked(), caller="greedy", timeout_s=20)) for _ in range(5 * AT_ONCE)]
    async with asyncio.timeout(10):
        while slow.under_way < AT_ONCE - SHARE:
            await asyncio.sleep(0.01)
        other = asyncio.create_task(client.respond(asked(), caller="other", timeout_s=20))
        while slow.under_way <= AT_ONCE - SHARE:
            await asyncio.sleep(0.01)
    slow.may_answer.set()

    await asyncio.gather(other, *greedy)
    assert slow.most <= AT_ONCE

"""Several web processes on one database and one Redis: they deliver to each other's connections."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import redis.asyncio as aioredis

from bot.conversations.wake import CHANNEL, Wakeups
from bot.escalations.queue import PRESENCE
from bot.messages import HandOff, HandoffReason, Turn
from bot.redis import connect
from bot.settings import Settings
from bot.system.child import Running
from bot.system.processes import listening_socket, web_processes
from bot.web import desk_socket, widget_socket
from tests.conftest import ROOT
from tests.fakes import FakeRasa
from tests.web.conftest import Widget, frame, log_in, open_widget, serving


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


async def claimed(stack: AsyncExitStack, widget: Widget, desk_at: str) -> tuple[aiohttp.ClientSession, dict[str, str], str]:
    """A customer of one process is claimed at the desk of another; returns the agent's client, headers and the conversation."""
    agent = await stack.enter_async_context(aiohttp.ClientSession(desk_at, cookie_jar=aiohttp.CookieJar(unsafe=True)))
    headers = await log_in(agent)
    conversation = (await widget.send("a person please"))["message"]["conversation_id"]
    while (await widget.messages())["conversation"]["status"] != "waiting":
        pass
    async with agent.post("/api/desk/claim", json={}, headers=headers) as response:
        assert (await response.json())["conversation_id"] == conversation
    return agent, headers, conversation


async def desk(agent: aiohttp.ClientSession, headers: dict[str, str], conversation: str, after: int) -> aiohttp.ClientWebSocketResponse:
    connection = await agent.ws_connect("/ws/desk")
    await connection.send_str(json.dumps({"type": "hello", "csrf": headers["X-CSRF-Token"], "open": {conversation: after}}))
    await frame(connection, "ready")
    return connection


async def test_processes_deliver_to_each_others_connections(
    web: str, http: aiohttp.ClientSession, settings: Settings, rasa: FakeRasa
) -> None:
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(serving(settings, rasa))
        widget = await open_widget(http)
        agent, headers, conversation = await claimed(stack, widget, other)
        board = await desk(agent, headers, conversation, after=99)
        page = await widget.socket()
        await frame(page, "ready")

        sent = (await widget.send("hello from one"))["message"]["seq"]
        await board.send_str(json.dumps({"type": "open", "conversation_id": conversation, "after": sent - 1}))
        assert (await frame(board, "message"))["message"]["text"] == "hello from one"
        reply = {"client_id": "r1", "text": "hello from the other"}
        async with agent.post(f"/api/desk/conversations/{conversation}/messages", json=reply, headers=headers) as response:
            assert response.status == 200
        while (message := (await frame(page, "message"))["message"])["sender"] != "agent":
            pass
        assert message["text"] == "hello from the other"
        await board.send_str(json.dumps({"type": "typing", "conversation_id": conversation}))
        assert (await frame(page, "typing"))["sender"] == "agent"


@pytest.mark.slow
async def test_a_process_that_is_replaced_in_mid_conversation_loses_nothing_and_doubles_nothing(
    web: str, http: aiohttp.ClientSession, settings: Settings, rasa: FakeRasa
) -> None:
    """A deploy: the process of both sides ends, both come to the other one with what they have seen."""
    async with AsyncExitStack() as stack:
        widget = await open_widget(http)
        async with serving(settings, rasa) as old, AsyncExitStack() as before:
            agent, headers, conversation = await claimed(before, widget, old)
            board = await desk(agent, headers, conversation, after=0)
            first = (await widget.send("before"))["message"]
            while (seen := (await frame(board, "message"))["message"])["text"] != "before":
                pass
        agent = await stack.enter_async_context(aiohttp.ClientSession(web, cookie_jar=aiohttp.CookieJar(unsafe=True)))
        headers = await log_in(agent)
        await widget.send("while nobody was connected")
        again = await widget.send("after")

        board = await desk(agent, headers, conversation, after=seen["seq"])
        texts = [(await frame(board, "message"))["message"]["text"] for _ in range(2)]

        assert texts == ["while nobody was connected", "after"]
        found = (await widget.messages(f"{conversation}:{first['seq']}"))["messages"]
        assert [message["seq"] for message in found] == list(range(first["seq"] + 1, again["message"]["seq"] + 1))


@pytest.mark.slow
async def test_the_heartbeat_heals_a_wake_up_that_was_lost(
    http: aiohttp.ClientSession, redis: aioredis.Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_socket, "BEAT_S", 0.2)
    async with AsyncExitStack() as stack:
        widget = await open_widget(http)
        agent, headers, conversation = await claimed(stack, widget, str(http._base_url))
        board = await desk(agent, headers, conversation, after=0)
        while (await frame(board, "message"))["message"]["notice"] != "agent_joined":
            pass
        monkeypatch.setattr("bot.conversations.wake.CHANNEL", CHANNEL + ":nobody-listens")

        began = time.monotonic()
        await widget.send("can you hear me?")

        assert (await frame(board, "message"))["message"]["text"] == "can you hear me?"
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_who_hears_of_news_again_after_a_break_is_told_that_some_may_be_missed(settings: Settings, redis: aioredis.Redis) -> None:
    """The client library subscribes again by itself and says nothing: lines would be late until the next heartbeat."""
    listening = connect(settings.redis_url)
    heard = Wakeups(listening).listen()
    assert await anext(heard) is None

    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await redis.publish(CHANNEL, '{"news": "queue"}')  # nobody listens at this moment

    assert await asyncio.wait_for(anext(heard), 5) is None
    await heard.aclose()  # type: ignore[attr-defined]
    await listening.aclose()


@pytest.mark.slow
async def test_who_answers_after_a_standstill_is_there_at_once(
    http: aiohttp.ClientSession, redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by benchmarks.chaos: a web process that stood still for 20 s noted its answers only 10 s later, and leases ended."""
    monkeypatch.setattr(desk_socket, "BEAT_S", 2)
    monkeypatch.setattr(desk_socket, "LATE_S", 1)
    headers = await log_in(http)
    board = await desk(http, headers, "none", after=0)
    await frame(board, "ping")

    await frame(board, "ping")  # the first one was not answered
    answered_ms = time.time() * 1000
    await board.send_str(json.dumps({"type": "pong"}))
    await asyncio.sleep(1)

    assert max(dict(await redis.zrange(PRESENCE, 0, -1, withscores=True)).values()) > answered_ms - 500


@pytest.mark.slow
async def test_what_a_desk_asks_for_while_something_is_being_sent_is_not_forgotten(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by benchmarks.chaos: the place that was sent replaced the place that was asked for, and the desk lacked what came before."""
    view = desk_socket.delivery_view

    async def look_long(*given: Any) -> dict[str, Any] | None:
        await asyncio.sleep(0.7)
        return await view(*given)

    async with AsyncExitStack() as stack:
        widget = await open_widget(http)
        agent, headers, conversation = await claimed(stack, widget, str(http._base_url))
        await widget.send("more of it")
        monkeypatch.setattr(desk_socket, "delivery_view", look_long)
        board = await desk(agent, headers, "none", after=0)
        await frame(board, "queue")
        await asyncio.sleep(0.3)

        await board.send_str(json.dumps({"type": "open", "conversation_id": conversation, "after": 0}))

        seqs: list[int] = []
        while seqs[-4:] != [1, 2, 3, 4]:
            seqs.append((await frame(board, "message"))["message"]["seq"])

    assert set(seqs) == {1, 2, 3, 4}


@pytest.mark.slow
async def test_news_that_come_while_the_heartbeat_looks_do_not_end_the_line(
    http: aiohttp.ClientSession, redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by benchmarks.chaos: the heartbeat added what was missed to the very set that was being delivered."""
    missed, send = desk_socket.DeskConnection._missed, desk_socket.DeskConnection._send_conversation

    async def look_long(self: Any) -> set[str]:
        await asyncio.sleep(1.0)
        return await missed(self) | {"another"}

    async def send_long(self: Any, conversation: str) -> None:
        await send(self, conversation)
        await asyncio.sleep(0.7)

    monkeypatch.setattr(desk_socket.DeskConnection, "_missed", look_long)
    monkeypatch.setattr(desk_socket.DeskConnection, "_send_conversation", send_long)
    async with AsyncExitStack() as stack:
        widget = await open_widget(http)
        agent, headers, conversation = await claimed(stack, widget, str(http._base_url))
        board = await desk(agent, headers, conversation, after=99)
        await frame(board, "ping")
        await board.send_str(json.dumps({"type": "open", "conversation_id": conversation, "after": 0}))
        await asyncio.sleep(1.5)

        assert not board.closed
        sent = (await widget.send("still there?"))["message"]
        while (await frame(board, "message"))["message"]["id"] != sent["id"]:
            pass


@pytest.mark.slow
async def test_a_widget_is_pinged_although_there_is_always_news(
    http: aiohttp.ClientSession, redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits in a busy queue hears of every move; without pings to answer the server would take the line for dead."""
    monkeypatch.setattr(widget_socket, "PING_S", 0.5)
    widget = await open_widget(http)
    await widget.send("a person please")
    page = await widget.socket()
    await frame(page, "ready")

    async def busy() -> None:
        while True:
            await redis.publish(CHANNEL, '{"news": "queue"}')
            await asyncio.sleep(0.05)

    moves = asyncio.create_task(busy())
    pings = 0
    while pings < 3:
        pings += (await frame(page, "ping"))["type"] == "ping"
        await page.send_str('{"type": "pong"}')
    moves.cancel()

    assert not page.closed


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_web_processes_start_again_one_by_one_and_refuse_nobody(
    settings: Settings, redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real processes on one inherited socket; a visitor writes all the time while each is ended in turn."""
    given = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url, "YINGDA_DATA_KEY": settings.data_key}
    for name, value in {**given, "YINGDA_DATA_DIR": str(settings.data_dir), "YINGDA_DEMO": "false"}.items():
        monkeypatch.setenv(name, value)
    listening = listening_socket(replace(settings, port=0, web_workers=2))
    assert listening is not None
    made = web_processes(replace(settings, web_workers=2), ROOT, listening)
    started = [await Running.start(process) for process in made]
    try:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with aiohttp.ClientSession(address, connector=aiohttp.TCPConnector(force_close=True)) as http:
            widget = await open_widget(http)
            for place, ending in enumerate(list(started)):
                ending.terminate()
                while ending.alive:
                    await widget.send(f"at {time.monotonic()}")
                    await asyncio.sleep(0.3)  # the limit is 40 messages a minute; an end takes up to 5 s
                await ending.end()
                started[place] = await Running.start(made[place])
            said = (await widget.messages())["messages"]
        asked = [message for message in said if message["sender"] == "customer"]
        assert len(asked) >= len(made)
        assert len({message["id"] for message in asked}) == len(asked)
    finally:
        for running in started:
            await running.end()
        listening.close()


@pytest.mark.slow
async def test_messages_wait_for_no_list_of_the_queue(
    http: aiohttp.ClientSession, redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a hundred desks the lists take a tenth of a second, again and again; what a customer says is shown meanwhile."""

    async def never(_self: Any) -> None:
        await asyncio.Event().wait()

    async with AsyncExitStack() as stack:
        widget = await open_widget(http)
        agent, headers, conversation = await claimed(stack, widget, str(http._base_url))
        monkeypatch.setattr(desk_socket.DeskConnection, "_send_queue_and_alerts", never)
        board = await desk(agent, headers, conversation, after=0)

        sent = (await widget.send("still there?"))["message"]
        said = (await frame(board, "message"))["message"]
        while said["id"] != sent["id"]:
            said = (await frame(board, "message"))["message"]

        assert said["text"] == "still there?"

"""Limits by address: whoever takes many visitors' tokens, or many addresses of one network, is still one caller."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from types import SimpleNamespace

import aiohttp
import pytest
import redis.asyncio as aioredis
import sqlalchemy as sa

from bot.conversations.window import Window
from bot.database import sync_engine
from bot.database.conversations import conversations
from bot.errors import InputError, TooManyError
from bot.settings import Settings
from bot.web import widget
from bot.web.callers import Callers
from bot.web.requests import body, caller
from tests.agents import PASSWORD
from tests.fakes import FakeRasa
from tests.web.conftest import frame, log_in, open_widget, serving

HERE = "127.0.0.1"


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_a_network_of_ipv6_is_one_caller(given: str, counted: str) -> None:
    assert caller(SimpleNamespace(remote_addr=given, ip="")) == counted  # type: ignore[arg-type]


def test_a_body_that_is_nested_without_end_is_a_wrong_body() -> None:
    with pytest.raises(InputError, match="nested"):
        body(SimpleNamespace(body=b"[" * 30_000), list)  # type: ignore[arg-type]


async def test_many_visitors_of_one_address_are_counted_together(http: aiohttp.ClientSession, redis: aioredis.Redis) -> None:
    visitors = [await open_widget(http) for _ in range(2)]
    for each in visitors:
        await each.send("hi")
        await each.messages()
    assert int(await redis.get(f"yingda:limit:message:ip:{HERE}")) == 2
    for name, most in {"message": widget.MESSAGES_OF_A_CALLER, "catch_up": widget.CATCH_UPS_OF_A_CALLER}.items():
        await redis.set(f"yingda:limit:{name}:ip:{HERE}", most, ex=60)
    other = await open_widget(http)

    async with http.post("/api/widget/messages", json={"client_id": "a", "text": "hi"}, headers=other.headers) as response:
        assert response.status == 429
    async with http.get("/api/widget/messages", headers=other.headers) as response:
        assert (response.status, 0 < int(response.headers["Retry-After"]) <= 60) == (429, True)


async def test_a_conversation_keeps_its_caller_as_a_hash_that_is_the_same_for_neighbours(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    for _ in range(2):
        await (await open_widget(http)).send("hi")

    with sync_engine(database_url).connect() as connection:
        first, second = connection.execute(sa.select(conversations.c.caller)).scalars()
    assert first == second
    assert re.fullmatch("[0-9a-f]{32}", first)


@pytest.mark.slow
async def test_lines_above_a_visitors_are_refused_until_one_is_closed(http: aiohttp.ClientSession, settings: Settings) -> None:
    visitor = await open_widget(http)
    lines = [await visitor.socket() for _ in range(settings.sockets_per_visitor)]
    for line in lines:
        await frame(line, "ready")

    refused = await visitor.socket()
    assert (await frame(refused, "refused"))["error"]["code"] == "too_many"
    assert (await refused.receive(timeout=5)).data == 4429
    lines.append(await (await open_widget(http)).socket())
    await frame(lines[-1], "ready")
    await lines[0].close()
    lines.append(await visitor.socket())
    await frame(lines[-1], "ready")
    for line in (*lines, refused):
        await line.close()


def test_lines_and_openings_are_counted_by_address(settings: Settings) -> None:
    callers = Callers(replace(settings, sockets_per_address=2))
    with (
        callers.line("here", "ann"),
        callers.line("here", "bob"),
        callers.line("there", "ann"),
        pytest.raises(TooManyError, match="this address holds 2"),
        callers.line("here", "eve"),
    ):
        pass
    for _ in range(4):
        callers.opens("here")

    with pytest.raises(TooManyError, match="4 a minute"):
        callers.opens("here")
    with callers.line("here", "eve"):
        callers.opens("there")


async def test_a_window_begins_anew() -> None:
    window = Window(0.02)

    assert (window.add("here"), window.add("here"), window.of("there")) == (1, 2, 0)
    await asyncio.sleep(0.03)
    assert (window.of("here"), window.add("here")) == (0, 1)


@pytest.mark.slow
async def test_new_conversations_are_counted_by_address_and_open_ones_go_on(
    settings: Settings, redis: aioredis.Redis, rasa: FakeRasa
) -> None:
    async with (
        serving(replace(settings, conversations_per_address=2), rasa) as url,
        aiohttp.ClientSession(url) as http,
    ):
        first, second, third = [await open_widget(http) for _ in range(3)]
        await first.send("hi")
        await second.send("hi")

        async with http.post("/api/widget/messages", json={"client_id": "a", "text": "hi"}, headers=third.headers) as response:
            assert (response.status, 0 < int(response.headers["Retry-After"]) <= 3600) == (429, True)
        await first.send("my order is late")
        assert (await third.messages())["messages"] == []


async def test_the_button_for_a_person_is_counted_by_address(http: aiohttp.ClientSession, redis: aioredis.Redis) -> None:
    await redis.set(f"yingda:limit:human:ip:{HERE}", widget.HUMANS_OF_A_CALLER, ex=60)
    visitor = await open_widget(http)

    async with http.post("/api/widget/messages", json={"client_id": "a", "button_id": "human"}, headers=visitor.headers) as response:
        assert response.status == 429
    await visitor.send("still heard")


@pytest.mark.slow
async def test_an_address_as_username_locks_nobody_out_nor_do_a_strangers_tries_at_a_name(
    http: aiohttp.ClientSession, redis: aioredis.Redis
) -> None:
    async with aiohttp.ClientSession(http._base_url) as stranger:
        for _ in range(11):
            async with stranger.post("/api/desk/login", json={"username": HERE, "password": "wrong wrong wrong"}) as response:
                pass
    assert response.status == 429
    await redis.set("yingda:limit:login:both:203.0.113.9:lin", 30, ex=900)  # somebody else's wrong tries

    await log_in(http)


async def test_above_its_ceiling_a_name_is_locked_for_everybody(http: aiohttp.ClientSession, redis: aioredis.Redis) -> None:
    await redis.set("yingda:limit:login:name:lin", 200, ex=900)

    async with http.post("/api/desk/login", json={"username": "lin", "password": PASSWORD}) as response:
        assert response.status == 429

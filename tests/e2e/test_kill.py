"""kill -9 of each process in the middle of conversations: nothing acknowledged is lost, nothing doubled, everybody served."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import jwt
import pytest
import redis as redis_client

from benchmarks.chaos_clients import QUESTIONS
from bot.ids import utcnow
from bot.settings import load_settings
from tests.e2e.system import System
from tests.web.conftest import Widget

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

VICTIMS = ["rasa", "actions", "web", "worker", "redis"]
CUSTOMERS = 6
STARTED = utcnow().strftime("%Y-%m-%d %H:%M:%S")  # as SQLite compares times


@pytest.fixture
async def http(system: System) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(system.url, timeout=timeout, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def patiently(http: aiohttp.ClientSession, method: str, path: str, **options: Any) -> dict[str, Any]:
    """Call until the answer is a 200, as widget and desk do: the same body again, whatever broke."""
    async with asyncio.timeout(90):
        while True:
            try:
                async with http.request(method, path, **options) as response:
                    if response.status == 200:
                        return dict(await response.json())
                    assert response.status in {429, 500, 502, 503, 504}, await response.text()
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            await asyncio.sleep(0.2)


class Customer:
    """Writes, and sends again what was not acknowledged."""

    def __init__(self, http: aiohttp.ClientSession, widget: Widget) -> None:
        self.http = http
        self.widget = widget
        self.acknowledged: list[tuple[str, str]] = []  # client id, message id

    @classmethod
    async def arrive(cls, http: aiohttp.ClientSession, **body: str) -> Customer:
        return cls(http, Widget(http, await patiently(http, "POST", "/api/widget/session", json={"language": "zh", **body})))

    async def say(self, text: str = "", **more: str) -> dict[str, Any]:
        client_id = str(uuid.uuid4())
        body = {"client_id": client_id, **({"text": text} if text else {}), **more}
        stored = await patiently(self.http, "POST", "/api/widget/messages", json=body, headers=self.widget.headers)
        self.acknowledged.append((client_id, stored["message"]["id"]))
        return stored

    async def read(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        found = await patiently(self.http, "GET", "/api/widget/messages", headers=self.widget.headers)
        return found["messages"], found["conversation"]

    async def served(self) -> bool:
        """Tell whether the last message has an answer of the bot after it, or a human is (to be) there."""
        messages, conversation = await self.read()
        if conversation["status"] != "bot":
            return True
        senders = [message["sender"] for message in messages if message["sender"] in {"customer", "bot"}]
        return bool(senders) and senders[-1] == "bot"

    async def wait_served(self) -> None:
        async with asyncio.timeout(100):
            while not await self.served():
                await asyncio.sleep(0.3)


def check(messages: list[dict[str, Any]], acknowledged: list[tuple[str, str]]) -> list[str]:
    """Return what is wrong with a conversation as its customer sees it; empty when nothing is."""
    wrong = []
    ids = Counter(message["id"] for message in messages)
    wrong += [f"message {key} appears {count} times" for key, count in ids.items() if count > 1]
    for client_id, message_id in acknowledged:
        seen = [message["id"] for message in messages if message["client_id"] == client_id]
        if seen != [message_id]:
            wrong.append(f"the acknowledged message {message_id} is stored as {seen}")
    places: dict[str, list[int]] = {}
    for message in messages:
        places.setdefault(message["conversation_id"], []).append(message["seq"])
    wrong += [f"conversation {key} has the places {found}" for key, found in places.items() if found != list(range(1, len(found) + 1))]
    for before, after in itertools.pairwise(messages):
        if before["sender"] == after["sender"] == "bot" and before["text"] == after["text"] and not before["cards"]:
            wrong.append(f"the bot says {after['text'][:40]!r} twice in a row")
    return wrong


@pytest.mark.parametrize("victim", VICTIMS)
async def test_conversations_survive_the_death_of(victim: str, system: System, http: aiohttp.ClientSession) -> None:
    customers = [await Customer.arrive(http) for _ in range(CUSTOMERS)]

    async def talk(customer: Customer, offset: int) -> None:
        for number in range(4):
            await customer.say(QUESTIONS[(offset + number) % len(QUESTIONS)])
            await asyncio.sleep(0.3)

    talking = asyncio.gather(*(talk(customer, number) for number, customer in enumerate(customers)))
    await asyncio.sleep(0.4)
    system.kill(victim)
    await talking
    await asyncio.gather(*(customer.wait_served() for customer in customers))

    wrong = [fault for customer in customers for fault in check((await customer.read())[0], customer.acknowledged)]
    assert wrong == []
    assert sum(len(customer.acknowledged) for customer in customers) == CUSTOMERS * 4
    await asyncio.to_thread(system.wait_ready, within_s=90)
    print(f"killed {victim}: {CUSTOMERS * 4} messages acknowledged, 0 lost, 0 doubled, everybody served")


async def test_the_queue_survives_a_flush_of_redis(system: System, http: aiohttp.ClientSession) -> None:
    customer = await Customer.arrive(http)
    await customer.say(button_id="human")
    await customer.wait_served()
    settings = load_settings(system.environment, root=system.folder)
    with redis_client.Redis(unix_socket_path=settings.redis_url.removeprefix("unix://")) as server:
        server.flushall()

    username, password = system.login()
    login = await patiently(http, "POST", "/api/desk/login", json={"username": username, "password": password})
    headers = {"X-CSRF-Token": login["csrf"]}
    conversation_id = (await customer.read())[1]["id"]
    async with asyncio.timeout(10):
        waiting = (await patiently(http, "GET", "/api/desk/queue"))["waiting"]
        escalation = next(entry["escalation_id"] for entry in waiting if entry["conversation_id"] == conversation_id)
        claimed = await patiently(http, "POST", "/api/desk/claim", json={"escalation_id": escalation}, headers=headers)

    assert claimed["conversation_id"] == conversation_id
    assert (await customer.read())[1]["status"] == "agent"
    await patiently(http, "POST", f"/api/desk/conversations/{conversation_id}/resolve", json={}, headers=headers)


@pytest.mark.parametrize("victim", VICTIMS)
async def test_a_return_is_made_once_although_a_process_dies_in_it(victim: str, system: System, http: aiohttp.ClientSession) -> None:
    """The customer confirms; at that moment the process dies. Asked again or not: one return, or a human who takes care."""
    buyer = recent_buyers(system)[VICTIMS.index(victim)]
    customer = await Customer.arrive(http, identity=identity(system, buyer))
    killed = False
    await customer.say("我要退货")
    await customer.wait_served()
    for _ in range(6):
        messages, conversation = await customer.read()
        choice = last_choice(messages)
        if conversation["status"] != "bot" or returns_of(system, buyer) or choice is None:
            break
        pressing = asyncio.create_task(customer.say(button_id=choice))
        if is_confirmation(messages):
            await asyncio.sleep(0.01)
            system.kill(victim)
            killed = True
        await pressing
        await customer.wait_served()

    messages, conversation = await customer.read()
    assert check(messages, customer.acknowledged) == []
    made = returns_of(system, buyer)
    assert killed, "the form did not come to its confirmation"
    assert made == 1 or (made == 0 and conversation["status"] == "waiting")
    await asyncio.to_thread(system.wait_ready, within_s=90)
    print(f"killed {victim} at the confirmation: {made} return made, conversation {conversation['status']}")


def identity(system: System, customer: str) -> str:
    """Sign as the shop does: this test needs more customers than the demo page lets one be."""
    settings = load_settings(system.environment, root=system.folder)
    return jwt.encode({"sub": customer, "exp": utcnow() + timedelta(minutes=30)}, settings.identity_secret, algorithm="HS256")


def recent_buyers(system: System) -> list[str]:
    """Return Chinese customers with something delivered a short while ago and nothing sent back, a fixed order of them."""
    query = """
        SELECT DISTINCT o.customer_id FROM shop_orders o JOIN shop_shipments s ON s.order_number = o.number
        JOIN shop_customers c ON c.customer_id = o.customer_id AND c.language = 'zh'
        WHERE s.delivered_at > datetime('now', '-20 days') AND o.status = 'delivered' AND o.customer_id > 'C000004'
        AND o.customer_id NOT IN (
            SELECT b.customer_id FROM shop_orders b JOIN shop_order_lines l ON l.order_number = b.number
            JOIN shop_returns r ON r.order_line_id = l.id WHERE b.placed_at > datetime('now', '-90 days') AND r.requested_at < ?
        ) ORDER BY o.customer_id"""
    with sqlite3.connect(f"file:{system.folder}/yingda.sqlite3?mode=ro", uri=True) as connection:
        return [str(row[0]) for row in connection.execute(query, [STARTED])]


def returns_of(system: System, customer: str) -> int:
    """Return how many returns this customer has asked for in this test."""
    query = """
        SELECT count(*) FROM shop_returns r JOIN shop_order_lines l ON l.id = r.order_line_id
        JOIN shop_orders o ON o.number = l.order_number WHERE o.customer_id = ? AND r.requested_at >= ?"""
    with sqlite3.connect(f"file:{system.folder}/yingda.sqlite3?mode=ro", uri=True) as connection:
        return int(connection.execute(query, [customer, STARTED]).fetchone()[0])


def last_choice(messages: list[dict[str, Any]]) -> str | None:
    """Return the first button of the newest message that has any."""
    for message in reversed(messages):
        shown = [*message["buttons"], *(button for card in message["cards"] for button in card["buttons"])]
        if shown:
            return str(shown[0]["id"])
        if message["sender"] == "customer":
            return None
    return None


def is_confirmation(messages: list[dict[str, Any]]) -> bool:
    return bool(messages) and any(word in messages[-1]["text"] for word in ("确认", "confirm", "Confirm"))

"""The whole web app on loopback, over real HTTP and WebSockets; only Rasa is a stand-in."""

from __future__ import annotations

import json
import shutil
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec
import pytest
import redis.asyncio as aioredis
import sqlalchemy as sa
from playwright.async_api import BrowserContext, async_playwright

from bot.crypto import Cipher
from bot.customers.profile import ChurnReason, ChurnRisk, Profile
from bot.database import sync_engine
from bot.database.people import agents, customer_profiles, customers
from bot.ids import utcnow
from bot.settings import Settings
from bot.shop.sample.generate import SampleData, generate
from bot.shop.sample.load import load
from bot.web.app import create_app
from tests.agents import PASSWORD, agent_row
from tests.conftest import CopyOf, missing
from tests.fakes import FakeRasa

EVENTS_SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session")
def sample() -> SampleData:
    return generate(30, seed=7)


@pytest.fixture
def database_url(database_kind: str, copy_of: CopyOf, sample: SampleData, cipher: Cipher) -> str:
    """The sample shop and an agent `lin`."""

    def fill(url: str) -> None:
        engine = sync_engine(url)
        load(engine, cipher, sample)
        with engine.begin() as connection:
            connection.execute(sa.insert(agents).values(**agent_row("lin")))
        engine.dispose()

    return copy_of(database_kind, "web", fill)


@pytest.fixture
def profiles(database_url: str) -> list[str]:
    """Three customers with a risk; return their numbers, the highest expected loss first."""
    rows = {"C000003": (0.8, 500_000), "C000001": (0.3, 600_000), "C000002": (0.05, 900_000)}
    engine = sync_engine(database_url)
    with engine.begin() as connection:
        for number, (probability, value) in rows.items():
            customer_id = connection.execute(sa.select(customers.c.id).where(customers.c.shop_customer_id == number)).scalar_one()
            level = "high" if probability > 0.4 else "medium" if probability > 0.2 else "low"
            loss = round(probability * value)
            risk = ChurnRisk(probability, level, [ChurnReason("troubled_180d", 2, 1.1)])
            record = msgspec.to_builtins(Profile(customer_id, "loyal", risk, value_minor=value, expected_loss_minor=loss))
            values = {"customer_id": customer_id, "record": record, "expected_loss_minor": loss, "updated_at": utcnow()}
            connection.execute(sa.insert(customer_profiles).values(**values))
    engine.dispose()
    return list(rows)


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa()


@asynccontextmanager
async def serving(settings: Settings, rasa: FakeRasa) -> AsyncIterator[str]:
    """Run one process's app; yields its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    own = replace(settings, port=port, public_url=url, demo=True, rasa_notice_s=0.3, rasa_down_limit_s=1, events_secret=EVENTS_SECRET)
    app = create_app(own, name=f"web_{uuid.uuid4().hex[:8]}", rasa=rasa)  # type: ignore[arg-type]
    server = await app.create_server(sock=listening, return_asyncio_server=True)
    assert server is not None
    await server.startup()
    await server.before_start()
    await server.start_serving()
    yield own.public_url
    await server.close()
    await server.after_stop()
    listening.close()


@pytest.fixture
async def web(settings: Settings, redis: aioredis.Redis, rasa: FakeRasa) -> AsyncIterator[str]:
    """Start the app; yields its address."""
    async with serving(settings, rasa) as address:
        yield address


@pytest.fixture
async def http(web: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(web, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture
async def context(web: str) -> AsyncIterator[BrowserContext]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        missing("Chromium", "install it with: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield await browser.new_context(base_url=web, locale="en-GB")
        await browser.close()


class Widget:
    """What the widget's script does, without a browser."""

    def __init__(self, http: aiohttp.ClientSession, opened: dict[str, Any]) -> None:
        self.http = http
        self.opened = opened
        self.headers = {"Authorization": f"Bearer {opened['token']}"}

    async def send(self, text: str = "", **more: str) -> dict[str, Any]:
        body = {"client_id": str(uuid.uuid4()), **({"text": text} if text else {}), **more}
        async with self.http.post("/api/widget/messages", json=body, headers=self.headers) as response:
            assert response.status == 200, await response.text()
            return dict(await response.json())

    async def messages(self, after: str = "") -> dict[str, Any]:
        async with self.http.get("/api/widget/messages", params={"after": after}, headers=self.headers) as response:
            assert response.status == 200
            return dict(await response.json())

    async def socket(self, after: str = "") -> aiohttp.ClientWebSocketResponse:
        connection = await self.http.ws_connect("/ws/widget")
        await connection.send_str(json.dumps({"type": "hello", "token": self.opened["token"], "after": after}))
        return connection


async def open_widget(http: aiohttp.ClientSession, **body: str) -> Widget:
    async with http.post("/api/widget/session", json={"language": "en", **body}) as response:
        assert response.status == 200, await response.text()
        return Widget(http, await response.json())


async def log_in(http: aiohttp.ClientSession, username: str = "lin") -> dict[str, str]:
    """Log in; the session's cookie stays with `http`, the CSRF header is returned."""
    async with http.post("/api/desk/login", json={"username": username, "password": PASSWORD}) as response:
        assert response.status == 200, await response.text()
        return {"X-CSRF-Token": (await response.json())["csrf"]}


async def frame(connection: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """Return the next frame of this kind, passing over others."""
    while True:
        found = await connection.receive_json(timeout=5)
        if found["type"] == kind:
            return dict(found)

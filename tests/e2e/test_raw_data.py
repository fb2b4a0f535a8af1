"""From a company's raw, dirty files to a conversation that goes differently: ingest, quarantine, resolve, train, talk.

The company's own shop runs beside; its page carries the widget. Nothing of the demo is in this system.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import msgspec
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from bot.crypto import Cipher
from bot.customers.holdout import held_out
from bot.customers.profile import Profile
from bot.database import Database, sync_engine
from bot.database.conversations import conversations, inboxes, threads
from bot.database.intelligence import customer_events, offers_made, quarantined_rows
from bot.database.migrate import migrate
from bot.database.people import customer_profiles, customers
from bot.database.shop import memberships
from bot.ids import utcnow
from bot.shop.demo import DemoShop
from bot.shop.sample import SampleData, generate, load
from bot.shop.sample.raw import write_raw
from tests.conftest import DATA_KEY
from tests.e2e.desk import Desk
from tests.e2e.reception import COOKIE, Reception
from tests.e2e.shop import Shop
from tests.e2e.stage import OFFICE
from tests.e2e.system import ROOT, System
from tests.shop.company import CONVERSATION, Company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SECRET = "the shop and Yingda share this secret of theirs"
IDENTITY_SECRET = "what the shop signs its customers' identities with"
PASSWORD = "correct horse battery"
CUSTOMERS = 400


@dataclass
class Town:
    """The system, the company's shop with its page, and what was read from its files."""

    system: System
    page: str
    engine: sa.Engine
    shop: sa.Engine

    def run(self, *command: str) -> str:
        """Run a verb as its reader would; return what it says."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "bot.cli", *command],
            cwd=ROOT,
            env=self.system.environment,
            capture_output=True,
            text=True,
            input=f"{PASSWORD}\n{PASSWORD}\n",
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def profiles(self) -> dict[str, dict[str, Any]]:
        """Return the records by the shop's number."""
        query = sa.select(customers.c.shop_customer_id, customer_profiles.c.record).where(
            customers.c.id == customer_profiles.c.customer_id, customers.c.shop_customer_id.is_not(None)
        )
        with self.engine.connect() as connection:
            return dict(connection.execute(query).tuples().all())

    def membership(self, number: str) -> str:
        with self.shop.connect() as connection:
            return str(connection.scalar(sa.select(memberships.c.status).where(memberships.c.customer_id == number)))


@pytest.fixture(scope="module")
def data() -> SampleData:
    return generate(CUSTOMERS, 7)


@pytest.fixture
def shop_url(tmp_path: Path, data: SampleData) -> str:
    """The company's own database."""
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    migrate(url)
    engine = sync_engine(url)
    load(engine, Cipher(DATA_KEY), data)
    now = utcnow()
    with engine.begin() as connection:  # under which the shop records what it does for us
        connection.execute(sa.insert(inboxes).values(id="shop", channel="website", name="Shop", created_at=now))
        thread = {"id": "shop", "inbox_id": "shop", "channel_user": "shop", "language": "zh", "created_at": now}
        connection.execute(sa.insert(threads).values(**thread))
        row = {"status": "bot", "epoch": 1, "language": "zh", "created_at": now, "updated_at": now}
        connection.execute(sa.insert(conversations).values(id=CONVERSATION, thread_id="shop", **row))
    engine.dispose()
    return url


@pytest.fixture
async def town(request: pytest.FixtureRequest, tmp_path: Path, shop_url: str) -> AsyncIterator[Town]:
    """Everything is there but what the company knows of its customers; nothing runs yet but the shop."""
    database = Database(shop_url)
    app = Company(DemoShop(database, Cipher(DATA_KEY)), SECRET).app()
    places: dict[str, str] = {}

    async def page(request: web.Request) -> web.Response:
        return _page(places["system"], request)

    app.router.add_get("/page", page)
    async with TestServer(app) as server:
        origin = f"http://127.0.0.1:{server.port}"
        system = System(
            tmp_path / "var",
            DATABASE_URL=f"sqlite:///{tmp_path}/yingda.sqlite3",
            SHOP_URL=f"{origin}/yingda",
            SHOP_SECRET=SECRET,
            YINGDA_IDENTITY_SECRET=IDENTITY_SECRET,
            ALLOWED_ORIGINS=origin,
        )
        places["system"] = system.url
        (system.folder / "models").mkdir(parents=True)
        shutil.copy(request.getfixturevalue("trained_model"), system.folder / "models")
        migrate(system.environment["DATABASE_URL"])
        engine, shop = sync_engine(system.environment["DATABASE_URL"]), sync_engine(shop_url)
        yield Town(system, f"{origin}/page", engine, shop)
        assert system.stop() == 0
        engine.dispose()
        shop.dispose()
    await database.close()


def _page(system_url: str, request: web.Request) -> web.Response:
    """The shop's page, on which it vouches for its customer."""
    claims = {"sub": request.query["customer"], "exp": utcnow() + timedelta(minutes=5)}
    identity = jwt.encode(claims, IDENTITY_SECRET, algorithm="HS256")
    language = request.query["lang"]
    tag = f'<script src="{system_url}/widget.js" data-inbox="website" data-language="{language}" data-identity="{identity}" defer></script>'
    html = f"<!doctype html><html lang={language}><meta charset=utf-8><title>shop</title><h1>shop</h1>{tag}"
    return web.Response(text=html, content_type="text/html")


async def test_a_dirty_export_ends_in_conversations_that_differ(town: Town, data: SampleData, browser: Browser, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_raw(data, raw, seed=7)

    # Ingest: everything that is whole comes in once, what is broken waits in quarantine, the correction is a revision.
    town.run("customers", "ingest", str(raw / "mapping.yml"))
    again = town.run("customers", "ingest", str(raw / "mapping.yml"))
    town.run("customers", "ingest", str(raw / "corrections.yml"))
    _stands_as_it_should(town, data, again)

    # Resolve, learn, look: suggestions only, a live model, a record for everybody.
    assert "suggested" in town.run("customers", "resolve")
    card = json.loads(town.run("customers", "train", "--quick", "--json"))
    assert card["status"] == "live", card["alarms"]
    town.run("customers", "refresh")
    leaving, staying = _two_members(town)
    town.run("agents", "add", "lin", "--role", "supervisor", "--languages", "zh,en", "--password")

    await asyncio.to_thread(town.system.start, within_s=180)  # the shop runs in this process and must go on answering
    await _they_cancel(town, browser, leaving, staying)


def _stands_as_it_should(town: Town, data: SampleData, again: str) -> None:
    with town.engine.connect() as connection:
        placed = sa.select(sa.func.count(sa.distinct(customer_events.c.key))).where(customer_events.c.kind == "order_placed")
        count = connection.scalar(placed) or 0
        broken = connection.scalar(sa.select(sa.func.count()).select_from(quarantined_rows)) or 0
        revisions = connection.scalar(sa.select(sa.func.count()).select_from(customer_events).where(customer_events.c.revision == 2))
    orders = len(data.rows["shop_orders"])
    assert 0.98 * orders < count < orders
    assert broken > 0
    assert revisions == 12
    assert again.count("nothing to do") == 8


def _two_members(town: Town) -> tuple[str, str]:
    """Return two active members: one whose expected loss is worth a person's time, and one at low risk."""
    with town.shop.connect() as connection:
        members = set(connection.scalars(sa.select(memberships.c.customer_id).where(memberships.c.status == "active")))
    known = {
        number: msgspec.convert(record, Profile) for number, record in town.profiles().items() if number in members and record["churn"]
    }
    by_loss = sorted(known, key=lambda number: -known[number].expected_loss_minor)
    treated = [number for number in by_loss if not held_out(number)]
    return treated[0], next(number for number in reversed(treated) if known[number].churn.level == "low")  # type: ignore[union-attr]


async def _they_cancel(town: Town, browser: Browser, leaving: str, staying: str) -> None:
    pictures = Path(os.environ.get("YINGDA_SCREENSHOTS") or town.system.folder)
    async with aiohttp.ClientSession(town.system.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        reception = await Reception.enter(http, "lin", PASSWORD, cookies={})
        context = await browser.new_context(viewport=OFFICE, locale="zh-CN")
        await context.add_cookies([{"name": COOKIE, "value": reception.cookie, "url": town.system.url}])
        desk = Desk(await context.new_page(), town.system.url)
        await desk.open()

        # Who is likely to go and worth keeping gets the better offer and, when they decline, a person.
        shop = await Shop.visit(await browser.new_page(), f"{town.page}?customer={leaving}&lang=zh")
        await shop.open()
        await shop.ask("我想取消会员", "要接受吗")
        await shop.press("不用了", "会员顾问")

        # Who is not gets a courtesy, and is let go.
        other = await Shop.visit(await browser.new_page(), f"{town.page}?customer={staying}&lang=zh")
        await other.open()
        await other.ask("我想取消会员", "要接受吗")
        await other.press("不用了", "已经退订")
        assert (town.membership(leaving), town.membership(staying)) == ("active", "cancelled")

        # The desk says why, in the conversation and in the list of customers.
        await desk.claim()
        await expect(desk.handoff).to_contain_text("有流失风险")
        await expect(desk.customer.locator(".churn .reasons li").first).to_be_visible()
        await expect(desk.customer.locator(".churn-loss")).to_contain_text("¥")
        await desk.page.screenshot(path=pictures / "desk-raw-churn.png")
        await desk.page.goto(f"{town.system.url}/desk#/customers")
        await expect(desk.page.locator(".customers-list .entry").first).to_be_visible()
        await desk.page.screenshot(path=pictures / "desk-raw-customers.png")
        await context.close()
    _offers_differ(town, leaving, staying)


def _offers_differ(town: Town, leaving: str, staying: str) -> None:
    query = sa.select(customers.c.shop_customer_id, offers_made).where(customers.c.id == offers_made.c.customer_id)
    with town.engine.connect() as connection:
        made = {row.shop_customer_id: row for row in connection.execute(query)}
    assert set(made) == {leaving, staying}
    assert made[leaving].rule != made[staying].rule
    assert made[leaving].expected_loss_minor > made[staying].expected_loss_minor
    assert made[leaving].reasons
    assert made[leaving].model_id == made[staying].model_id

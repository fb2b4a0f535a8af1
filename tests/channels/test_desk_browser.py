"""The desk in a real browser: a channel's conversation, what an agent is told before writing, and a dead letter sent again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import aiohttp
import pytest
import sqlalchemy as sa
from playwright.async_api import expect

from bot.database import sync_engine
from bot.database.channels import outbox
from bot.messages import HandOff, HandoffReason, Turn
from bot.settings import ChannelSettings, Settings
from tests.agents import PASSWORD
from tests.channels.vendors import WECHAT
from tests.e2e.desk import Desk
from tests.fakes import FakeRasa
from tests.web.conftest import context, database_url, http, sample, web

__all__ = ["context", "database_url", "http", "sample", "web"]

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)]


@pytest.fixture
def settings(database_url: str, settings: Settings) -> Settings:
    account = ChannelSettings("wechat", "wechat", WECHAT.settings("http://127.0.0.1:9"))
    return replace(settings, channels=(account,))


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


async def change_outbox(settings: Settings, *where: sa.ColumnElement[bool], **changes: str) -> int:
    def change() -> int:
        with sync_engine(settings.database_url).begin() as connection:
            return connection.execute(sa.update(outbox).where(*where).values(**changes)).rowcount

    return await asyncio.to_thread(change)


async def test_an_agent_answers_a_channels_customer(context, web: str, http: aiohttp.ClientSession, settings: Settings) -> None:  # type: ignore[no-untyped-def]
    wanted = WECHAT.sign(WECHAT.payload("我要人工", "m1", "oUser"), time.time())
    async with http.post("/webhooks/wechat", data=wanted.body, params=dict(wanted.query)) as response:
        assert (response.status, await response.read()) == (200, b"success")
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    desk = Desk(page, web)
    await desk.open()
    await desk.log_in("lin", PASSWORD)

    await desk.claim()
    await expect(page.locator(".conversation-head .tag", has_text="WeChat")).to_be_visible()
    await expect(page.locator(".delivery-hint")).to_contain_text("5 sends left")
    await desk.reply_box.fill("您好，我来帮您")
    await desk.reply_box.press("Enter")
    await expect(desk.said("agent").last).to_contain_text("您好")

    assert await change_outbox(settings, outbox.c.state == "pending", state="dead", reason="blocked") >= 2
    await page.reload()
    await expect(page.locator(".message.agent .send-state")).to_contain_text("blocked or unfollowed us")
    await page.locator(".message.agent .send-state .link").click()
    await expect(page.locator(".message.agent .send-state")).to_have_count(0)
    assert await change_outbox(settings, outbox.c.state == "pending", reason="") == 1
    assert errors == []

"""The desk in hard circumstances: no network, two agents after one customer, a bot that answers late, a phone."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import aiohttp
import pytest
from playwright.async_api import expect

from tests.e2e.desk import Desk
from tests.e2e.reception import Reception
from tests.e2e.stage import PHONE, Stage
from tests.e2e.system import ROOT, System

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

COLLEAGUE = "colleague"
PASSWORD = "a password of a colleague"


@pytest.fixture
async def colleague(system: System, http: aiohttp.ClientSession, reception: Reception, desk_cookies: dict[str, str]) -> Reception:
    """A second agent, added as an administrator would."""
    if COLLEAGUE not in desk_cookies:
        add = [sys.executable, "-m", "bot.cli", "agents", "add", COLLEAGUE, "--name", "Wang Fang", "--password"]
        await asyncio.to_thread(subprocess.run, add, cwd=ROOT, env=system.environment, input=PASSWORD.encode(), check=False)
    colleague = await Reception.enter(http, COLLEAGUE, PASSWORD, cookies=desk_cookies)
    await colleague.clear()
    return colleague


async def test_an_agent_logs_in_and_out(stage: Stage) -> None:
    async with stage.agent("zh", known=False) as desk:
        await desk.log_in("demo", "not the password")
        await expect(desk.page.get_by_role("alert").first).to_contain_text("用户名或密码不正确")
        await stage.picture(desk.page, "desk-zh-login")
        await desk.log_in(*stage.system.login())
        await expect(desk.page.locator(".desk")).to_be_visible()
        await stage.picture(desk.page, "desk-zh-empty")

        await desk.page.get_by_role("button", name="退出登录").click()
        await expect(desk.page.locator(".login-card")).to_be_visible()
        await desk.page.reload()
        await expect(desk.page.locator(".login-card")).to_be_visible()


async def test_the_desk_comes_back_by_itself_after_the_network_was_away(stage: Stage) -> None:
    async with stage.customer("en") as shop, stage.agent("en") as desk:
        await shop.open()
        await shop.call_human()
        await desk.claim()
        await desk.reply("Hello, how can I help?")
        await shop.hears("how can I help", sender="agent")

        await desk.page.context.set_offline(True)
        await shop.say("Are you there?")
        await desk.reply_box.fill("Yes, one moment please.")
        await desk.reply_box.press("Enter")
        await expect(desk.page.locator(".connection-bar")).to_be_visible()
        await expect(desk.page.locator(".messages .pending")).to_contain_text("Yes, one moment")
        await stage.picture(desk.page, "desk-en-offline")
        await desk.page.context.set_offline(False)

        await expect(desk.said("customer").filter(has_text="Are you there?")).to_be_visible()
        await expect(desk.page.locator(".messages .pending")).to_have_count(0)
        await expect(desk.page.locator(".connection-bar")).to_be_hidden()
        await shop.hears("one moment please", sender="agent")
        await expect(shop.entries("agent").filter(has_text="one moment please")).to_have_count(1)
        await desk.resolve()


async def test_of_two_agents_after_one_customer_one_wins_and_the_other_is_told(stage: Stage, colleague: Reception) -> None:
    async with stage.customer("en") as shop, stage.agent("en") as one, stage.agent("en", colleague=colleague) as other:
        await shop.open()
        await shop.call_human()
        for desk in (one, other):
            await expect(desk.waiting()).to_be_visible()

        await asyncio.gather(*(desk.waiting().locator(".entry-claim").click() for desk in (one, other)))
        winner, loser = await _winner_first(one, other)

        await expect(loser.toasts).to_contain_text("colleague")
        await stage.picture(loser.page, "desk-en-lost-race")
        await expect(loser.waiting()).to_have_count(0)
        await winner.reply("Hello, this is me.")
        await shop.hears("this is me", sender="agent")
        await expect(shop.entries("system").filter(has_text="joined")).to_have_count(1)
        await winner.resolve()


async def _winner_first(one: Desk, other: Desk) -> tuple[Desk, Desk]:
    await expect(one.reply_box.or_(one.toasts).first).to_be_visible()
    await expect(other.reply_box.or_(other.toasts).first).to_be_visible()
    won = [await desk.reply_box.is_visible() for desk in (one, other)]
    assert sorted(won) == [False, True]
    return (one, other) if won[0] else (other, one)


async def test_the_desk_on_a_phone_shows_one_thing_at_a_time(stage: Stage) -> None:
    async with stage.customer("zh", "C000001") as shop, stage.agent("zh", size=PHONE) as desk:
        await shop.open()
        await shop.ask("我的 order 什么时候到？", r"A\d{8}-\d{4}")
        await shop.call_human()
        await expect(desk.waiting("林悦")).to_be_visible()
        assert not await desk.overflows_sideways()
        await stage.picture(desk.page, "desk-zh-phone-queue")

        await desk.claim("林悦")
        assert not await desk.overflows_sideways()
        await stage.picture(desk.page, "desk-zh-phone-conversation")
        await desk.reply("您好，马上帮您看。")
        await shop.hears("马上帮您看", sender="agent")

        await desk.page.locator(".panel-button").click()
        await expect(desk.customer.locator(".churn")).to_be_visible()
        assert not await desk.overflows_sideways()
        await stage.picture(desk.page, "desk-zh-phone-customer")
        await desk.page.go_back()
        await expect(desk.reply_box).to_be_visible()
        await desk.resolve()

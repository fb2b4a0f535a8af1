"""Two members want to leave: whom we may lose talks to a human, who is free to go goes."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.shop_data import membership, rejoin
from tests.e2e.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def test_a_member_at_high_risk_gets_an_offer_and_then_a_human_who_knows_why(stage: Stage) -> None:
    rejoin(stage.system, "C000003")
    async with stage.customer("zh", "C000003") as shop, stage.agent("zh") as desk:
        await shop.open()
        await shop.ask("我想取消会员", "送您.*要接受吗")
        await stage.picture(shop.page, "widget-zh-offer")
        await shop.press("不用了", "会员顾问")
        await expect(shop.status).to_contain_text("第 1 位")
        await expect(shop.news.get_by_role("button", name="直接退订")).to_be_visible()
        await stage.picture(shop.page, "widget-zh-churn-hand-off")

        await expect(desk.waiting("陈思远")).to_contain_text("有流失风险")
        await desk.claim("陈思远")
        await expect(desk.handoff).to_contain_text("有流失风险")
        churn = desk.customer.locator(".churn")
        await expect(churn).to_contain_text("高风险")
        await expect(churn.locator(".reasons li").first).to_be_visible()
        assert 1 <= await churn.locator(".reasons li").count() <= 3
        await stage.picture(desk.page, "desk-zh-churn")
        assert membership(stage.system, "C000003") == "active"
        await desk.resolve()


async def test_a_member_at_high_risk_who_will_not_wait_leaves_at_once(stage: Stage) -> None:
    rejoin(stage.system, "C000003")
    async with stage.customer("zh", "C000003") as shop:
        await shop.open()
        await shop.ask("退会员", "要接受吗")
        await shop.press("不用了", "会员顾问")
        await shop.press("直接退订", "已经退订")
        await stage.picture(shop.page, "widget-zh-cancelled-at-once")

    assert membership(stage.system, "C000003") == "cancelled"


async def test_a_member_at_low_risk_leaves_after_one_offer(stage: Stage) -> None:
    rejoin(stage.system, "C000004")
    async with stage.customer("en", "C000004") as shop, stage.agent("en") as desk:
        await shop.open()
        await shop.ask("cancel my membership please", "Would you like to accept it")
        await shop.press("No thanks, cancel", "is cancelled")
        await stage.picture(shop.page, "widget-en-cancelled")
        wish = shop.entries("customer").filter(has_text="cancel my membership please").last
        await expect(wish.locator(":scope ~ .bot").filter(has_text="Would you like to accept it")).to_have_count(1)
        await expect(desk.waiting()).to_have_count(0)

    assert membership(stage.system, "C000004") == "cancelled"

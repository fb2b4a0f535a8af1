"""The whole way in a browser: a customer is answered, handed to a human, served and asked for a rating."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.e2e.shop_data import rejoin
from tests.e2e.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def test_a_chinese_customer_is_answered_then_served_by_a_human(stage: Stage) -> None:
    async with stage.customer("zh", "C000001") as shop, stage.agent("zh") as desk:
        await shop.open()
        await expect(shop.greeting.locator(".tag")).to_have_text("智能助手")
        await expect(shop.greeting).to_contain_text("林悦，您好")
        assert 1 <= await shop.greeting.locator(".chip").count() <= 5
        assert await shop.greeting.locator(".card.choice").count() >= 2
        await stage.picture(shop.page, "widget-zh-greeting")

        await shop.ask("我的 order 什么时候到？", r"A\d{8}-\d{4}")
        await stage.picture(shop.page, "widget-zh-order")

        await shop.ask("我要退货", "哪一件|哪一单|原因")
        await stage.picture(shop.page, "widget-zh-return-choice")
        await shop.ask("多久能送到？", "送达|送到|到货|天")
        await shop.press("选这件", "为什么|原因")
        await expect(shop.entries("customer").last).to_contain_text("选这件 · ")
        await shop.ask("算了", "好的|没关系|取消|停")
        await expect(shop.human_button).to_be_visible()
        await stage.picture(shop.page, "widget-zh-return-ended")

        await shop.call_human()
        await expect(shop.status).to_contain_text("1")
        await stage.picture(shop.page, "widget-zh-waiting")

        await expect(desk.waiting("林悦")).to_be_visible()
        await expect(desk.page).to_have_title(re.compile(r"^\(1\)"))
        await stage.picture(desk.page, "desk-zh-queue")
        await desk.preview("林悦")
        await stage.picture(desk.page, "desk-zh-preview")
        await desk.claim("林悦")
        await expect(desk.handoff).to_contain_text("客户要求人工")
        await expect(desk.handoff.locator(".chips li").first).to_contain_text("转人工")
        await expect(desk.said("customer").filter(has_text="我的 order 什么时候到？")).to_be_visible()
        await expect(desk.customer).to_contain_text("林悦")
        await expect(desk.customer.locator(".order").first).to_contain_text(re.compile(r"A\d{8}-\d{4}"))
        await expect(desk.customer.locator(".churn")).to_contain_text("%")
        phone = desk.customer.locator("[data-field=phone]")
        await expect(phone.locator(".masked")).to_contain_text("*")
        await phone.get_by_role("button").click()
        await expect(phone.locator(".revealed")).to_have_text(re.compile(r"^\+?[\d -]{11,}$"))
        await stage.picture(desk.page, "desk-zh-claimed")

        await shop.hears("已接入", sender="system")
        await desk.reply("您好，我看到您的订单了，马上帮您查。")
        await shop.hears("马上帮您查", sender="agent")
        await shop.say("好的，谢谢")
        await expect(desk.said("customer").last).to_contain_text("好的，谢谢")
        await desk.reply("快递员今天下午派送，请留意电话。")
        await shop.hears("今天下午派送", sender="agent")
        await expect(shop.status).to_contain_text("正在为您服务")
        await stage.picture(shop.page, "widget-zh-agent")
        await stage.picture(desk.page, "desk-zh-conversation")

        await desk.resolve()
        await expect(shop.panel.locator("form.csat")).to_be_visible()
        await stage.picture(shop.page, "widget-zh-csat")
        await shop.rate(5, "很快就解决了")
        await shop.hears("感谢您的评价", sender="system")
        await stage.picture(shop.page, "widget-zh-rated")
        await shop.page.reload()
        await shop.open()
        await expect(shop.entries("system").last).to_contain_text("感谢您的评价")
        await expect(shop.panel.locator("form.csat")).to_have_count(0)
        await stage.picture(desk.page, "desk-zh-resolved")


async def test_an_english_customer_with_a_late_parcel_stays_for_an_offer_and_talks_to_a_person(stage: Stage) -> None:
    rejoin(stage.system, "C000002")
    async with stage.customer("en", "C000002") as shop, stage.agent("en") as desk:
        await shop.open()
        await expect(shop.greeting.locator(".tag")).to_have_text("Bot")
        await expect(shop.greeting).to_contain_text("Hello Emma Carter")
        await stage.picture(shop.page, "widget-en-greeting")

        await shop.ask("where is my order?", r"Which order|A\d{8}-\d{4}")
        await shop.ask("my parcel is late", "sorry.*late")
        await stage.picture(shop.page, "widget-en-late-parcel")
        await shop.ask("can you check my 快递?", r"parcel|late|delivery|courier")
        await shop.ask("I want to cancel my membership", "Would you like to accept it")
        await stage.picture(shop.page, "widget-en-offer")
        await shop.press("Accept the offer", "Thank you for staying")
        await stage.picture(shop.page, "widget-en-offer-accepted")

        await shop.say("let me talk to a person")
        await expect(shop.status).to_contain_text("you are number 1")
        await stage.picture(shop.page, "widget-en-waiting")

        await expect(desk.waiting("Emma Carter")).to_contain_text("English")
        await desk.claim("Emma Carter")
        await expect(desk.handoff).to_contain_text("Asked for a person")
        await expect(desk.customer).to_contain_text("Churn risk")
        await stage.picture(desk.page, "desk-en-claimed")
        await desk.reply("Hello Emma, I have called the courier.")
        await shop.hears("called the courier", sender="agent")
        await expect(shop.status).to_contain_text("You are talking to")
        await stage.picture(shop.page, "widget-en-agent")

        await desk.resolve()
        await shop.rate(5)
        await shop.hears("Thank you", sender="system")
        await expect(shop.human_button).to_be_visible()

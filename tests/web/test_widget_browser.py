"""The widget in a real browser against the real web app; only Rasa is a stand-in."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)]

# A page that has nothing but the widget would do; the demo shop is the one that we ship.
ZH, EN = "/demo?lang=zh", "/demo?lang=en"


class Chat:
    """The widget of one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.widget: Locator = page.locator("yingda-widget")
        self.launcher = self.widget.locator(".launcher")
        self.input = self.widget.locator(".field textarea")
        self.said = self.widget.locator(".entry.customer .bubble")
        self.answers = self.widget.locator(".entry.bot .bubble")
        self.unsent = self.widget.locator("button.note")

    async def say(self, text: str) -> None:
        await self.input.fill(text)
        await self.input.press("Enter")

    async def focused(self) -> str:
        script = "document.querySelector('yingda-widget').shadowRoot.activeElement?.className ?? ''"
        return str(await self.page.evaluate(script))


async def chat(context: BrowserContext, path: str = EN) -> Chat:
    page = await context.new_page()
    await page.goto(path)
    opened = Chat(page)
    await opened.launcher.click()
    await expect(opened.answers.first).to_be_visible()
    return opened


async def test_what_was_written_offline_is_marked_and_then_sent_once_and_in_order(context: BrowserContext) -> None:
    shop = await chat(context)
    await context.set_offline(True)
    await shop.say("first")
    await shop.say("second")
    await expect(shop.unsent).to_have_count(2, timeout=15_000)
    assert await shop.unsent.first.inner_text() == "Not sent, tap to try again"

    await context.set_offline(False)

    await expect(shop.unsent).to_have_count(0, timeout=15_000)
    await expect(shop.answers.filter(has_text="you said second")).to_be_visible()
    assert await shop.said.all_inner_texts() == ["first", "second"]


async def test_a_message_whose_answer_was_lost_is_stored_once(context: BrowserContext) -> None:
    shop = await chat(context)
    lost: list[str] = []

    async def lose_the_first(route) -> None:  # type: ignore[no-untyped-def]
        if route.request.method == "POST" and not lost:
            lost.append((await route.fetch()).url)
            await route.abort()
        else:
            await route.continue_()

    await shop.page.route("**/api/widget/messages*", lose_the_first)
    await shop.say("only once")
    await expect(shop.answers.filter(has_text="you said only once")).to_be_visible(timeout=15_000)
    await shop.page.reload()
    await shop.launcher.click()

    await expect(shop.said).to_have_text(["only once"])


async def test_what_was_not_sent_before_a_reload_is_sent_after_it(context: BrowserContext) -> None:
    shop = await chat(context)
    await shop.page.route("**/api/widget/messages*", lambda route: route.abort())
    await shop.say("早上好")
    await shop.page.close()

    again = await chat(context)

    await expect(again.answers.filter(has_text="you said 早上好")).to_be_visible(timeout=15_000)
    await expect(again.said).to_have_text(["早上好"])


async def test_seven_tabs_stay_in_step(context: BrowserContext) -> None:
    tabs = [await chat(context) for _ in range(7)]
    await tabs[0].say("from the first")
    await expect(tabs[6].answers.filter(has_text="you said from the first")).to_be_visible()

    await tabs[6].say("from the seventh")

    for tab in tabs:
        await expect(tab.answers.filter(has_text="you said from the seventh")).to_be_visible()
        assert await tab.said.all_inner_texts() == ["from the first", "from the seventh"]


async def test_enter_of_an_input_method_never_sends(context: BrowserContext) -> None:
    shop = await chat(context, ZH)
    await shop.input.fill("ni hao")
    await shop.input.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await shop.input.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    await shop.input.press("Shift+Enter")

    assert await shop.input.input_value() == "ni hao\n"
    await expect(shop.said).to_have_count(0)


async def test_who_logs_in_keeps_the_talk_and_who_logs_out_leaves_nothing(context: BrowserContext) -> None:
    shop = await chat(context)
    await shop.say("before I log in")
    await expect(shop.answers.filter(has_text="you said before")).to_be_visible()

    await shop.page.goto(f"{EN}&customer=C000001")
    await shop.launcher.click()
    await expect(shop.said).to_have_text(["before I log in"])
    await shop.page.goto(EN)
    await shop.launcher.click()

    await expect(shop.answers).to_have_count(1)
    await expect(shop.said).to_have_count(0)
    assert "C000001" not in await shop.page.evaluate("JSON.stringify(localStorage)")


async def test_the_keyboard_goes_in_and_out_and_news_are_counted(context: BrowserContext) -> None:
    shop = await chat(context)
    await shop.page.keyboard.type("hello")
    await shop.page.keyboard.press("Enter")
    await shop.page.keyboard.press("Escape")

    assert await shop.focused() == "launcher"
    await expect(shop.widget.locator(".count")).to_have_text("1")
    await shop.page.keyboard.press("Enter")
    await expect(shop.answers.last).to_have_text("you said hello")
    await expect(shop.widget.locator(".count")).to_be_hidden()


async def test_markup_in_a_text_stays_text_and_only_addresses_become_links(context: BrowserContext) -> None:
    shop = await chat(context)
    await shop.say("<img src=x onerror=alert(1)> javascript:alert(1) https://example.com/a?b=1。谢谢")

    answer = shop.answers.filter(has_text="you said <img")
    await expect(answer).to_be_visible()
    assert await shop.widget.locator("img").count() == 0
    assert [await link.get_attribute("href") for link in await answer.locator("a").all()] == ["https://example.com/a?b=1"]

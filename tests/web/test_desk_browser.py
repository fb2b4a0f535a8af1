"""The desk in a real browser against the real web app: passing on, presence, customers, matches."""

from __future__ import annotations

import aiohttp
import pytest
import sqlalchemy as sa
from playwright.async_api import Browser, BrowserContext, Page, expect

from bot.crypto import Cipher
from bot.database import sync_engine
from bot.database.people import agents
from bot.messages import HandOff, HandoffReason, Turn
from bot.settings import Settings
from tests.agents import PASSWORD, agent_row
from tests.fakes import FakeRasa
from tests.web.conftest import open_widget
from tests.web.test_desk_records import suggest_twins

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)]


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


def add_agent(settings: Settings, username: str, **changes: object) -> None:
    engine = sync_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(sa.insert(agents).values(**agent_row(username, **changes)))
    engine.dispose()


async def desk(browser: Browser, web: str, username: str) -> Page:
    """Open a desk of its own and log in."""
    page = await (await browser.new_context(base_url=web, locale="en-GB")).new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    await page.goto("/desk")
    await page.locator("#username").fill(username)
    await page.locator("#password").fill(PASSWORD)
    await page.locator(".login-card button").click()
    await expect(page.locator(".presence[data-presence=online]")).to_be_visible()
    return page


async def test_an_agent_passes_a_conversation_on_with_the_keyboard(
    context: BrowserContext, web: str, http: aiohttp.ClientSession, settings: Settings
) -> None:
    add_agent(settings, "wang")
    browser = context.browser
    assert browser is not None
    lin, wang = await desk(browser, web, "lin"), await desk(browser, web, "wang")
    widget = await open_widget(http)
    await widget.send("a person please")
    await lin.locator(".entry-claim").click()
    await expect(lin.locator("#reply")).to_be_visible()

    await lin.locator("#reply").press("Alt+t")
    await expect(lin.locator("#transfer-to optgroup").first).to_have_attribute("label", "Colleagues")
    await lin.locator("#transfer-to").select_option(label="Wang · Online · 0/10")
    await lin.locator("#transfer-note").fill("refund is approved")
    await lin.locator("dialog button[value=yes]").click()

    await expect(lin.locator(".toast")).to_contain_text("Passed on")
    await expect(lin.locator(".resolve-button")).to_have_count(0)
    await wang.locator("li.entry .entry-main").first.click()
    await expect(wang.locator(".handoff-transfer")).to_contain_text("Lin passed it on to Wang")
    await expect(wang.locator(".handoff-transfer q")).to_have_text("refund is approved")
    await wang.locator("#reply").fill("I go on from here")
    await wang.locator("#reply").press("Enter")
    await expect(wang.locator(".messages .agent:not(.pending)").last).to_contain_text("I go on")
    said = [message["text"] for message in (await widget.messages())["messages"]]
    assert said[-1] == "I go on from here"
    assert not any("refund" in text for text in said)


async def test_an_agent_finishes_the_shift(context: BrowserContext, web: str, http: aiohttp.ClientSession) -> None:
    assert context.browser is not None
    page = await desk(context.browser, web, "lin")
    widget = await open_widget(http)
    await widget.send("a person please")
    await page.locator(".entry-claim").click()

    await page.locator(".presence").select_option("finishing")
    await expect(page.locator(".presence")).to_have_attribute("data-presence", "finishing")
    await expect(page.locator("#reply")).to_be_visible()

    await page.locator(".presence").select_option("online")
    await expect(page.locator(".presence")).to_have_attribute("data-presence", "online")


async def test_a_customer_is_written_to_and_two_records_are_decided_on_with_the_keyboard(
    context: BrowserContext, web: str, settings: Settings, cipher: Cipher, profiles: list[str]
) -> None:
    add_agent(settings, "zhou", role="supervisor")
    engine = sync_engine(settings.database_url)
    suggest_twins(engine, cipher)
    engine.dispose()
    assert context.browser is not None
    page = await desk(context.browser, web, "zhou")

    await page.locator(".tab", has_text="Customers").click()
    await page.locator(".customers-list .entry-main").first.press("Enter")
    await expect(page.locator(".pane.customer .churn-number")).to_have_text("80%")
    await expect(page.locator(".pane.customer .order")).not_to_have_count(0)
    await page.locator("#first-words").fill("Your parcel was late; we are sorry.")
    await page.locator("#first-words").press("Control+Enter")
    await expect(page.locator(".messages .agent")).to_contain_text("we are sorry")

    await page.locator(".tab", has_text="Matches").press("Enter")
    await page.locator(".entry-main:visible").press("Enter")
    await expect(page.locator(".merge-table .same")).to_contain_text("王芳")
    await page.set_viewport_size({"width": 360, "height": 640})
    for decided in ("Merged", "Two people"):
        await page.locator(".merge-buttons button").first.press("Enter")
        await expect(page.locator(".conversation-head .tag[class*=status]")).to_have_text(decided)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360

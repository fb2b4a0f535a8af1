"""Widget and desk in real browsers at the same time: what each sees of the other, agents who go, tabs that are hidden, a deploy."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page, expect

from bot.messages import HandOff, HandoffReason, Turn
from tests.fakes import FakeRasa
from tests.web.test_desk_browser import desk
from tests.web.test_widget_browser import Chat, chat

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)]


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


async def served(context: BrowserContext, web: str) -> tuple[Chat, Page]:
    """A customer who has asked for a person, and the desk of the agent who has claimed."""
    assert context.browser is not None
    board = await desk(context.browser, web, "lin")
    shop = await chat(context)
    await shop.say("a person please")
    await board.locator(".entry-claim").click()
    await expect(board.locator("#reply")).to_be_visible()
    return shop, board


async def reply(board: Page, text: str) -> None:
    await board.locator("#reply").fill(text)
    await board.locator("#reply").press("Enter")


async def look_away(page: Page, *, hidden: bool) -> None:
    """Hide the page, as another tab before it does, or show it again."""
    await page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          Object.defineProperty(document, "visibilityState", { value: hidden ? "hidden" : "visible", configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


async def test_each_side_sees_what_the_other_has_read(context: BrowserContext, web: str) -> None:
    shop, board = await served(context, web)
    read_by_agent, read_by_customer = shop.widget.locator("small.entry"), board.locator(".message.agent .send-state")
    await expect(read_by_agent).to_have_text("Read")

    await look_away(shop.page, hidden=True)
    await look_away(board, hidden=True)
    await reply(board, "Hello, how can I help?")
    await shop.say("my parcel")
    await expect(board.locator(".message.customer").last).to_contain_text("my parcel")
    await expect(shop.widget.locator(".entry.agent")).to_contain_text("how can I help")
    await expect(read_by_agent).to_have_count(0)
    await expect(read_by_customer).to_have_count(0)

    await look_away(shop.page, hidden=False)
    await expect(read_by_customer).to_have_text("Read")
    await look_away(board, hidden=False)
    await expect(read_by_agent).to_have_text("Read")
    await shop.page.reload()
    await board.reload()
    await expect(read_by_customer).to_have_text("Read")
    await shop.launcher.click()
    await expect(read_by_agent).to_have_text("Read")

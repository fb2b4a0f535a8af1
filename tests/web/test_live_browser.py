"""Widget and desk in real browsers at the same time: what each sees of the other, agents who go, tabs that are hidden, a deploy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import BrowserContext, Page, WebSocket, expect

from bot.conversations.services import open_services
from bot.messages import HandOff, HandoffReason, Turn
from bot.settings import Settings
from bot.web import desk_socket
from bot.worker import Worker
from tests.fakes import FakeRasa, echo
from tests.web.test_desk_browser import add_agent, desk
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


@asynccontextmanager
async def queue_kept(settings: Settings, rasa: FakeRasa) -> AsyncIterator[None]:
    """A worker that does nothing but look after the queue."""
    async with open_services(settings, rasa=rasa) as services:  # type: ignore[arg-type]
        worker = Worker(services)

        async def look() -> None:
            while True:
                await worker.keep_the_queue()
                await asyncio.sleep(0.2)

        looking = asyncio.create_task(look())
        yield
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await worker.stop()


async def test_an_agent_who_is_gone_gives_back_and_of_two_after_the_customer_one_wins(
    context: BrowserContext, web: str, settings: Settings, rasa: FakeRasa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_socket, "BEAT_S", 0.3)
    monkeypatch.setattr("bot.escalations.queue.PRESENCE_S", 2)
    for name in ("wang", "chen"):
        add_agent(settings, name)
    assert context.browser is not None
    shop, board = await served(context, web)
    await reply(board, "I look it up")
    await expect(shop.widget.locator(".entry.agent")).to_contain_text("I look it up")
    others = [await desk(context.browser, web, name) for name in ("wang", "chen")]

    async with queue_kept(settings, rasa):
        await board.close()
        status = shop.widget.locator(".status")
        await expect(status).to_contain_text("you are number 1", timeout=10_000)
        await asyncio.gather(*(other.locator(".entry-claim").click(timeout=10_000) for other in others))

        await expect(status).to_contain_text("You are talking to")
        name = (await status.inner_text()).rpartition(" ")[2].strip()
        winner, loser = others if name == "Wang" else others[::-1]
        await expect(loser.locator(".toast")).to_contain_text("colleague")
        await expect(loser.locator(".entry-claim")).to_have_count(0)
        await expect(winner.locator(".message.agent").first).to_contain_text("I look it up")
        await reply(winner, "I go on from here")
        await expect(shop.widget.locator(".entry.agent").last).to_contain_text("I go on from here")


async def test_a_hidden_widget_gives_its_line_up_and_catches_up_when_it_is_looked_at(
    context: BrowserContext, web: str, rasa: FakeRasa
) -> None:
    rasa.answer = echo
    lines: list[WebSocket] = []
    context.on("page", lambda page: page.on("websocket", lambda line: lines.append(line)))
    other = await chat(context)
    shop = await chat(context)
    hidden, seen = lines[-1], len(lines)
    await shop.page.clock.install()

    await look_away(shop.page, hidden=True)
    await shop.page.clock.fast_forward(61_000)
    while not hidden.is_closed():
        await asyncio.sleep(0.05)
    await other.say("from another tab")
    await expect(other.answers.last).to_have_text("you said from another tab")
    await shop.page.clock.fast_forward(600_000)
    assert len(lines) == seen  # no timer brings it back
    await expect(shop.said).to_have_count(0)

    await look_away(shop.page, hidden=False)
    await expect(shop.answers.last).to_have_text("you said from another tab")
    while len(lines) == seen:
        await asyncio.sleep(0.05)
    assert len(lines) == seen + 1

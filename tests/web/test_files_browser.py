"""Files in real browsers: an agent attaches, drops and pastes, the customer sees; a channel's picture, and the page behind a link."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from dataclasses import replace

import aiohttp
import pytest
import sqlalchemy as sa
from playwright.async_api import BrowserContext, Locator, Page, expect

from bot.channels import media
from bot.conversations.services import open_services
from bot.database.channels import media as media_rows
from bot.messages import HandOff, HandoffReason, Turn
from bot.settings import ChannelSettings, Settings
from tests.channels.vendors import DINGTALK, WEBHOOK
from tests.fakes import FakeRasa
from tests.web.test_desk_browser import desk
from tests.web.test_live_browser import served

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)]

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFElEQVR4nGP4z8Dwn4GBgYEBCgAUFQMBvPDmXgAAAABJRU5ErkJggg==")
PICTURE = {"name": "样品.png", "mimeType": "image/png", "buffer": PNG}
INVOICE = {"name": "invoice.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n"}
DROP = """([box, kind]) => {
  const files = new DataTransfer();
  files.items.add(new File(["plain words"], "notes.txt", { type: "text/plain" }));
  const event = kind === "drop" ? new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: files, bubbles: true, cancelable: true });
  document.querySelector(box).dispatchEvent(event);
}"""


@pytest.fixture
def settings(database_url: str, settings: Settings) -> Settings:
    accounts = {"webhook": WEBHOOK, "dingtalk": DINGTALK}
    return replace(
        settings, channels=tuple(ChannelSettings(kind, kind, case.settings("http://127.0.0.1:9")) for kind, case in accounts.items())
    )


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


async def is_drawn(picture: Locator) -> bool:
    """Say whether the picture has come and can be read, after it has been waited for."""
    await expect(picture).to_be_visible()
    await picture.evaluate("image => image.complete || new Promise(done => { image.onload = image.onerror = done; })")
    return bool(await picture.evaluate("image => image.naturalWidth > 0"))


async def test_an_agent_attaches_drops_and_pastes_and_the_customer_sees(context: BrowserContext, web: str) -> None:
    shop, board = await served(context, web)

    await board.locator("input[type=file]").set_input_files([PICTURE, INVOICE])
    await board.evaluate(DROP, [".composer", "drop"])
    await board.evaluate(DROP, ["#reply", "paste"])
    await expect(board.locator(".picked li")).to_have_count(4)
    await board.locator(".picked li").last.locator("button").click()
    await board.locator("#reply").fill("Here they are")
    await board.locator("#reply").press("Enter")

    await expect(board.locator(".picked li")).to_have_count(0)
    await expect(board.locator(".message.agent .file")).to_have_text([re.compile("invoice.pdf"), re.compile("notes.txt")])
    await expect(board.locator(".message.agent:not(.pending)").last).to_contain_text("Here they are")
    assert await is_drawn(board.locator(".message.agent .picture img"))
    seen = shop.widget.locator(".entry.agent .bubble")
    await expect(seen).to_have_text(["", "invoice.pdf", "notes.txt", "Here they are"])
    assert await is_drawn(seen.locator("img"))
    assert await shop.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    async with context.expect_page() as opened:
        await seen.locator("a").first.click()
    address = (await opened.value).url
    assert address.startswith(f"{web}/files/")

    await shop.page.reload()
    await shop.launcher.click()
    assert await is_drawn(seen.locator("img"))


async def knock(http: aiohttp.ClientSession, kind: str, body: bytes) -> None:
    wanted = {"webhook": WEBHOOK, "dingtalk": DINGTALK}[kind].sign(body, time.time())
    async with http.post(f"/webhooks/{kind}", data=wanted.body, headers=dict(wanted.headers)) as response:
        assert response.status == 200


async def fetched(settings: Settings) -> None:
    """Keep the customer's picture, as the worker does when its channel gives it out."""

    async def keep() -> None:
        async with open_services(settings, rasa=FakeRasa()) as box, box.database.write() as connection:  # type: ignore[arg-type]
            await media.claim(connection, "me", ["webhook"], most=1)
            found = (await connection.execute(sa.select(media_rows.c.id))).scalar_one()
            assert await media.keep(connection, box.cipher, found, "me", data=PNG, mime="image/png")

    await asyncio.to_thread(asyncio.run, keep())


async def look(page: Page, pictures: list[bytes], **size: int) -> None:
    """Take a picture of the page at a desktop's and a phone's width; nothing may be wider than the page."""
    for width, height in ((1280, 800), (390, 844)):
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (page.url, width)
        pictures.append(await page.screenshot(animations="disabled"))


async def test_a_channels_picture_and_the_page_behind_a_link(
    context: BrowserContext, web: str, http: aiohttp.ClientSession, settings: Settings
) -> None:
    assert context.browser is not None
    pictures: list[bytes] = []
    attached = b'[{"url": "https://f.example/1", "name": "broken.png"}]'
    picture = b'{"messages": [{"id": "m1", "user": "u1", "kind": "image", "attachments": ' + attached + b"}]}"
    await knock(http, "webhook", WEBHOOK.payload("a person please", "m0", "u1"))
    board = await desk(context.browser, web, "lin")
    await board.locator(".entry-claim").click()
    await expect(board.locator("#reply")).to_be_visible()
    await knock(http, "webhook", picture)
    await expect(board.locator(".file-note")).to_contain_text("broken.png")
    await fetched(settings)
    await board.reload()

    assert await is_drawn(board.locator(".message.customer .picture img"))
    for language in ("en", "zh"):
        await board.locator(f".languages [lang^={language}]").click()
        await expect(board.locator(f".languages [lang^={language}]")).to_have_attribute("aria-pressed", "true")
        await expect(board.locator(".message.customer .picture img")).to_be_visible()
        await look(board, pictures)
        await board.set_viewport_size({"width": 1280, "height": 800})
    await board.locator("[data-part=link]").click()
    said = board.locator(".message.agent:not(.pending) .text, .message.system .text").filter(has_text="yingda_link=")
    await expect(said).to_be_visible()
    [address] = re.findall(r"http\S+yingda_link=[\w.-]+", await said.inner_text())
    page = await context.new_page()
    for language in ("en", "zh"):
        await page.goto(f"{address}&lang={language}")
        await look(page, pictures)
    await page.locator("button").click()
    await expect(page.locator("h1")).to_have_text("已关联")
    await look(page, pictures)
    await expect(board.locator("[data-part=link]")).to_have_count(0)


async def test_what_a_channel_does_not_take_is_said_when_it_is_chosen(
    context: BrowserContext, web: str, http: aiohttp.ClientSession
) -> None:
    assert context.browser is not None
    await knock(http, "dingtalk", DINGTALK.payload("a person please", "m1", "u1"))
    board = await desk(context.browser, web, "lin")
    await board.locator(".entry-claim").click()
    await expect(board.locator("#reply")).to_be_visible()
    await expect(board.get_by_role("main")).to_contain_text("DingTalk")  # what a channel takes comes with its name

    await board.locator("input[type=file]").set_input_files([INVOICE])

    await expect(board.locator(".toast")).to_contain_text("DingTalk takes pictures only")
    await expect(board.locator(".picked li")).to_have_count(0)
    await board.locator("input[type=file]").set_input_files([PICTURE])
    await board.locator("#reply").press("Enter")
    assert await is_drawn(board.locator(".message.agent .picture img"))

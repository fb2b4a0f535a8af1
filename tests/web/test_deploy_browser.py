"""A deploy in mid-conversation: two real web processes start again one by one while a customer and an agent write to each other."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis.asyncio as aioredis
from aiohttp import web as stand_in
from playwright.async_api import Page, Route, async_playwright, expect

from bot.settings import Settings
from bot.system import supervisor
from bot.system.child import Child
from bot.system.log import Log
from bot.system.processes import listening_socket, web_processes
from bot.system.ready import wait_until_ready
from bot.system.supervisor import renew_one_by_one, with_signals
from tests.conftest import ROOT, missing
from tests.web.test_desk_browser import desk
from tests.web.test_live_browser import reply
from tests.web.test_widget_browser import Chat

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)]

SHOP = '<!doctype html><html lang="en"><title>A shop</title><script src="/static/widget.js" defer></script>'


@pytest.fixture
async def rasa_port() -> AsyncIterator[int]:
    """A stand-in for Rasa and the action server that hands everybody over."""

    async def turn(request: stand_in.Request) -> stand_in.Response:
        asked = await request.json()
        return stand_in.json_response({"message_id": asked["message_id"], "hand_off": {"reason": "customer_request"}})

    async def well(_request: stand_in.Request) -> stand_in.Response:
        return stand_in.json_response({"model": "stand-in", "status": "ok"})

    app = stand_in.Application()
    app.add_routes([stand_in.post("/webhooks/yingda/turn", turn), stand_in.get("/status", well), stand_in.get("/health", well)])
    runner = stand_in.AppRunner(app, access_log=None)
    await runner.setup()
    await stand_in.TCPSite(runner, "127.0.0.1", 0).start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


@pytest.fixture
async def processes(
    settings: Settings, redis: aioredis.Redis, rasa_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Settings, list[Child]]]:
    """Two web processes on one socket, kept alive and started again as the supervisor does it."""
    monkeypatch.setattr(supervisor, "WEB_STARTS_WITHIN_S", 2)
    listening = listening_socket(replace(settings, port=0, web_workers=2))
    assert listening is not None
    own = replace(settings, port=listening.getsockname()[1], web_workers=2, rasa_port=rasa_port, actions_port=rasa_port)
    given = {
        "DATABASE_URL": own.database_url,
        "REDIS_URL": own.redis_url,
        "YINGDA_DATA_KEY": own.data_key,
        "YINGDA_DATA_DIR": str(own.data_dir),
        "YINGDA_DEMO": "false",
        "PORT": str(own.port),
        "RASA_PORT": str(rasa_port),
        "ACTIONS_PORT": str(rasa_port),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    def hopeless(child: Child, code: int) -> None:
        pytest.fail(f"{child.name} ends with {code}: {child.log.last_lines(20)}")

    children = [Child(process, Log(tmp_path / f"{process.name}.log"), hopeless=hopeless) for process in web_processes(own, ROOT, listening)]
    for child in children:
        child.start()
    await wait_until_ready(own)
    yield own, children
    for child in children:
        await child.stop(1)
    listening.close()


async def test_a_deploy_in_mid_conversation_loses_nothing_and_needs_no_reload(processes: tuple[Settings, list[Child]]) -> None:
    settings, children = processes
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        missing("Chromium", "install it with: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        board = await desk(browser, f"http://127.0.0.1:{settings.port}", "lin")
        shop = await shop_page(await board.context.new_page())
        await shop.say("a person please")
        await board.locator(".entry-claim").click()
        await expect(board.locator("#reply")).to_be_visible()
        for page in (shop.page, board):
            await page.evaluate("globalThis.neverReloaded = true")

        written = await write_through(children, settings, shop, board)

        for texts in (shop.said, board.locator(".message.customer .text")):
            await expect(texts).to_have_text(["a person please", *(f"customer {count}" for count in range(written))], timeout=20_000)
        for texts in (shop.widget.locator(".entry.agent .bubble"), board.locator(".message.agent:not(.pending) .text")):
            await expect(texts).to_have_text([f"agent {count}" for count in range(written)], timeout=20_000)
        for page in (shop.page, board):
            assert await page.evaluate("globalThis.neverReloaded")
        await browser.close()


async def shop_page(page: Page) -> Chat:
    async def show(route: Route) -> None:
        await route.fulfill(body=SHOP, content_type="text/html")

    await page.route("**/shop", show)
    await page.goto("/shop")
    shop = Chat(page)
    await shop.launcher.click()
    await expect(shop.input).to_be_visible()
    return shop


async def write_through(children: list[Child], settings: Settings, shop: Chat, board: Page) -> int:
    """Have both sides write from the signal until every process has started again, and once more; return how often each wrote."""
    before = [child.pid for child in children]
    renewing: list[asyncio.Task[None]] = []
    with_signals(lambda: None, lambda: None, lambda: renewing.append(asyncio.create_task(renew_one_by_one(children, settings))))
    os.kill(os.getpid(), signal.SIGUSR2)
    written = 0
    while not renewing or not renewing[0].done():
        await shop.say(f"customer {written}")
        await reply(board, f"agent {written}")
        written += 1
        await asyncio.sleep(1)  # the limit is 40 messages a minute
    renewing[0].result()
    assert not set(before) & {child.pid for child in children}
    await shop.say(f"customer {written}")
    await reply(board, f"agent {written}")
    return written + 1

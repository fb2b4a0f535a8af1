"""Where a story plays: browsers of customers and agents, each with storage of its own, and the pictures taken of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from playwright.async_api import Browser, BrowserContext, Page

from tests.e2e.desk import Desk
from tests.e2e.reception import COOKIE, Reception
from tests.e2e.shop import Shop
from tests.e2e.shop_data import long_ago
from tests.e2e.system import System

DESKTOP = {"width": 1280, "height": 800}
OFFICE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Stage:
    system: System
    browser: Browser
    reception: Reception
    pictures: Path

    @contextlib.asynccontextmanager
    async def context(self, *, size: dict[str, int], language: str) -> AsyncIterator[BrowserContext]:
        """A browser of its own; what its pages report as an error fails the test."""
        context = await self.browser.new_context(
            viewport={"width": size["width"], "height": size["height"]},
            locale="zh-CN" if language == "zh" else "en-GB",
            has_touch=size is PHONE,
            is_mobile=size is PHONE,
        )
        errors: list[str] = []
        context.on("weberror", lambda error: errors.append(str(error.error)))
        yield context
        await context.close()
        assert errors == []

    @contextlib.asynccontextmanager
    async def customer(self, language: str, customer: str = "", *, size: dict[str, int] = DESKTOP) -> AsyncIterator[Shop]:
        """A customer on the demo shop's page, with nothing left open from before; anonymous without a customer's number."""
        async with self.context(size=size, language=language) as context:
            address = f"{self.system.url}/demo?{urlencode({'lang': language, **({'customer': customer} if customer else {})})}"
            if customer:
                await self.reception.close_the_talk_of(await self._identity(context, address))
                long_ago(self.system)
            yield await Shop.visit(await context.new_page(), address)

    async def _identity(self, context: BrowserContext, address: str) -> str:
        """Return the shop's word for its customer, as its page gives it to the widget."""
        page = await (await context.request.get(address)).text()
        return page.split('data-identity="', 1)[1].split('"', 1)[0]

    @contextlib.asynccontextmanager
    async def agent(
        self, language: str = "zh", *, size: dict[str, int] = OFFICE, colleague: Reception | None = None, known: bool = True
    ) -> AsyncIterator[Desk]:
        """The demo agent or a colleague at the desk, logged in already if `known`."""
        async with self.context(size=size, language=language) as context:
            desk = Desk(await context.new_page(), self.system.url)
            if known:
                cookie = (colleague or self.reception).cookie
                await context.add_cookies([{"name": COOKIE, "value": cookie, "url": self.system.url}])
            await desk.open()
            yield desk

    async def picture(self, page: Page, name: str) -> None:
        self.pictures.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=self.pictures / f"{name}.png", animations="disabled")

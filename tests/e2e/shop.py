"""The demo shop's page with the widget, as its customer uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect


@dataclass(frozen=True)
class Shop:
    page: Page

    @classmethod
    async def visit(cls, page: Page, address: str) -> Shop:
        await page.goto(address)
        shop = cls(page)
        await expect(shop.launcher).to_be_visible()
        return shop

    @property
    def widget(self) -> Locator:
        return self.page.locator("yingda-widget")

    @property
    def launcher(self) -> Locator:
        return self.widget.locator(".launcher")

    @property
    def panel(self) -> Locator:
        return self.widget.locator("dialog.panel")

    @property
    def input(self) -> Locator:
        return self.panel.locator("textarea").last

    @property
    def status(self) -> Locator:
        return self.panel.locator(".status")

    @property
    def human_button(self) -> Locator:
        return self.panel.locator("header .human")

    def entries(self, sender: str = "") -> Locator:
        return self.panel.locator(f".entries > .{sender}" if sender else ".entries > .entry")

    @property
    def greeting(self) -> Locator:
        """Stands after what was said in earlier conversations, until a new one begins."""
        return self.entries("bot").last

    @property
    def news(self) -> Locator:
        """What was said after the customer's last word."""
        return self.panel.locator(".entries > .entry:not(:has(~ .customer)):not(.customer)")

    async def open(self) -> None:
        await self.launcher.click()
        await expect(self.panel).to_be_visible()
        await self.panel.evaluate("panel => Promise.allSettled(panel.getAnimations().map(one => one.finished))")  # it slides in
        await expect(self.entries("bot").last).to_be_visible()

    async def say(self, text: str) -> None:
        await self.input.fill(text)
        await self.input.press("Enter")
        await expect(self.entries("customer").last).to_contain_text(text.split("\n")[0])

    async def ask(self, text: str, answer: str) -> None:
        """Say something and wait for an answer that fits the pattern."""
        await self.say(text)
        await self.hears(answer)

    async def hears(self, pattern: str, sender: str = "bot") -> None:
        """Wait until something that fits the pattern was said after the customer's last word."""
        said = self.panel.locator(f".entries > .{sender}:not(:has(~ .customer))").filter(has_text=re.compile(pattern))
        await expect(said.first).to_be_visible()

    async def press(self, title: str, answer: str) -> None:
        """Press a button or card of the newest answer and wait for what follows."""
        said = await self.entries("customer").count()
        button = self.news.get_by_role("button").filter(has_text=re.compile(title))
        await button.first.click()
        await expect(self.entries("customer")).to_have_count(said + 1)
        await self.hears(answer)

    async def call_human(self) -> None:
        await self.human_button.click()
        await expect(self.status).to_have_attribute("data-kind", "waiting")
        await expect(self.human_button).to_be_hidden()

    async def rate(self, score: int, comment: str = "") -> None:
        form = self.panel.locator("form.csat")
        await form.locator("input[type=radio]").nth(score - 1).check(force=True)
        await form.locator("textarea").fill(comment)
        await form.locator("button").click()
        await expect(form).to_have_count(0)

    async def overflows_sideways(self) -> bool:
        return bool(await self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

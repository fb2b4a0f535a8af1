"""The agents' desk, as an agent uses it."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect


@dataclass(frozen=True)
class Desk:
    page: Page
    url: str

    async def open(self) -> None:
        await self.page.goto(f"{self.url}/desk")
        await expect(self.page.locator(".presence[data-presence=online], .login-card")).to_be_visible()

    async def log_in(self, username: str, password: str) -> None:
        await self.page.locator("#username").fill(username)
        await self.page.locator("#password").fill(password)
        await self.page.locator(".login-card button").click()

    def waiting(self, text: str = "") -> Locator:
        return self.page.locator("li.entry:has(.entry-claim)").filter(has_text=text)

    @property
    def mine(self) -> Locator:
        return self.page.locator("li.entry:not(:has(.entry-claim)):visible")

    @property
    def handoff(self) -> Locator:
        return self.page.locator(".handoff")

    @property
    def customer(self) -> Locator:
        return self.page.locator(".customer-body")

    @property
    def reply_box(self) -> Locator:
        return self.page.locator("#reply")

    @property
    def toasts(self) -> Locator:
        return self.page.locator(".toast")

    def said(self, sender: str) -> Locator:
        """What a customer, bot, agent or the system has said in the open conversation."""
        return self.page.locator(f".messages .{sender}")

    async def preview(self, text: str = "") -> None:
        """Look at a waiting conversation without taking it."""
        await self.waiting(text).first.locator(".entry-main").click()
        await expect(self.said("customer").first).to_be_visible()

    async def claim(self, text: str = "") -> None:
        await self.waiting(text).first.locator(".entry-claim").click()
        await expect(self.reply_box).to_be_visible()
        await expect(self.handoff).to_be_visible()

    async def reply(self, text: str) -> None:
        await self.reply_box.fill(text)
        await self.reply_box.press("Enter")
        await expect(self.page.locator(".messages .agent:not(.pending)").last).to_contain_text(text)

    async def resolve(self) -> None:
        await self.page.locator(".resolve-button").click()
        await self.page.locator("dialog button[value=yes]").click()
        await expect(self.page.locator(".resolve-button")).to_have_count(0)

    async def overflows_sideways(self) -> bool:
        return bool(await self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

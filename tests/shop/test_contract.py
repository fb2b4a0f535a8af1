"""The contract test that companies run: it finds nothing at a shop that keeps the rules, and what is broken at one that does not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.crypto import Cipher
from bot.database import Database
from bot.effects import EffectKey
from bot.errors import NotFoundError
from bot.shop.client import ShopClient
from bot.shop.contract import Finding, check_contract
from bot.shop.demo import DemoShop
from bot.shop.protocol import Order, OrderStatus, Shop
from bot.shop.remote import RemoteShop
from tests.shop.company import Company
from tests.shop.conftest import LEAVING, LOYAL, NOW, SECRET, find_order


@pytest.fixture
async def endpoint(company_url: str) -> AsyncIterator[RemoteShop]:
    """The company's shop as `yingda shop check` calls it: without a database of ours."""
    shop = RemoteShop(company_url, SECRET)
    yield shop
    await shop.close()


async def check(shop: Shop, **options: object) -> list[Finding]:
    order = await find_order(shop, LOYAL, OrderStatus.DELIVERED)
    return await check_contract(shop, customer_id=LOYAL, order_number=order.number, phone_last4="1357", now=NOW, **options)  # type: ignore[arg-type]


async def test_a_shop_that_keeps_the_contract_passes(endpoint: RemoteShop, company_url: str) -> None:
    stranger = RemoteShop(company_url, "another secret")

    findings = await check(endpoint, stranger=stranger, changes=True)
    await stranger.close()

    assert [finding for finding in findings if not finding.kept] == []
    assert len(findings) == 15


async def test_without_leave_nothing_is_changed(endpoint: RemoteShop, company: Company) -> None:
    before = await company.shop.orders(LOYAL, limit=50)

    findings = await check(endpoint)

    assert all(finding.kept for finding in findings)
    assert await company.shop.orders(LOYAL, limit=50) == before


class Careless(DemoShop):
    """Shows every order to everybody, oldest first, and proves it by any digits."""

    async def orders(self, customer_id: str, *, limit: int = 5) -> list[Order]:
        return (await super().orders(customer_id, limit=limit))[::-1]

    async def order(self, number: str, *, customer_id: str) -> Order:
        for who in (customer_id, LOYAL):
            try:
                return await super().order(number, customer_id=who)
            except NotFoundError:
                continue
        raise NotFoundError(number)

    async def cancel_order(self, number: str, *, key: EffectKey) -> Order:
        return await self.order(number, customer_id=LOYAL)

    async def prove_order(self, number: str, *, phone_last4: str) -> Order:
        return await self.order(number, customer_id=LOYAL)


async def test_a_careless_shop_is_found_out(database: Database, cipher: Cipher) -> None:
    findings = await check(Careless(database, cipher, now=lambda: NOW))

    broken = {finding.rule: finding.detail for finding in findings if not finding.kept}
    assert set(broken) == {
        "orders are listed newest first",
        "an order is shown to its customer only",
        "an order is proved by the phone's last four digits",
    }
    assert "another customer" in broken["an order is shown to its customer only"]


async def test_a_shop_that_is_not_there_keeps_no_rule() -> None:
    nowhere = RemoteShop("http://127.0.0.1:9", SECRET, client=ShopClient("http://127.0.0.1:9", SECRET, attempts=1))

    findings = await check_contract(nowhere, customer_id=LEAVING, order_number="A1", phone_last4="0000")
    await nowhere.close()

    assert not any(finding.kept for finding in findings)

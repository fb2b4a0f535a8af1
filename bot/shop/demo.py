"""The demo company: the shop's Protocol on our own SQL tables."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.crypto import Cipher
from bot.database import Database
from bot.database import shop as tables
from bot.effects import EffectKey, begin, finish
from bot.errors import NotFoundError
from bot.ids import utcnow
from bot.shop import demo_changes as changes
from bot.shop import summaries
from bot.shop.demo_rows import (
    IDENTITY,
    open_receiver,
    product_from,
    read_coupons,
    read_membership,
    read_order,
    read_orders,
    read_returns,
    read_shipments,
    typed_number,
)
from bot.shop.protocol import Contact, Coupon, Invoice, Membership, Order, Product, Return, Shipment
from bot.shop.rules import check_offer, check_return, clean_address, clean_tax_number, clean_title
from bot.shop.search import Catalogue, Entry

CATALOGUE_TTL_S = 60.0  # a price that changes is seen within a minute
MOST = 100  # of anything asked for at once

T = TypeVar("T", bound=msgspec.Struct)


class DemoShop:
    """Orders, shipments, returns, invoices and memberships of the demo company. Each change is one fenced transaction."""

    def __init__(self, database: Database, cipher: Cipher, *, now: Callable[[], datetime] = utcnow) -> None:
        self._database = database
        self._cipher = cipher
        self._now = now
        self._catalogue = Catalogue([])
        self._catalogue_until = 0.0

    async def orders(self, customer_id: str, *, limit: int = 5) -> list[Order]:
        async with self._database.read() as connection:
            return await read_orders(connection, self._cipher, tables.orders.c.customer_id == customer_id, limit=_bounded(limit))

    async def order(self, number: str, *, customer_id: str) -> Order:
        async with self._database.read() as connection:
            return await read_order(connection, self._cipher, number, tables.orders.c.customer_id == customer_id)

    async def prove_order(self, number: str, *, phone_last4: str) -> Order:
        wrong = NotFoundError(f"there is no order {number[:40]!r} whose receiver's phone ends in these digits")
        async with self._database.read() as connection:
            query = sa.select(tables.orders.c.receiver).where(tables.orders.c.number == typed_number(number))
            receiver = (await connection.execute(query)).scalar_one_or_none()
            if receiver is None:
                raise wrong
            phone = open_receiver(self._cipher, receiver)["phone"]
            if not hmac.compare_digest(phone[-4:].encode(), phone_last4.strip().encode()):
                raise wrong
            return await read_order(connection, self._cipher, number)

    async def shipment(self, tracking_number: str, *, customer_id: str) -> Shipment:
        mine = sa.select(tables.orders.c.number).where(tables.orders.c.customer_id == customer_id)
        wanted = tables.shipments.c.tracking_number == typed_number(tracking_number)
        async with self._database.read() as connection:
            found = await read_shipments(connection, wanted, tables.shipments.c.order_number.in_(mine))
        if not found:
            raise NotFoundError(f"there is no shipment {tracking_number[:40]!r} here")
        return found[0]

    async def returns(self, customer_id: str, *, limit: int = 5) -> list[Return]:
        async with self._database.read() as connection:
            return await read_returns(connection, customer_id, limit=_bounded(limit))

    async def membership(self, customer_id: str) -> Membership:
        async with self._database.read() as connection:
            return await read_membership(connection, customer_id)

    async def coupons(self, customer_id: str) -> list[Coupon]:
        async with self._database.read() as connection:
            return await read_coupons(connection, customer_id, now=self._now())

    async def products(self, skus: list[str]) -> list[Product]:
        return (await self._current_catalogue()).products(skus[:MOST])

    async def search_products(self, text: str, *, limit: int = 3) -> list[Product]:
        return (await self._current_catalogue()).search(text, limit=_bounded(limit))

    async def contact(self, customer_id: str) -> Contact:
        query = sa.select(tables.shop_customers.c.identity).where(tables.shop_customers.c.customer_id == customer_id)
        async with self._database.read() as connection:
            identity = (await connection.execute(query)).scalar_one_or_none()
        if identity is None:
            raise NotFoundError(f"there is no customer {customer_id[:64]!r}")
        return Contact(customer_id=customer_id, **json.loads(self._cipher.decrypt(identity, column=IDENTITY)))

    async def healthy(self) -> bool:
        try:
            async with self._database.read() as connection:
                await connection.execute(sa.select(sa.literal(1)))
        except (SQLAlchemyError, OSError):
            return False
        return True

    async def create_return(self, order_number: str, line_id: str, *, kind: str, reason: str, key: EffectKey) -> Return:
        check_return(kind, reason)
        deed = partial(changes.create_return, self._cipher, order_number, line_id, kind=kind, reason=reason)
        return await self._change(key, Return, deed, partial(summaries.return_created, order_number))

    async def cancel_order(self, number: str, *, key: EffectKey) -> Order:
        return await self._change(key, Order, partial(changes.cancel_order, self._cipher, number), summaries.order_cancelled)

    async def change_address(self, number: str, *, address: str, key: EffectKey) -> Order:
        deed = partial(changes.change_address, self._cipher, number, clean_address(address))
        return await self._change(key, Order, deed, summaries.address_changed)

    async def issue_invoice(self, number: str, *, title: str, tax_number: str, key: EffectKey) -> Invoice:
        deed = partial(changes.issue_invoice, self._cipher, number, title=clean_title(title), tax_number=clean_tax_number(tax_number))
        return await self._change(key, Invoice, deed, summaries.invoice_issued)

    async def protect_price(self, number: str, *, key: EffectKey) -> Coupon:
        deed = partial(changes.protect_price, self._cipher, number)
        return await self._change(key, Coupon, deed, partial(summaries.price_protected, number))

    async def cancel_membership(self, customer_id: str, *, key: EffectKey) -> Membership:
        return await self._change(key, Membership, partial(changes.cancel_membership, customer_id), summaries.membership_cancelled)

    async def grant_offer(self, customer_id: str, *, kind: str, value: int, key: EffectKey) -> Coupon:
        check_offer(kind, value)
        return await self._change(key, Coupon, partial(changes.grant_offer, customer_id, kind, value), summaries.offer_granted)

    async def close(self) -> None:
        """Nothing to give back: the database belongs to whoever opened it."""

    async def _change(
        self,
        key: EffectKey,
        kind: type[T],
        deed: Callable[[AsyncConnection, datetime], Awaitable[T]],
        summary: Callable[[T], summaries.Summary],
    ) -> T:
        """Fence, deed and record in one transaction; an earlier run's result instead, when there was one."""
        async with self._database.write() as connection:
            effect = await begin(connection, key)
            if effect.done:
                return msgspec.convert(effect.result, kind)
            made = await deed(connection, self._now())
            await finish(connection, effect, summary=summary(made), result=msgspec.to_builtins(made))
            return made

    async def _current_catalogue(self) -> Catalogue:
        if time.monotonic() >= self._catalogue_until:
            async with self._database.read() as connection:
                rows = (await connection.execute(sa.select(tables.products).order_by(tables.products.c.sku))).all()
            self._catalogue = Catalogue(Entry(product_from(row), tuple(row.attributes.get("keywords", ()))) for row in rows)
            self._catalogue_until = time.monotonic() + CATALOGUE_TTL_S
        return self._catalogue


def _bounded(limit: int) -> int:
    return min(max(limit, 0), MOST)

"""A company's own shop over signed HTTP, as `openapi.yaml` describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from bot.database import Database
from bot.database.conversations import effects
from bot.effects import Effect, EffectKey, begin, finish
from bot.errors import NotFoundError
from bot.shop import summaries
from bot.shop.client import ShopClient
from bot.shop.protocol import Contact, Coupon, Invoice, Membership, Order, Product, Return, Shipment, ShopRefusal
from bot.shop.rules import check_offer, check_return, clean_address, clean_tax_number, clean_title

T = TypeVar("T", bound=msgspec.Struct)


class RemoteShop:
    """The shop's Protocol over HTTP. With a database, changes are fenced and recorded there in two steps around the call.

    Between those steps the bot may lose the conversation: what the shop did then is recorded all the same, and the agent is told.
    """

    def __init__(self, url: str, secret: str, *, database: Database | None = None, client: ShopClient | None = None) -> None:
        self._client = client or ShopClient(url, secret)
        self._database = database

    async def orders(self, customer_id: str, *, limit: int = 5) -> list[Order]:
        orders = await self._client.get(list[Order], "customers", customer_id, "orders", query=[("limit", str(limit))])
        return [order for order in orders if order.customer_id == customer_id]

    async def order(self, number: str, *, customer_id: str) -> Order:
        order = await self._client.get(Order, "customers", customer_id, "orders", number)
        if order.customer_id != customer_id:  # a shop that forgets to check must not show one customer another's things
            raise NotFoundError(f"there is no order {number[:40]!r} here")
        return order

    async def prove_order(self, number: str, *, phone_last4: str) -> Order:
        return await self._client.send(Order, "POST", "order-proofs", body={"number": number, "phone_last4": phone_last4})

    async def shipment(self, tracking_number: str, *, customer_id: str) -> Shipment:
        return await self._client.get(Shipment, "customers", customer_id, "shipments", tracking_number)

    async def returns(self, customer_id: str, *, limit: int = 5) -> list[Return]:
        return await self._client.get(list[Return], "customers", customer_id, "returns", query=[("limit", str(limit))])

    async def membership(self, customer_id: str) -> Membership:
        return await self._client.get(Membership, "customers", customer_id, "membership")

    async def coupons(self, customer_id: str) -> list[Coupon]:
        return await self._client.get(list[Coupon], "customers", customer_id, "coupons")

    async def products(self, skus: list[str]) -> list[Product]:
        return await self._client.get(list[Product], "products", query=[("sku", sku) for sku in skus]) if skus else []

    async def search_products(self, text: str, *, limit: int = 3) -> list[Product]:
        return await self._client.get(list[Product], "products", "search", query=[("q", text[:200]), ("limit", str(limit))])

    async def contact(self, customer_id: str) -> Contact:
        return await self._client.get(Contact, "customers", customer_id, "contact")

    async def healthy(self) -> bool:
        return await self._client.reachable()

    async def create_return(self, order_number: str, line_id: str, *, kind: str, reason: str, key: EffectKey) -> Return:
        check_return(kind, reason)
        body = {"line_id": line_id, "kind": kind, "reason": reason}
        summary = partial(summaries.return_created, order_number)
        return await self._change(key, Return, summary, "POST", "orders", order_number, "returns", body=body)

    async def cancel_order(self, number: str, *, key: EffectKey) -> Order:
        return await self._change(key, Order, summaries.order_cancelled, "POST", "orders", number, "cancellation")

    async def change_address(self, number: str, *, address: str, key: EffectKey) -> Order:
        body = {"address": clean_address(address)}
        return await self._change(key, Order, summaries.address_changed, "PUT", "orders", number, "address", body=body)

    async def issue_invoice(self, number: str, *, title: str, tax_number: str, key: EffectKey) -> Invoice:
        body = {"title": clean_title(title), "tax_number": clean_tax_number(tax_number)}
        return await self._change(key, Invoice, summaries.invoice_issued, "POST", "orders", number, "invoice", body=body)

    async def protect_price(self, number: str, *, key: EffectKey) -> Coupon:
        summary = partial(summaries.price_protected, number)
        return await self._change(key, Coupon, summary, "POST", "orders", number, "price-protection")

    async def cancel_membership(self, customer_id: str, *, key: EffectKey) -> Membership:
        pieces = ("customers", customer_id, "membership", "cancellation")
        return await self._change(key, Membership, summaries.membership_cancelled, "POST", *pieces)

    async def grant_offer(self, customer_id: str, *, kind: str, value: int, key: EffectKey) -> Coupon:
        check_offer(kind, value)
        body = {"kind": kind, "value": value}
        return await self._change(key, Coupon, summaries.offer_granted, "POST", "customers", customer_id, "offers", body=body)

    async def close(self) -> None:
        await self._client.close()

    async def _change(
        self,
        key: EffectKey,
        kind: type[T],
        summary: Callable[[T], summaries.Summary],
        method: str,
        *pieces: str,
        body: Mapping[str, Any] | None = None,
    ) -> T:
        """Record the intention behind the fence, call, record the outcome; without an answer the intention stays pending.

        A second run of the turn calls again with the same Idempotency-Key, and the shop answers what it answered before.
        """
        if self._database is None:
            return await self._client.send(kind, method, *pieces, body=body, idempotency_key=str(key))
        async with self._database.write() as connection:
            effect = await begin(connection, key)
        if effect.done:
            return msgspec.convert(effect.result, kind)
        try:
            made = await self._client.send(kind, method, *pieces, body=body, idempotency_key=str(key))
        except (ShopRefusal, NotFoundError):
            await _refused(self._database, effect)
            raise
        async with self._database.write() as connection:
            await finish(connection, effect, summary=summary(made), result=msgspec.to_builtins(made))
        return made


async def _refused(database: Database, effect: Effect) -> None:
    """Record that nothing was changed; another run may ask again."""
    key = effect.key
    where = (effects.c.conversation_id == key.conversation_id, effects.c.message_id == key.message_id, effects.c.action == key.action)
    async with database.write() as connection:
        await connection.execute(sa.update(effects).where(*where, effects.c.state == "pending").values(state="failed"))

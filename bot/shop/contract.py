"""A test of the contract in `openapi.yaml` that a company runs against its own endpoint (`yingda shop check`).

It reads, and asks for changes only of things that do not exist; with `changes=True` it issues an invoice for the test order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bot.effects import EffectKey
from bot.errors import BotError, NotFoundError, ServiceError
from bot.ids import new_id, utcnow
from bot.shop.protocol import Order, Refusal, Shop, ShopRefusal

NOBODY = "yingda-check-nobody"
NOTHING = "YINGDA-CHECK-0"


@dataclass(frozen=True)
class Finding:
    """One rule of the contract: kept or not, and what was seen."""

    rule: str
    kept: bool
    detail: str


@dataclass(frozen=True)
class Sample:
    """The shop, and a customer of it with an order to test with."""

    shop: Shop
    customer_id: str
    order_number: str
    phone_last4: str
    stranger: Shop | None
    now: datetime

    async def order(self) -> Order:
        return await self.shop.order(self.order_number, customer_id=self.customer_id)


class Broken(Exception):
    """A rule that the shop does not keep; the message says what was seen instead."""


Check = Callable[[Sample], Awaitable[str]]


async def check_contract(
    shop: Shop,
    *,
    customer_id: str,
    order_number: str,
    phone_last4: str,
    stranger: Shop | None = None,
    changes: bool = False,
    now: datetime | None = None,
) -> list[Finding]:
    """Return one finding for each rule, in the order checked. `stranger` is the same shop called with a secret that is not its own."""
    sample = Sample(shop, customer_id, order_number, phone_last4, stranger, now or utcnow())
    rules = {**READING, **({"a wrong signature is refused": _stranger} if stranger else {}), **(CHANGING if changes else {})}
    return [await _finding(rule, check, sample) for rule, check in rules.items()]


async def _finding(rule: str, check: Check, sample: Sample) -> Finding:
    try:
        return Finding(rule, True, await check(sample))
    except (Broken, BotError) as error:
        return Finding(rule, False, str(error))


async def _health(sample: Sample) -> str:
    _expect(await sample.shop.healthy(), "GET /health did not answer 200")
    return "answers"


async def _orders(sample: Sample) -> str:
    orders = await sample.shop.orders(sample.customer_id, limit=5)
    _expect(bool(orders), f"customer {sample.customer_id} has no orders; name one who has")
    _expect(len(orders) <= 5, f"limit=5 was answered with {len(orders)} orders")
    times = [order.placed_at for order in orders]
    _expect(times == sorted(times, reverse=True), "the orders are not sorted newest first")
    one = await sample.shop.orders(sample.customer_id, limit=1)
    _expect(one == orders[:1], "limit=1 was not answered with just the newest order")
    return f"{len(orders)} orders, newest first"


async def _order(sample: Sample) -> str:
    order = await sample.order()
    _expect(order.number == sample.order_number, f"asked for {sample.order_number}, answered with {order.number}")
    _expect(bool(order.lines), "the order has no lines")
    _expect(len({line.id for line in order.lines}) == len(order.lines), "two lines have the same id")
    amounts = [order.total, *(line.price for line in order.lines)]
    _expect(
        all(len(money.currency) == 3 and money.currency.isupper() for money in amounts), "a currency is not an ISO 4217 code such as CNY"
    )
    return f"{order.status}, {len(order.lines)} lines"


async def _order_of_nobody(sample: Sample) -> str:
    await _expect_not_found(sample.shop.order(NOTHING, customer_id=sample.customer_id), "an order that does not exist")
    await _expect_not_found(sample.shop.order(sample.order_number, customer_id=NOBODY), "the order, asked for by another customer")
    return "404 for both"


async def _proof(sample: Sample) -> str:
    order = await sample.shop.prove_order(sample.order_number, phone_last4=sample.phone_last4)
    _expect(order.number == sample.order_number, f"proved {sample.order_number}, answered with {order.number}")
    wrong = "0000" if sample.phone_last4 != "0000" else "1111"
    await _expect_not_found(sample.shop.prove_order(sample.order_number, phone_last4=wrong), "the order with wrong digits")
    await _expect_not_found(sample.shop.prove_order(NOTHING, phone_last4=sample.phone_last4), "an order that does not exist")
    return "right digits prove it, wrong ones do not"


async def _shipments(sample: Sample) -> str:
    known = (await sample.order()).shipments
    for shipment in known:
        alone = await sample.shop.shipment(shipment.tracking_number, customer_id=sample.customer_id)
        times = [event.at for event in alone.events]
        _expect(times == sorted(times, reverse=True), f"the events of {shipment.tracking_number} are not sorted newest first")
        _expect(alone.order_number == sample.order_number, f"{shipment.tracking_number} names order {alone.order_number}")
        await _expect_not_found(sample.shop.shipment(shipment.tracking_number, customer_id=NOBODY), "another customer's shipment")
    await _expect_not_found(sample.shop.shipment(NOTHING, customer_id=sample.customer_id), "a shipment that does not exist")
    return f"{len(known)} shipments of the order"


async def _returns(sample: Sample) -> str:
    returns = await sample.shop.returns(sample.customer_id, limit=5)
    times = [sent.requested_at for sent in returns]
    _expect(len(returns) <= 5 and times == sorted(times, reverse=True), "the returns are not the newest 5, newest first")
    return f"{len(returns)} returns"


async def _membership(sample: Sample) -> str:
    await _expect_not_found(sample.shop.membership(NOBODY), "the membership of a customer who does not exist")
    try:
        return (await sample.shop.membership(sample.customer_id)).status
    except NotFoundError:
        return "the customer has none"


async def _coupons(sample: Sample) -> str:
    coupons = await sample.shop.coupons(sample.customer_id)
    _expect(all(coupon.expires_at > sample.now for coupon in coupons), "there is one that has expired")
    return f"{len(coupons)} coupons"


async def _products(sample: Sample) -> str:
    skus = list(dict.fromkeys(line.product.sku for line in (await sample.order()).lines))
    found = await sample.shop.products([*reversed(skus), NOTHING])
    _expect(
        [product.sku for product in found] == list(reversed(skus)),
        f"asked for {skus} reversed and one unknown, got {[product.sku for product in found]}",
    )
    for language in ("zh", "en"):
        name = found[0].name(language)
        hits = await sample.shop.search_products(name, limit=3)
        _expect(found[0].sku in {hit.sku for hit in hits}, f"searching for {name!r} does not find {found[0].sku}")
    return "in the order asked for, unknown ones left out, found by name"


async def _contact(sample: Sample) -> str:
    contact = await sample.shop.contact(sample.customer_id)
    _expect(contact.phone.startswith("+") and contact.phone[1:].isdigit(), "the phone is not E.164, such as +8613800000000")
    await _expect_not_found(sample.shop.contact(NOBODY), "the contact of a customer who does not exist")
    return "with a phone in E.164"


async def _change_of_nothing(sample: Sample) -> str:
    await _expect_not_found(sample.shop.cancel_order(NOTHING, key=_key()), "the cancellation of an order that does not exist")
    return "404"


async def _stranger(sample: Sample) -> str:
    if sample.stranger is None:
        raise Broken("no shop with another secret was given")
    try:
        await sample.stranger.orders(sample.customer_id)
    except ServiceError as error:
        _expect(error.permanent, f"it was not refused with 401, but failed otherwise: {error}")
        return "refused"
    raise Broken("a request signed with another secret was answered")


async def _idempotency(sample: Sample) -> str:
    key = _key()
    first = await sample.shop.issue_invoice(sample.order_number, title="Yingda contract check", tax_number="", key=key)
    again = await sample.shop.issue_invoice(sample.order_number, title="Yingda contract check", tax_number="", key=key)
    _expect(first == again, f"the same Idempotency-Key gave invoice {first.number}, then {again.number}")
    return f"the same key gave invoice {first.number} twice"


async def _refusal(sample: Sample) -> str:
    try:
        await sample.shop.issue_invoice(sample.order_number, title="Yingda contract check", tax_number="", key=_key())
    except ShopRefusal as refusal:
        _expect(refusal.reason == Refusal.INVOICE_ISSUED, f"refused with {refusal.reason}; expected {Refusal.INVOICE_ISSUED}")
        return refusal.reason
    raise Broken("a second invoice was issued under another key")


READING: dict[str, Check] = {
    "the shop says that it is well": _health,
    "orders are listed newest first": _orders,
    "an order is complete": _order,
    "an order is shown to its customer only": _order_of_nobody,
    "an order is proved by the phone's last four digits": _proof,
    "shipments have their events newest first": _shipments,
    "returns are listed newest first": _returns,
    "a membership is shown": _membership,
    "coupons can still be used": _coupons,
    "products are found": _products,
    "a customer's contact is shown": _contact,
    "a change of nothing is refused": _change_of_nothing,
}
CHANGING: dict[str, Check] = {
    "the same key changes the world once": _idempotency,
    "a change against the rules names its reason": _refusal,
}


def _key() -> EffectKey:
    return EffectKey("contract-check", new_id(), "shop_check", 1)


def _expect(kept: bool, otherwise: str) -> None:
    if not kept:
        raise Broken(otherwise)


async def _expect_not_found(answer: Awaitable[object], what: str) -> None:
    try:
        await answer
    except NotFoundError:
        return
    raise Broken(f"{what} was answered; it must be 404")

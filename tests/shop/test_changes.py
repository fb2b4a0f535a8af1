"""What the shop changes: once, by its rules, behind the fence; the same in our own SQL and over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import sqlalchemy as sa

from bot.database import Database
from bot.database.conversations import conversations, effects
from bot.effects import EffectKey
from bot.errors import ConflictError, InputError, NotFoundError
from bot.languages import notice
from bot.shop.protocol import OrderStatus, Refusal, Shop, ShopRefusal
from tests.shop.conftest import HAPPY, LEAVING, LOYAL, NO_MEMBER, NOW, WAITING, Key, find_order

Change = Callable[[Shop, EffectKey], Awaitable[object]]


async def _return(shop: Shop, key: EffectKey) -> object:
    order = await find_order(shop, LOYAL, OrderStatus.DELIVERED)
    return await shop.create_return(order.number, order.lines[0].id, kind="return", reason="damaged", key=key)


async def _cancel(shop: Shop, key: EffectKey) -> object:
    return await shop.cancel_order((await shop.orders(WAITING, limit=1))[0].number, key=key)


async def _address(shop: Shop, key: EffectKey) -> object:
    return await shop.change_address((await shop.orders(WAITING, limit=1))[0].number, address="浙江省杭州市西湖区文三路88号", key=key)


async def _invoice(shop: Shop, key: EffectKey) -> object:
    order = await find_order(shop, LOYAL, OrderStatus.DELIVERED)
    return await shop.issue_invoice(order.number, title="上海恒远科技有限公司", tax_number="91000000ma 12345678", key=key)


async def _protect(shop: Shop, key: EffectKey) -> object:
    return await shop.protect_price((await find_order(shop, LOYAL, OrderStatus.DELIVERED)).number, key=key)


async def _leave(shop: Shop, key: EffectKey) -> object:
    return await shop.cancel_membership(LEAVING, key=key)


async def _offer(shop: Shop, key: EffectKey) -> object:
    return await shop.grant_offer(LEAVING, kind="amount", value=5000, key=key)


CHANGES: list[Change] = [_return, _cancel, _address, _invoice, _protect, _leave, _offer]
every_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))


async def _refusal(change: Awaitable[object]) -> Refusal:
    with pytest.raises(ShopRefusal) as caught:
        await change
    return caught.value.reason


@every_change
async def test_the_same_key_changes_the_world_once(shop: Shop, key: Key, database: Database, change: Change) -> None:
    first = await change(shop, key())
    world = await _world(shop)

    assert await change(shop, key()) == first

    assert await _world(shop) == world
    async with database.read() as connection:
        (effect,) = (await connection.execute(sa.select(effects))).all()
    assert effect.state == "done"


@every_change
async def test_what_was_done_can_be_said_in_both_languages(shop: Shop, key: Key, database: Database, change: Change) -> None:
    await change(shop, key())

    async with database.read() as connection:
        summary = (await connection.execute(sa.select(effects.c.summary))).scalar_one()
    values = {name: value for name, value in summary.items() if name != "key"}
    for language in ("zh", "en"):
        assert notice(summary["key"], language, **values)


@every_change
async def test_a_stale_epoch_changes_nothing(shop: Shop, key: Key, database: Database, change: Change) -> None:
    before = await _world(shop)

    with pytest.raises(ConflictError, match="no longer owns"):
        await change(shop, key(epoch=2))

    assert await _world(shop) == before
    async with database.read() as connection:
        assert (await connection.execute(sa.select(effects))).all() == []


@every_change
async def test_a_change_after_the_takeover_is_refused(shop: Shop, key: Key, database: Database, change: Change) -> None:
    before = await _world(shop)
    async with database.write() as connection:
        await connection.execute(sa.update(conversations).where(conversations.c.id == "c1").values(status="agent", epoch=2))

    with pytest.raises(ConflictError):
        await change(shop, key())

    assert await _world(shop) == before


async def _world(shop: Shop) -> list[object]:
    """Return all that the changes above would change."""
    return [
        await shop.orders(LOYAL, limit=2),
        await shop.orders(WAITING, limit=1),
        await shop.coupons(LOYAL),
        await shop.coupons(LEAVING),
        await shop.membership(LEAVING),
    ]


async def test_a_return_names_the_money_and_shows_at_the_order(shop: Shop, key: Key) -> None:
    order = await find_order(shop, LOYAL, OrderStatus.DELIVERED)
    line = order.lines[0]

    made = await shop.create_return(order.number, line.id, kind="exchange", reason="wrong_item", key=key())

    assert (made.number, made.status, made.amount, made.requested_at) == (f"R{line.id}", "requested", line.price, NOW)
    assert (await shop.order(order.number, customer_id=LOYAL)).lines[0].return_status == "requested"
    assert await shop.returns(LOYAL, limit=1) == [made]


async def test_one_line_has_one_open_return(shop: Shop, key: Key) -> None:
    await _return(shop, key("m1"))

    assert await _refusal(_return(shop, key("m2"))) == Refusal.RETURN_OPEN
    assert await _refusal(_return(shop, key("m1", conversation="c2"))) == Refusal.RETURN_OPEN


async def test_two_conversations_at_once_make_one_return(shop: Shop, key: Key) -> None:
    tries = [_return(shop, key(conversation=name)) for name in ("c1", "c2")]

    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    refused = [outcome for outcome in outcomes if isinstance(outcome, ShopRefusal)]
    assert [refusal.reason for refusal in refused] == [Refusal.RETURN_OPEN]


async def test_what_is_under_way_or_long_here_is_not_returned(shop: Shop, key: Key) -> None:
    under_way = (await shop.orders(LOYAL, limit=1))[0]
    long_here = [order for order in await shop.orders(LOYAL, limit=50) if order.status == OrderStatus.DELIVERED][-1]

    for order, reason in ((under_way, Refusal.NOT_DELIVERED), (long_here, Refusal.RETURN_PERIOD_OVER)):
        change = shop.create_return(order.number, order.lines[0].id, kind="return", reason="other", key=key())
        assert await _refusal(change) == reason


async def test_a_return_needs_a_line_of_that_order(shop: Shop, key: Key) -> None:
    order, other = (await shop.orders(LOYAL, limit=2))[::-1]

    with pytest.raises(NotFoundError):
        await shop.create_return(order.number, other.lines[0].id, kind="return", reason="other", key=key())
    with pytest.raises(InputError, match="allowed are"):
        await shop.create_return(order.number, order.lines[0].id, kind="gift", reason="other", key=key())
    with pytest.raises(InputError, match="allowed are"):
        await shop.create_return(order.number, order.lines[0].id, kind="return", reason="because", key=key())


async def test_a_paid_order_is_cancelled_and_refunded(shop: Shop, key: Key) -> None:
    order = (await shop.orders(WAITING, limit=1))[0]

    cancelled = await shop.cancel_order(order.number, key=key("m1"))

    assert (cancelled.status, cancelled.payment_status) == (OrderStatus.CANCELLED, "refunded")
    assert await shop.cancel_order(order.number, key=key("m1")) == cancelled
    assert await _refusal(shop.cancel_order(order.number, key=key("m2"))) == Refusal.ALREADY_CANCELLED
    assert await _refusal(shop.change_address(order.number, address="1 High Street, London", key=key("m3"))) == Refusal.ALREADY_CANCELLED
    assert await _refusal(shop.issue_invoice(order.number, title="Me", tax_number="", key=key("m4"))) == Refusal.NOT_PAID


async def test_a_shipped_order_stays_as_it_is(shop: Shop, key: Key) -> None:
    order = (await shop.orders(LOYAL, limit=1))[0]

    assert await _refusal(shop.cancel_order(order.number, key=key())) == Refusal.ALREADY_SHIPPED
    assert await _refusal(shop.change_address(order.number, address="1 High Street, London", key=key())) == Refusal.ALREADY_SHIPPED


async def test_an_address_is_changed_and_its_city_shown(shop: Shop, key: Key) -> None:
    order = (await shop.orders(WAITING, limit=1))[0]

    moved = await shop.change_address(order.number, address=" 浙江省杭州市西湖区文三路88号\n3幢 ", key=key())

    assert (order.city, moved.city) == ("Seattle", "杭州")
    assert await shop.prove_order(order.number, phone_last4="0142") == moved
    with pytest.raises(InputError, match="5 to 200"):
        await shop.change_address(order.number, address="x", key=key())


async def test_an_invoice_is_issued_once(shop: Shop, key: Key) -> None:
    order = await find_order(shop, LOYAL, OrderStatus.DELIVERED)

    invoice = await shop.issue_invoice(order.number, title="林悦", tax_number="", key=key("m1"))

    assert (invoice.title, invoice.amount) == ("林悦", order.total)
    assert (await shop.order(order.number, customer_id=LOYAL)).invoice_number == invoice.number
    assert await _refusal(_invoice(shop, key("m2"))) == Refusal.INVOICE_ISSUED
    with pytest.raises(InputError, match="tax number"):
        await shop.issue_invoice(order.number, title="林悦", tax_number="12", key=key())


async def test_a_price_that_fell_is_made_good_once(shop: Shop, key: Key) -> None:
    coupon = await shop.protect_price((await find_order(shop, LOYAL, OrderStatus.DELIVERED)).number, key=key("m1"))

    assert (coupon.kind, coupon.value, coupon.currency) == ("price_protection", 6000, "CNY")
    assert coupon in await shop.coupons(LOYAL)
    assert await _refusal(_protect(shop, key("m2"))) == Refusal.ALREADY_GRANTED


async def test_a_price_is_not_made_good_without_cause(shop: Shop, key: Key) -> None:
    orders = await shop.orders(LOYAL, limit=50)

    assert await _refusal(shop.protect_price(orders[0].number, key=key())) == Refusal.PRICE_NOT_LOWER
    assert await _refusal(shop.protect_price(orders[-1].number, key=key())) == Refusal.PROTECTION_PERIOD_OVER


async def test_a_membership_is_cancelled_once(shop: Shop, key: Key) -> None:
    membership = await shop.cancel_membership(LEAVING, key=key("m1"))

    assert membership.status == "cancelled"
    assert await shop.membership(LEAVING) == membership
    assert await _refusal(shop.cancel_membership(LEAVING, key=key("m2"))) == Refusal.MEMBERSHIP_NOT_ACTIVE
    assert await _refusal(shop.cancel_membership(NO_MEMBER, key=key("m3"))) == Refusal.NO_MEMBERSHIP


async def test_an_offer_is_granted_once_a_customer(shop: Shop, key: Key) -> None:
    coupon = await shop.grant_offer(LEAVING, kind="percent", value=20, key=key("m1"))

    assert coupon in await shop.coupons(LEAVING)
    assert await _refusal(shop.grant_offer(LEAVING, kind="amount", value=5000, key=key("m2"))) == Refusal.ALREADY_GRANTED
    assert await _refusal(shop.grant_offer(NO_MEMBER, kind="amount", value=5000, key=key("m3"))) == Refusal.NO_MEMBERSHIP
    with pytest.raises(InputError, match="1 to 50"):
        await shop.grant_offer(HAPPY, kind="percent", value=99, key=key())


async def test_months_are_added_at_once(shop: Shop, key: Key) -> None:
    before = await shop.membership(HAPPY)

    await shop.grant_offer(HAPPY, kind="membership_months", value=3, key=key())

    assert 84 <= ((await shop.membership(HAPPY)).renews_at - before.renews_at).days <= 93
    assert await shop.coupons(HAPPY) == []

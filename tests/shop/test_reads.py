"""What the shop shows, the same from our own SQL and over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import NotFoundError
from bot.shop.protocol import OrderStatus, Shop
from tests.shop.conftest import HAPPY, LEAVING, LOYAL, NO_MEMBER, NOW, WAITING, find_order

NOT_A_NUMBER = [
    "",
    ".",
    "..",
    "../../health",
    "A1/../../x",
    "' OR 1=1 --",
    "我的订单",
    "😀",
    "A" * 300,
    "a%2Fb",
    "\x00",
    "A20261114-0001?x=1",
]
WRONG_DIGITS = ["1358", "", "357", "91357", "+8615486201357", "１３５７", "%%%%"]


async def test_orders_come_newest_first_and_complete(shop: Shop) -> None:
    orders = await shop.orders(LOYAL, limit=4)

    assert len(orders) == 4
    assert orders == sorted(orders, key=lambda order: order.placed_at, reverse=True)
    assert [order.status for order in orders[:2]] == [OrderStatus.SHIPPED, OrderStatus.DELIVERED]
    assert all(order.customer_id == LOYAL and order.city == "上海" for order in orders)
    assert all(order.total.minor == sum(line.price.minor * line.quantity for line in order.lines) for order in orders)


async def test_the_delivered_order_of_the_demo_has_two_lines_and_its_way(shop: Shop) -> None:
    order = (await shop.orders(LOYAL))[1]

    (shipment,) = order.shipments
    assert len(order.lines) == 2
    assert [event.code for event in shipment.events] == ["delivered", "out_for_delivery", "arrived_hub", "in_transit", "picked_up"]
    assert NOW - shipment.events[0].at == timedelta(days=5)


async def test_a_late_parcel_says_where_it_hangs(shop: Shop) -> None:
    order = await find_order(shop, WAITING, OrderStatus.SHIPPED)

    assert order.promised_at < NOW
    assert order.shipments[0].events[0].code == "delayed"
    assert order.shipments[0].events[0].city_en == "Shanghai"


async def test_an_order_is_shown_to_its_customer_only(shop: Shop) -> None:
    number = (await shop.orders(LOYAL, limit=1))[0].number

    assert (await shop.order(number, customer_id=LOYAL)).number == number
    with pytest.raises(NotFoundError):
        await shop.order(number, customer_id=LEAVING)


async def test_whatever_a_customer_types_as_a_number_is_not_found(shop: Shop) -> None:
    for number in NOT_A_NUMBER:
        with pytest.raises(NotFoundError):
            await shop.order(number, customer_id=LOYAL)
        with pytest.raises(NotFoundError):
            await shop.shipment(number, customer_id=LOYAL)
        with pytest.raises(NotFoundError):
            await shop.prove_order(number, phone_last4="1357")


async def test_wrong_digits_prove_nothing(shop: Shop) -> None:
    number = (await shop.orders(LOYAL, limit=1))[0].number

    for digits in WRONG_DIGITS:
        with pytest.raises(NotFoundError):
            await shop.prove_order(number, phone_last4=digits)


async def test_the_last_digits_of_the_phone_prove_an_order(shop: Shop) -> None:
    order = (await shop.orders(LOYAL, limit=1))[0]

    assert await shop.prove_order(order.number, phone_last4="1357") == order


async def test_a_shipment_is_shown_to_its_customer_only(shop: Shop) -> None:
    (shipment,) = (await shop.orders(LOYAL, limit=1))[0].shipments

    assert await shop.shipment(shipment.tracking_number, customer_id=LOYAL) == shipment
    with pytest.raises(NotFoundError):
        await shop.shipment(shipment.tracking_number, customer_id=HAPPY)


async def test_returns_come_newest_first(shop: Shop) -> None:
    returns = await shop.returns(LEAVING)

    assert returns == sorted(returns, key=lambda sent: sent.requested_at, reverse=True)
    assert returns[0].status == "refunded"
    assert await shop.returns("nobody") == []


async def test_a_membership_is_shown_and_none_is_not_found(shop: Shop) -> None:
    membership = await shop.membership(HAPPY)

    assert (membership.tier, membership.status, membership.price.minor) == ("platinum", "active", 38800)
    assert membership.renews_at > NOW
    with pytest.raises(NotFoundError):
        await shop.membership(NO_MEMBER)


async def test_coupons_that_can_be_used_are_listed(shop: Shop) -> None:
    coupons = await shop.coupons(LOYAL)

    assert coupons
    assert all(coupon.expires_at > NOW for coupon in coupons)


async def test_products_come_in_the_order_asked_for(shop: Shop) -> None:
    products = await shop.products(["KIT-003", "no such thing", "AUD-001"])

    assert [product.sku for product in products] == ["KIT-003", "AUD-001"]
    assert products[1].name("zh") == "澜声 Air 3 真无线降噪蓝牙耳机"
    assert await shop.products([]) == []


async def test_products_are_found_over_the_whole_way(shop: Shop) -> None:
    found = await shop.search_products("我想买个 bluetooth 耳机 & 充电宝?", limit=3)

    assert 0 < len(found) <= 3
    assert await shop.search_products("qwertz") == []


async def test_a_contact_is_decrypted(shop: Shop) -> None:
    contact = await shop.contact(LOYAL)

    assert (contact.name, contact.phone) == ("林悦", "+8615486201357")
    with pytest.raises(NotFoundError):
        await shop.contact("C999999")


async def test_a_shop_that_answers_is_healthy(shop: Shop) -> None:
    assert await shop.healthy()

"""The demo company's rules for changes. Each function is one deed inside the caller's fenced transaction: checked, then made.

Conditions stand in the UPDATE itself or in a unique index, so that two conversations at once cannot both pass them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.crypto import Cipher
from bot.database import shop as tables
from bot.errors import NotFoundError
from bot.shop.demo_rows import INVOICE_TITLE, RECEIVER, open_receiver, read_membership, read_order, seal
from bot.shop.protocol import Coupon, Invoice, Membership, Money, Order, OrderLine, OrderStatus, Refusal, Return, ShopRefusal
from bot.shop.rules import COUPON_PERIOD, PRICE_PROTECTION, PRICE_PROTECTION_DAYS, RETURN_PERIOD, RETURN_PERIOD_DAYS, city_of

NOT_SHIPPED = (OrderStatus.PLACED, OrderStatus.PAID)


async def create_return(
    cipher: Cipher, order_number: str, line_id: str, connection: AsyncConnection, now: datetime, *, kind: str, reason: str
) -> Return:
    order = await read_order(connection, cipher, order_number)
    line = _line(order, line_id)
    _check_returnable(order, line, now)
    count = sa.select(sa.func.count()).where(tables.returns.c.order_line_id == line.id)
    earlier = (await connection.execute(count)).scalar_one()
    amount = Money(line.price.minor * line.quantity, line.price.currency)
    made = Return(f"R{line.id}" + (f"-{earlier + 1}" if earlier else ""), line.id, kind, reason, "requested", amount, now)
    row = {
        "number": made.number,
        "order_line_id": line.id,
        "kind": kind,
        "reason": reason,
        "status": made.status,
        "amount_minor": amount.minor,
    }
    refusal = ShopRefusal(Refusal.RETURN_OPEN, f"line {line.id} has an open return already")
    await _insert_once(connection, tables.returns, {**row, "requested_at": now}, refusal)
    return made


async def cancel_order(cipher: Cipher, number: str, connection: AsyncConnection, now: datetime) -> Order:
    order = await read_order(connection, cipher, number)
    orders = tables.orders.c
    refunded = sa.case((orders.payment_status == "paid", "refunded"), else_=orders.payment_status)
    await _update_unshipped(connection, order, status=OrderStatus.CANCELLED, cancelled_at=now, payment_status=refunded)
    used = sa.select(orders.coupon).where(orders.number == order.number).scalar_subquery()
    await connection.execute(
        sa.update(tables.coupons)
        .where(tables.coupons.c.code == used, tables.coupons.c.customer_id == order.customer_id)
        .values(used_at=None)
    )
    return await read_order(connection, cipher, order.number)


async def change_address(cipher: Cipher, number: str, address: str, connection: AsyncConnection, _now: datetime) -> Order:
    order = await read_order(connection, cipher, number)
    query = sa.select(tables.orders.c.receiver).where(tables.orders.c.number == order.number)
    receiver = open_receiver(cipher, (await connection.execute(query)).scalar_one())
    moved = seal(cipher, {**receiver, "address": address, "city": city_of(address)}, column=RECEIVER)
    await _update_unshipped(connection, order, receiver=moved)
    return await read_order(connection, cipher, order.number)


async def issue_invoice(cipher: Cipher, number: str, connection: AsyncConnection, now: datetime, *, title: str, tax_number: str) -> Invoice:
    order = await read_order(connection, cipher, number)
    _check_paid(order)
    invoice = Invoice(f"I{order.number}", order.number, title, tax_number, order.total, now)
    row = {"number": invoice.number, "order_number": order.number, "tax_number": tax_number, "amount_minor": order.total.minor}
    sealed = {**row, "title": cipher.encrypt(title, column=INVOICE_TITLE), "issued_at": now}
    refusal = ShopRefusal(Refusal.INVOICE_ISSUED, f"order {order.number} has an invoice already")
    await _insert_once(connection, tables.invoices, sealed, refusal)
    return invoice


async def protect_price(cipher: Cipher, number: str, connection: AsyncConnection, now: datetime) -> Coupon:
    order = await read_order(connection, cipher, number)
    _check_paid(order)
    if now - order.placed_at > PRICE_PROTECTION:
        raise ShopRefusal(Refusal.PROTECTION_PERIOD_OVER, f"order {order.number} is older than {PRICE_PROTECTION_DAYS} days")
    kept = [line for line in order.lines if line.return_status in {"", "rejected"}]
    difference = sum(max(0, line.price.minor - line.product.price.minor) * line.quantity for line in kept)
    if difference == 0:
        raise ShopRefusal(Refusal.PRICE_NOT_LOWER, f"nothing in order {order.number} costs less than was paid for it")
    coupon = Coupon(f"PP-{order.number}", "price_protection", difference, order.total.currency, now + COUPON_PERIOD)
    await _grant(connection, order.customer_id, coupon, source=f"price_protection:{order.number}")
    return coupon


async def cancel_membership(customer_id: str, connection: AsyncConnection, now: datetime) -> Membership:
    membership = await _active_membership(connection, customer_id)
    members = tables.memberships
    cancel = (
        sa.update(members)
        .where(members.c.customer_id == customer_id, members.c.status == "active")
        .values(status="cancelled", cancelled_at=now)
    )
    if (await connection.execute(cancel)).rowcount != 1:
        raise _not_active(membership)
    return await read_membership(connection, customer_id)


async def grant_offer(customer_id: str, kind: str, value: int, connection: AsyncConnection, now: datetime) -> Coupon:
    """Grant it once a customer; months are added to the membership at once, so that coupon is a used one."""
    membership = await _active_membership(connection, customer_id)
    coupon = Coupon(f"KEEP-{customer_id}", kind, value, membership.price.currency, now + COUPON_PERIOD)
    months = kind == "membership_months"
    await _grant(connection, customer_id, coupon, source="retention", used_at=now if months else None)
    if months:
        members = tables.memberships
        extend = sa.update(members).where(members.c.customer_id == customer_id).values(renews_at=_months_later(membership.renews_at, value))
        await connection.execute(extend)
    return coupon


def _line(order: Order, line_id: str) -> OrderLine:
    for line in order.lines:
        if line.id == line_id:
            return line
    raise NotFoundError(f"order {order.number} has no line {line_id[:48]!r}; it has {', '.join(line.id for line in order.lines)}")


def _check_returnable(order: Order, line: OrderLine, now: datetime) -> None:
    delivered = [event.at for shipment in order.shipments for event in shipment.events if event.code == "delivered"]
    if order.status != OrderStatus.DELIVERED or not delivered:
        raise ShopRefusal(Refusal.NOT_DELIVERED, f"order {order.number} is {order.status}; only what was delivered can be returned")
    if now - max(delivered) > RETURN_PERIOD:
        raise ShopRefusal(Refusal.RETURN_PERIOD_OVER, f"order {order.number} was delivered more than {RETURN_PERIOD_DAYS} days ago")
    if line.return_status not in {"", "rejected"}:
        raise ShopRefusal(Refusal.RETURN_OPEN, f"line {line.id} has a return that is {line.return_status}")


def _check_paid(order: Order) -> None:
    if order.payment_status != "paid":
        raise ShopRefusal(Refusal.NOT_PAID, f"the payment of order {order.number} is {order.payment_status}")


async def _update_unshipped(connection: AsyncConnection, order: Order, **values: Any) -> None:
    update = (
        sa.update(tables.orders).where(tables.orders.c.number == order.number, tables.orders.c.status.in_(NOT_SHIPPED)).values(**values)
    )
    if (await connection.execute(update)).rowcount != 1:
        cancelled = order.status == OrderStatus.CANCELLED
        reason = Refusal.ALREADY_CANCELLED if cancelled else Refusal.ALREADY_SHIPPED
        raise ShopRefusal(reason, f"order {order.number} is {order.status}; it can be changed while it is {' or '.join(NOT_SHIPPED)}")


async def _active_membership(connection: AsyncConnection, customer_id: str) -> Membership:
    try:
        membership = await read_membership(connection, customer_id)
    except NotFoundError as error:
        raise ShopRefusal(Refusal.NO_MEMBERSHIP, str(error)) from error
    if membership.status != "active":
        raise _not_active(membership)
    return membership


def _not_active(membership: Membership) -> ShopRefusal:
    return ShopRefusal(Refusal.MEMBERSHIP_NOT_ACTIVE, f"the membership of {membership.customer_id} is {membership.status}, not active")


async def _grant(connection: AsyncConnection, customer_id: str, coupon: Coupon, *, source: str, used_at: datetime | None = None) -> None:
    row = {"code": coupon.code, "customer_id": customer_id, "kind": coupon.kind, "value": coupon.value, "currency": coupon.currency}
    refusal = ShopRefusal(Refusal.ALREADY_GRANTED, f"customer {customer_id} was granted {source} before")
    await _insert_once(connection, tables.coupons, {**row, "source": source, "expires_at": coupon.expires_at, "used_at": used_at}, refusal)


async def _insert_once(connection: AsyncConnection, table: sa.Table, row: dict[str, Any], refusal: ShopRefusal) -> None:
    """Insert, or refuse where a unique index says that it was done before; the caller's transaction rolls back."""
    try:
        await connection.execute(sa.insert(table).values(row))
    except IntegrityError as error:
        raise refusal from error


def _months_later(moment: datetime, months: int) -> datetime:
    """Return the same day some months later, the 28th at the latest when that day may not exist."""
    month = moment.month - 1 + months
    year, month = moment.year + month // 12, month % 12 + 1
    day = moment.day if moment.day <= 28 else 28
    return moment.replace(year=year, month=month, day=day)

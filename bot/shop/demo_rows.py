"""The demo company's rows read into what the Protocol speaks of; a handful of queries however many orders there are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.crypto import Cipher
from bot.database import shop as tables
from bot.errors import NotFoundError
from bot.shop.protocol import Coupon, Membership, Money, Order, OrderLine, OrderStatus, Product, Return, Shipment, TrackingEvent

RECEIVER = "shop_orders.receiver"
IDENTITY = "shop_customers.identity"
INVOICE_TITLE = "shop_invoices.title"


def typed_number(text: str) -> str:
    """Return a number as a customer typed it, without what no database takes as text, in capitals."""
    return text.encode("utf8", "ignore").decode().replace("\0", "").strip().upper()


def open_receiver(cipher: Cipher, data: bytes) -> dict[str, str]:
    return dict(json.loads(cipher.decrypt(data, column=RECEIVER)))


def seal(cipher: Cipher, values: dict[str, str], *, column: str) -> bytes:
    return cipher.encrypt(json.dumps(values, ensure_ascii=False), column=column)


async def read_orders(connection: AsyncConnection, cipher: Cipher, *where: sa.ColumnElement[bool], limit: int) -> list[Order]:
    """Return the newest orders first, complete with lines, returns, shipments and invoices."""
    query = sa.select(tables.orders).where(*where).order_by(tables.orders.c.placed_at.desc(), tables.orders.c.number.desc()).limit(limit)
    rows = (await connection.execute(query)).all()
    if not rows:
        return []
    numbers = [row.number for row in rows]
    lines = await _lines(connection, numbers)
    shipments = await read_shipments(connection, tables.shipments.c.order_number.in_(numbers))
    invoices = await _invoices(connection, numbers)
    return [
        Order(
            number=row.number,
            customer_id=row.customer_id,
            status=OrderStatus(row.status),
            payment_status=row.payment_status,
            payment_method=row.payment_method,
            total=Money(row.total_minor, row.currency),
            lines=lines[row.number],
            placed_at=row.placed_at,
            promised_at=row.promised_at,
            city=open_receiver(cipher, row.receiver).get("city", ""),
            invoice_number=invoices.get(row.number, ""),
            shipments=[shipment for shipment in shipments if shipment.order_number == row.number],
        )
        for row in rows
    ]


async def read_order(connection: AsyncConnection, cipher: Cipher, number: str, *where: sa.ColumnElement[bool]) -> Order:
    found = await read_orders(connection, cipher, tables.orders.c.number == typed_number(number), *where, limit=1)
    if not found:
        raise NotFoundError(f"there is no order {number[:40]!r} here")
    return found[0]


async def read_shipments(connection: AsyncConnection, *where: sa.ColumnElement[bool]) -> list[Shipment]:
    rows = (await connection.execute(sa.select(tables.shipments).where(*where).order_by(tables.shipments.c.shipped_at.desc()))).all()
    events = await _tracking(connection, [row.tracking_number for row in rows])
    return [Shipment(row.tracking_number, row.order_number, row.carrier, row.status, events[row.tracking_number]) for row in rows]


async def read_returns(connection: AsyncConnection, customer_id: str, *, limit: int) -> list[Return]:
    query = (
        sa.select(tables.returns, tables.orders.c.currency)
        .join(tables.order_lines, tables.order_lines.c.id == tables.returns.c.order_line_id)
        .join(tables.orders, tables.orders.c.number == tables.order_lines.c.order_number)
        .where(tables.orders.c.customer_id == customer_id)
        .order_by(tables.returns.c.requested_at.desc(), tables.returns.c.number.desc())
        .limit(limit)
    )
    return [
        Return(row.number, row.order_line_id, row.kind, row.reason, row.status, Money(row.amount_minor, row.currency), row.requested_at)
        for row in (await connection.execute(query)).all()
    ]


async def read_membership(connection: AsyncConnection, customer_id: str) -> Membership:
    row = (await connection.execute(sa.select(tables.memberships).where(tables.memberships.c.customer_id == customer_id))).first()
    if row is None:
        raise NotFoundError(f"customer {customer_id[:64]!r} has no membership")
    return Membership(row.customer_id, row.tier, row.status, row.started_at, row.renews_at, Money(row.price_minor, row.currency))


async def read_coupons(connection: AsyncConnection, customer_id: str, *, now: datetime) -> list[Coupon]:
    """Return those that can still be used, the first to expire first."""
    coupons = tables.coupons.c
    usable = (coupons.customer_id == customer_id, coupons.used_at.is_(None), coupons.expires_at > now)
    rows = (await connection.execute(sa.select(tables.coupons).where(*usable).order_by(coupons.expires_at, coupons.code))).all()
    return [Coupon(row.code, row.kind, row.value, row.currency, row.expires_at) for row in rows]


def product_from(row: sa.Row[Any]) -> Product:
    return Product(row.sku, row.name_zh, row.name_en, row.category, Money(row.price_minor, row.currency))


async def _lines(connection: AsyncConnection, numbers: Sequence[str]) -> dict[str, list[OrderLine]]:
    line, product = tables.order_lines, tables.products
    query = (
        sa.select(line.c.id, line.c.order_number, line.c.quantity, line.c.price_minor.label("paid_minor"), product)
        .join(product, product.c.sku == line.c.sku)
        .where(line.c.order_number.in_(numbers))
        .order_by(line.c.id)
    )
    rows = (await connection.execute(query)).all()
    returned = await _return_statuses(connection, [row.id for row in rows])
    lines: dict[str, list[OrderLine]] = defaultdict(list)
    for row in rows:
        paid = Money(row.paid_minor, row.currency)
        lines[row.order_number].append(OrderLine(row.id, product_from(row), row.quantity, paid, returned.get(row.id, "")))
    return lines


async def _return_statuses(connection: AsyncConnection, line_ids: Sequence[str]) -> dict[str, str]:
    """Return the status of each line's newest return."""
    returns = tables.returns.c
    query = sa.select(returns.order_line_id, returns.status).where(returns.order_line_id.in_(line_ids)).order_by(returns.requested_at)
    return {row.order_line_id: row.status for row in (await connection.execute(query)).all()}


async def _invoices(connection: AsyncConnection, numbers: Sequence[str]) -> dict[str, str]:
    invoices = tables.invoices.c
    query = sa.select(invoices.order_number, invoices.number).where(invoices.order_number.in_(numbers))
    return {row.order_number: row.number for row in (await connection.execute(query)).all()}


async def _tracking(connection: AsyncConnection, numbers: Sequence[str]) -> dict[str, list[TrackingEvent]]:
    event = tables.tracking_events.c
    query = sa.select(tables.tracking_events).where(event.tracking_number.in_(numbers)).order_by(event.at.desc(), event.position.desc())
    events: dict[str, list[TrackingEvent]] = defaultdict(list)
    for row in (await connection.execute(query)).all() if numbers else []:
        events[row.tracking_number].append(TrackingEvent(row.at, row.code, row.city_zh, row.city_en))
    return events

"""Histories turned into rows of the shop's tables, as they look at `now`: of what lies in the future, nothing shows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.shop.sample.catalogue import CURRENCY
from bot.shop.sample.history import History, Purchase, SentBack, Step
from bot.shop.sample.living import LOCAL, World

Row = dict[str, Any]

MEMBERSHIP_PRICE = {"silver": 8800, "gold": 19800, "platinum": 38800}  # a year, in fen
INVOICED_SHARE = 0.3
COMPANY_SHARE = 0.4  # of invoices
YEAR = timedelta(days=365)
CAMPAIGN_DAYS = 45


@dataclass
class Rows:
    """Rows by table; personal data is still in the clear, under the name of the column that will hold it encrypted."""

    world: World
    rng: random.Random
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, **values: Any) -> None:
        self.tables.setdefault(table, []).append(values)


def make_rows(world: World, histories: list[History], rng: random.Random) -> dict[str, list[Row]]:
    rows = Rows(world, rng)
    for item in world.range.items:
        rows.add("shop_products", **item.row())
    for history in histories:
        _customer(rows, history)
        _membership(rows, history)
        _coupons(rows, history)
        _visits_and_contacts(rows, history)
    numbers = _orders(rows, histories)
    for history in histories:
        for sent in history.returns:
            _return(rows, sent, numbers)
    return rows.tables


def _customer(rows: Rows, history: History) -> None:
    person = history.person
    identity = {"name": person.name, "phone": person.phone, "email": person.email, "address": person.address}
    rows.add(
        "shop_customers",
        customer_id=person.customer_id,
        language=person.language,
        city_zh=person.city.zh,
        city_en=person.city.en,
        country=person.country,
        identity=identity,
        registered_at=history.registered_at,
    )
    key = _uuid7(rows.rng, history.registered_at)
    rows.add(
        "customers",
        id=key,
        shop_customer_id=person.customer_id,
        language=person.language,
        objects_to_profiling=False,
        created_at=history.registered_at,
    )
    rows.add("customer_identities", customer_id=key, **identity)


def _uuid7(rng: random.Random, at: datetime) -> str:
    """Return a UUIDv7 (RFC 9562, 5.7) of that time with the seed's randomness, so that the same seed gives the same ids."""
    value = int(at.timestamp() * 1000) << 80 | 7 << 76 | rng.getrandbits(12) << 64 | 2 << 62 | rng.getrandbits(62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _membership(rows: Rows, history: History) -> None:
    member, now = history.member, rows.world.now
    if member is None or member.started_at > now:
        return
    end = member.cancelled_at or member.expired_at or now
    renews_at = member.started_at + YEAR
    while renews_at < end:
        renews_at += YEAR
    rows.add(
        "shop_memberships",
        customer_id=history.person.customer_id,
        tier=member.tier,
        status="cancelled" if member.cancelled_at else "expired" if member.expired_at else "active",
        started_at=member.started_at,
        renews_at=renews_at,
        cancelled_at=member.cancelled_at,
        price_minor=MEMBERSHIP_PRICE[member.tier],
        currency=CURRENCY,
    )


def _coupons(rows: Rows, history: History) -> None:
    """Add the coupon of each month in which one was used, and for some customers one that waits."""
    customer_id, now = history.person.customer_id, rows.world.now
    months = {purchase.coupon_month: purchase.placed_at for purchase in history.purchases if purchase.coupon_month}
    for month, used_at in months.items():
        expires_at = used_at + timedelta(days=20)
        _coupon(rows, customer_id, month, kind="percent", value=10, expires_at=expires_at, used_at=used_at)
    if rows.rng.random() < 0.35 or customer_id == "C000001":
        kind, value = rows.rng.choice((("percent", 10), ("amount", 2000), ("amount", 5000)))
        _coupon(
            rows,
            customer_id,
            "welcome",
            kind=kind,
            value=value,
            expires_at=now + timedelta(days=rows.rng.randint(3, CAMPAIGN_DAYS)),
            used_at=None,
        )


def _coupon(rows: Rows, customer_id: str, campaign: str, *, kind: str, value: int, expires_at: datetime, used_at: datetime | None) -> None:
    rows.add(
        "shop_coupons",
        code=coupon_code(customer_id, campaign),
        customer_id=customer_id,
        kind=kind,
        value=value,
        currency=CURRENCY,
        source=f"campaign:{campaign}",
        expires_at=expires_at,
        used_at=used_at,
    )


def coupon_code(customer_id: str, campaign: str) -> str:
    return f"{campaign.upper()}-{customer_id}"


def _visits_and_contacts(rows: Rows, history: History) -> None:
    customer_id, now = history.person.customer_id, rows.world.now
    for visit in history.visits:
        if visit.at <= now:
            rows.add("shop_page_visits", customer_id=customer_id, page=visit.page, sku=visit.sku, at=visit.at)
    for contact in history.contacts:
        if contact.at <= now:
            score = {"csat": contact.csat, "resolved": contact.resolved}
            rows.add("shop_contacts", customer_id=customer_id, topic=contact.topic, channel=contact.channel, at=contact.at, **score)


def _orders(rows: Rows, histories: list[History]) -> dict[int, str]:
    """Add all orders, numbered through each day; return the number of each purchase by its identity."""
    pairs = [(purchase, history) for history in histories for purchase in history.purchases if purchase.placed_at <= rows.world.now]
    pairs.sort(key=lambda pair: (pair[0].placed_at, pair[1].person.customer_id))
    days: Counter[str] = Counter()
    numbers = {}
    for index, (purchase, history) in enumerate(pairs):
        day = f"{purchase.placed_at.astimezone(LOCAL):%Y%m%d}"
        days[day] += 1
        number = numbers[id(purchase)] = f"A{day}-{days[day]:04d}"
        _order(rows, history, purchase, number)
        _shipment(rows, purchase, number, index)
        _invoice(rows, history, purchase, number)
    return numbers


def _order(rows: Rows, history: History, purchase: Purchase, number: str) -> None:
    person = history.person
    status, payment, cancelled_at = _state(purchase, rows.world.now)
    rows.add(
        "shop_orders",
        number=number,
        customer_id=person.customer_id,
        status=status,
        payment_status=payment,
        payment_method=purchase.payment_method,
        total_minor=purchase.total_minor,
        currency=CURRENCY,
        receiver={"name": person.name, "phone": person.phone, "address": person.address, "city": person.city_name},
        coupon=coupon_code(person.customer_id, purchase.coupon_month) if purchase.coupon_month else None,
        placed_at=purchase.placed_at,
        promised_at=purchase.promised_at,
        cancelled_at=cancelled_at,
    )
    for position, line in enumerate(purchase.lines, start=1):
        values = {"sku": line.item.sku, "quantity": line.quantity, "price_minor": line.price_minor}
        rows.add("shop_order_lines", id=f"{number}-{position}", order_number=number, **values)


def _state(purchase: Purchase, now: datetime) -> tuple[str, str, datetime | None]:
    """Return status, payment status and the time of cancellation as they are known at `now`."""
    if purchase.cancelled_at and purchase.cancelled_at <= now:
        return "cancelled", "refunded" if purchase.payment == "paid" else purchase.payment, purchase.cancelled_at
    if purchase.payment != "paid":
        return "placed", purchase.payment, None
    if not _seen(purchase, now):
        return "paid", "paid", None
    return "delivered" if purchase.delivered_at and purchase.delivered_at <= now else "shipped", "paid", None


def _seen(purchase: Purchase, now: datetime) -> list[Step]:
    return [step for step in purchase.steps if step.at <= now]


def _shipment(rows: Rows, purchase: Purchase, number: str, index: int) -> None:
    steps = _seen(purchase, rows.world.now)
    if not steps or purchase.carrier is None:
        return
    tracking_number = purchase.carrier.tracking_number(index)
    last = steps[-1]
    rows.add(
        "shop_shipments",
        tracking_number=tracking_number,
        order_number=number,
        carrier=purchase.carrier.name,
        status=last.code if last.code in {"delivered", "out_for_delivery", "exception"} else "in_transit",
        shipped_at=steps[0].at,
        delivered_at=last.at if last.code == "delivered" else None,
    )
    for position, step in enumerate(steps, start=1):
        place = {"city_zh": step.place.zh, "city_en": step.place.en}
        rows.add("shop_tracking_events", tracking_number=tracking_number, position=position, at=step.at, code=step.code, **place)


def _invoice(rows: Rows, history: History, purchase: Purchase, number: str) -> None:
    asked = rows.rng.random() < INVOICED_SHARE
    issued_at = purchase.placed_at + timedelta(hours=rows.rng.randint(5, 200))
    if (
        not asked
        or history.person.customer_id in UNINVOICED
        or purchase.payment != "paid"
        or purchase.cancelled_at
        or issued_at > rows.world.now
    ):
        return
    company = history.person.domestic and rows.rng.random() < COMPANY_SHARE
    title = rows.world.people.company(rows.rng, history.person) if company else history.person.name
    # 91 and 000000 begin a company's code in no place that exists, so that it is nobody's.
    tax_number = f"91000000MA{rows.rng.randrange(10**8):08d}" if company else ""
    values = {"title": title, "tax_number": tax_number, "amount_minor": purchase.total_minor}
    rows.add("shop_invoices", number=f"I{number}", order_number=number, issued_at=issued_at, **values)


UNINVOICED: Iterable[str] = frozenset({"C000001", "C000002"})  # so that the demo can ask for one


def _return(rows: Rows, sent: SentBack, numbers: dict[int, str]) -> None:
    if sent.requested_at > rows.world.now:
        return
    line_id = f"{numbers[id(sent.purchase)]}-{sent.position}"
    line = sent.purchase.lines[sent.position - 1]
    rows.add(
        "shop_returns",
        number=f"R{line_id}",
        order_line_id=line_id,
        kind=sent.kind,
        reason=sent.reason,
        status=sent.status_at(rows.world.now),
        amount_minor=line.price_minor * line.quantity,
        requested_at=sent.requested_at,
    )

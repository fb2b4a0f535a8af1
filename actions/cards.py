"""Cards (`bot.messages.Card` as builtins) of what the shop knows."""

from __future__ import annotations

from typing import Any

from actions.words import Words
from bot.shop.protocol import Coupon, Membership, Money, Order, OrderLine, Product, Return, Shipment

Card = dict[str, Any]
Buttons = list[dict[str, str]]

MOST_STEPS = 6  # more than that nobody reads


def order_card(words: Words, order: Order, buttons: Buttons | None = None) -> Card:
    rows = [[words("label.placed"), words.day_and_year(order.placed_at)], [words("label.total"), words.money(order.total)]]
    if order.status in {"placed", "paid", "shipped"}:
        rows.append([words("label.promised"), words.day(order.promised_at)])
    return {
        "kind": "order",
        "title": items(words, order),
        "subtitle": order.number,
        "badge": words.known("order_status", order.status),
        "rows": rows,
        "buttons": buttons or [],
    }


def items(words: Words, order: Order) -> str:
    """Name what was ordered in one line."""
    first = order.lines[0].product.name(words.language) if order.lines else order.number
    count = sum(line.quantity for line in order.lines)
    return words("format.more_items", name=first, count=count) if len(order.lines) > 1 else first


def shipment_card(words: Words, shipment: Shipment) -> Card:
    return {
        "kind": "shipment",
        "title": shipment.carrier,
        "subtitle": shipment.tracking_number,
        "badge": words.known("shipment_status", shipment.status),
        "steps": [[words.moment(event.at), _step(words, event.code, event)] for event in shipment.events[:MOST_STEPS]],
    }


def _step(words: Words, code: str, event: Any) -> str:
    what = words.known("tracking", code, "other")
    city = event.city_zh if words.language == "zh" else event.city_en
    return words("tracking.at_city", city=city, what=what) if city else what


def line_card(words: Words, line: OrderLine, buttons: Buttons) -> Card:
    return {
        "kind": "product",
        "title": line.product.name(words.language),
        "rows": [
            [words("label.quantity"), words("format.quantity", count=line.quantity)],
            [words("label.price"), words.money(line.price)],
        ],
        "badge": words.known("return_status", line.return_status) if line.return_status else "",
        "buttons": buttons,
    }


def product_card(words: Words, product: Product) -> Card:
    return {
        "kind": "product",
        "title": product.name(words.language),
        "subtitle": product.sku,
        "rows": [[words("label.price"), words.money(product.price)]],
    }


def return_card(words: Words, made: Return, title: str) -> Card:
    return {
        "kind": "return",
        "title": title,
        "subtitle": made.number,
        "badge": words.known("return_status", made.status),
        "rows": [
            [words("label.kind"), words.known("return_kind", made.kind)],
            [words("label.requested"), words.day(made.requested_at)],
            *([[words("label.refund"), words.money(made.amount)]] if made.kind != "exchange" else []),
        ],
    }


def coupon_card(words: Words, coupon: Coupon) -> Card:
    return {
        "kind": "offer",
        "title": worth(words, coupon.kind, coupon.value, coupon.currency),
        "rows": [[words("label.code"), coupon.code], [words("label.expires"), words.day_and_year(coupon.expires_at)]],
    }


def worth(words: Words, kind: str, value: int, currency: str) -> str:
    """Say what a coupon or an offer is worth; `value` is in minor units for money."""
    shown = words.money(Money(value, currency)) if kind in {"amount", "price_protection"} else str(value)
    return words(f"coupon.{kind}", value=shown)


def membership_card(words: Words, membership: Membership) -> Card:
    return {
        "kind": "membership",
        "title": words.known("tier", membership.tier, "other"),
        "badge": words.known("membership_status", membership.status),
        "rows": [
            [words("label.since"), words.day_and_year(membership.started_at)],
            [words("label.renews"), words.day_and_year(membership.renews_at)],
            [words("label.fee"), words.money(membership.price)],
        ],
    }


def facts_card(words: Words, kind: str, title: str, facts: list[tuple[str, str]]) -> Card:
    """A card of (label, value) pairs; pairs without a value are left out."""
    return {"kind": kind, "title": title, "rows": [[words(f"label.{label}"), value] for label, value in facts if value]}

"""What a column may mean in each kind of source: its type, whether a row can do without it, and what is possible at all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Type(StrEnum):
    """How a text is read."""

    KEY = "key"  # a number or code as it is written
    TEXT = "text"
    FLAG = "flag"
    MONEY = "money"
    NUMBER = "number"
    COUNT = "count"  # a whole number
    CURRENCY = "currency"
    TIME = "time"
    DATE = "date"  # without a time of day
    PHONE = "phone"
    EMAIL = "email"
    LABEL = "label"  # one of a closed set


@dataclass(frozen=True, kw_only=True)
class Field:
    """A meaning. A bad value of a `lenient` one is left out and its row kept; any other bad value costs the row."""

    type: Type
    required: bool = False
    if_named: bool = False  # required as soon as the mapping names a column for it
    lenient: bool = False
    labels: frozenset[str] = frozenset()
    lowest: float | None = None
    highest: float | None = None
    may_be_ahead: bool = False  # a time that may lie in the future
    longest: int = 200  # characters


KEY = Field(type=Type.KEY, required=True, longest=100)
ORDER = Field(type=Type.KEY, required=True, longest=64)
REF = Field(type=Type.KEY, longest=64)
PART = Field(type=Type.KEY, longest=48)  # with the order's number it is an event's key of at most 128 characters
AT = Field(type=Type.TIME, required=True)
AMOUNT = Field(type=Type.MONEY, lowest=0)
CURRENCY = Field(type=Type.CURRENCY)

IDENTITY = ("name", "phone", "email", "address", "birth_date")
WHO = ("shop_customer_id", "customer_key")  # exactly one of them is in every source

_WHO = {"shop_customer_id": Field(type=Type.KEY, required=True, longest=64), "customer_key": KEY}

KINDS: dict[str, dict[str, Field]] = {
    "customers": {
        **_WHO,
        "name": Field(type=Type.TEXT, lenient=True),
        "phone": Field(type=Type.PHONE, lenient=True),
        "email": Field(type=Type.EMAIL, lenient=True),
        "address": Field(type=Type.TEXT, lenient=True, longest=500),
        "birth_date": Field(type=Type.DATE, lenient=True),
        "language": Field(type=Type.LABEL, lenient=True, labels=frozenset({"zh", "en"})),
        "trait": Field(type=Type.TEXT, lenient=True),
        "at": Field(type=Type.TIME, lenient=True),
    },
    "orders": {
        **_WHO,
        "order": Field(type=Type.KEY, if_named=True, longest=64),  # without it a customer, a moment and an amount make an order
        "at": AT,
        "amount": AMOUNT,
        "currency": CURRENCY,
        "coupon": Field(type=Type.FLAG, lenient=True),
        "status": Field(type=Type.LABEL, labels=frozenset({"placed", "cancelled"})),
        "cancelled_at": Field(type=Type.TIME),
        "promised_at": Field(type=Type.TIME, may_be_ahead=True),
        "delivered_at": Field(type=Type.TIME),
    },
    "order_lines": {
        **_WHO,
        "order": ORDER,
        "line": PART,
        "at": AT,
        "sku": PART,
        "quantity": Field(type=Type.COUNT, lowest=1, highest=1_000_000),
        "amount": AMOUNT,
        "currency": CURRENCY,
    },
    "returns": {**_WHO, "id": REF, "order": REF, "at": AT, "amount": AMOUNT, "currency": CURRENCY},
    "contacts": {
        **_WHO,
        "id": REF,
        "at": AT,
        "topic": REF,
        "sentiment": Field(type=Type.NUMBER, lenient=True, lowest=-1, highest=1),
        "csat": Field(type=Type.COUNT, lenient=True, lowest=1, highest=5),
    },
    "memberships": {
        **_WHO,
        "id": REF,
        "tier": REF,
        "started_at": AT,
        "ended_at": Field(type=Type.TIME, may_be_ahead=True),
    },
    "visits": {**_WHO, "id": REF, "at": AT, "page": REF},
    "events": {
        **_WHO,
        "id": REF,
        "event": Field(type=Type.LABEL, required=True),  # labels: bot.customers.events.Kind
        "at": AT,
        "amount": AMOUNT,
        "currency": CURRENCY,
        "value": Field(type=Type.NUMBER),
        "ref": REF,
    },
}

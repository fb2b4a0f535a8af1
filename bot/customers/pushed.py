"""Events as Segment and its like push them, into events of ours. Light: the web app imports it.

The form is that of Segment's specification: https://segment.com/docs/connections/spec/ecommerce/v2/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from bot.customers.event_store import store_events
from bot.customers.events import Event, Kind
from bot.customers.keys import customer_ids, lock_writers
from bot.errors import InputError
from bot.ids import utcnow
from bot.tables import read_table

TABLE = Path(__file__).with_name("pushed.yml")
SOURCE = "segment"
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
LONGEST_ID = 100
LONGEST_SHOP_ID = 64
MOST_LINES = 200
WITHOUT_CENTS = {"JPY", "KRW", "VND", "CLP"}
RANGES = {Kind.CONTACT: (-1.0, 1.0), Kind.CSAT: (1.0, 5.0)}


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a name of an event means here; each list names properties, of which the first that is there counts."""

    kind: Kind
    number: tuple[str, ...] = ()
    amount: tuple[str, ...] = ()
    coupon: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    ref: tuple[str, ...] = ()
    lines: str = ""


class Pushed(msgspec.Struct, frozen=True, rename="camel"):
    """One event as it comes; what is not named here is not looked at."""

    message_id: str
    timestamp: datetime
    type: str = "track"
    event: str = ""
    user_id: str | int | None = None
    anonymous_id: str | None = None
    properties: dict[str, Any] = {}


class Refused(msgspec.Struct, frozen=True, rename="camel"):
    """An event that was not stored."""

    index: int
    message_id: str
    reason: str


class Answer(msgspec.Struct, frozen=True):
    stored: int
    corrected: int
    unchanged: int
    refused: list[Refused]


@cache
def rules() -> dict[str, Rule]:
    return read_table(TABLE, dict[str, Rule])


def store_pushed(connection: sa.Connection, items: Sequence[msgspec.Raw], *, now: datetime | None = None) -> Answer:
    """Store what can be understood in the caller's transaction; say of each other item why not."""
    now = now or utcnow()
    refused: list[Refused] = []
    good: list[tuple[Pushed, list[Event]]] = []
    for index, raw in enumerate(items):
        try:
            pushed = msgspec.json.decode(raw, type=Pushed)
            good.append((pushed, events_of(pushed, now=now)))
        except (msgspec.DecodeError, InputError) as error:
            refused.append(Refused(index, _message_id(raw), str(error)))
    lock_writers(connection)
    shop, _ = customer_ids(connection, "", {str(one.user_id) for one, _events in good if _has_user(one)}, at=now)
    visitors, _ = customer_ids(connection, SOURCE, {str(one.anonymous_id) for one, _events in good if not _has_user(one)}, at=now)
    stored = [
        msgspec.structs.replace(event, customer_id=shop[str(one.user_id)] if _has_user(one) else visitors[str(one.anonymous_id)])
        for one, events in good
        for event in events
    ]
    counts = store_events(connection, stored)
    return Answer(counts.stored, counts.corrected, counts.unchanged, refused)


def _message_id(raw: msgspec.Raw) -> str:
    try:
        found = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return ""
    return str(found.get("messageId", ""))[:LONGEST_ID] if isinstance(found, dict) else ""


def _has_user(pushed: Pushed) -> bool:
    return pushed.user_id not in {None, ""}


def events_of(pushed: Pushed, *, now: datetime) -> list[Event]:
    """Return what an event means here, without its customer. InputError says why it means nothing."""
    _check(pushed, now)
    name = pushed.event if pushed.type == "track" else pushed.type
    rule = rules().get(name)
    if rule is None:
        raise InputError(f"event {name[:60]!r} is not known; known are {', '.join(rules())}")
    found = pushed.properties
    number = _text(found, rule.number)
    key = f"{number or pushed.message_id}:{rule.kind.value}"
    currency = _currency(found)
    first = Event(
        source=SOURCE,
        key=key,
        customer_id="",
        kind=rule.kind,
        at=pushed.timestamp.astimezone(UTC),
        created_at=now,
        amount_minor=_minor(found, rule.amount, currency),
        currency=currency if rule.amount else None,
        value=_value(rule, found),
        ref=_text(found, rule.ref)[:64] or None,
    )
    return [first, *_lines(rule, found, first, currency)]


def _check(pushed: Pushed, now: datetime) -> None:
    if not 1 <= len(pushed.message_id) <= LONGEST_ID:
        raise InputError(f"messageId has {len(pushed.message_id)} characters; allowed are 1 to {LONGEST_ID}")
    if pushed.timestamp.tzinfo is None:
        raise InputError("timestamp has no time zone; write 2026-11-22T08:00:00Z")
    if not EARLIEST <= pushed.timestamp <= now + AHEAD:
        raise InputError("timestamp is before 1990 or in the future")
    if not _has_user(pushed) and not pushed.anonymous_id:
        raise InputError("userId and anonymousId are missing; one of them must say who it was")
    if len(str(pushed.user_id or "")) > LONGEST_SHOP_ID or len(pushed.anonymous_id or "") > LONGEST_ID:
        raise InputError(f"userId may have {LONGEST_SHOP_ID} characters, anonymousId {LONGEST_ID}")


def _first(found: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((found[name] for name in names if found.get(name) not in {None, ""}), None) if names else None


def _text(found: Mapping[str, Any], names: Sequence[str]) -> str:
    value = _first(found, names)
    if value is None:
        return ""
    if not isinstance(value, str | int) or len(str(value)) > LONGEST_ID:
        raise InputError(f"{' or '.join(names)} must be a text or a whole number of at most {LONGEST_ID} characters")
    return str(value)


def _currency(found: Mapping[str, Any]) -> str:
    code = str(found.get("currency") or "CNY").upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise InputError("currency must be a code of ISO 4217 such as CNY")
    return code


def _minor(found: Mapping[str, Any], names: Sequence[str], currency: str) -> int | None:
    """Return an amount in minor units; it may come as a number or as a text."""
    value = _first(found, names)
    if value is None:
        return None
    try:
        amount = Decimal(str(value)) * (1 if currency in WITHOUT_CENTS else 100)
        whole = int(amount.to_integral_value())
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise InputError(f"{' or '.join(names)} is no amount; write 12.50") from error
    if not 0 <= whole < 10**14:
        raise InputError(f"{' or '.join(names)} is negative or too large")
    return whole


def _value(rule: Rule, found: Mapping[str, Any]) -> float | None:
    if rule.coupon:
        return 1.0 if _first(found, rule.coupon) is not None else 0.0
    value = _first(found, rule.value)
    if value is None:
        return None
    lowest, highest = RANGES.get(rule.kind, (-1e12, 1e12))
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        raise InputError(f"{' or '.join(rule.value)} must be a number from {lowest:g} to {highest:g}")
    return float(value)


def _lines(rule: Rule, found: Mapping[str, Any], order: Event, currency: str) -> list[Event]:
    """Return what was bought, one event a line of the order."""
    products = found.get(rule.lines) if rule.lines else None
    if not isinstance(products, list):
        return []
    if len(products) > MOST_LINES:
        raise InputError(f"{rule.lines} has {len(products)} lines; allowed are {MOST_LINES}")
    events = []
    for place, product in enumerate(products, start=1):
        quantity = product.get("quantity", 1) if isinstance(product, dict) else 0
        if isinstance(quantity, bool) or not isinstance(quantity, int | float) or not 0 < quantity <= 1_000_000:
            raise InputError(f"line {place} of {rule.lines} is no object with a quantity above 0")
        price = _minor(product, ("price",), currency)
        events.append(
            msgspec.structs.replace(
                order,
                key=f"{order.key.removesuffix(':' + rule.kind.value)}:{place}:{Kind.ITEM_BOUGHT.value}",
                kind=Kind.ITEM_BOUGHT,
                amount_minor=None if price is None else round(price * quantity),
                value=float(quantity),
                ref=_text(product, ("sku", "product_id", "name"))[:64] or None,
            )
        )
    return events

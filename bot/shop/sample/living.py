"""A stretch of a customer's life with the company: purchases and their course, visits, contacts, returns."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from bot.shop.sample.catalogue import Item, Range
from bot.shop.sample.history import Contacted, Habits, History, Line, Purchase, SentBack, Step, Visit
from bot.shop.sample.people import People, Person

LOCAL = timezone(timedelta(hours=8))  # the company's clock; people order in the evening
LOCAL_OFFSET_S = 8 * 3600
DAY_S = 86400
CHANNELS = ("phone", "email", "wechat", "website")
TOPICS = ("orders", "shipping", "returns", "payments", "membership", "products", "account")
PROMISED_DAYS = {True: 4, False: 14}  # domestic or not
DOUBTS_PER_DAY = 0.0012  # how often a member looks at the page on which memberships are cancelled
UNPAID_FOR = timedelta(hours=24)  # then an order that nobody paid is cancelled


@dataclass(frozen=True)
class World:
    """What all customers share."""

    range: Range
    people: People
    now: datetime


def dice(*seeds: object) -> random.Random:
    """Return the random source of these seeds; what is drawn from it is invented data, nothing that must not be guessed."""
    return random.Random(":".join(map(str, seeds)))  # noqa: S311


def moments(rng: random.Random, per_day: float, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield times of a Poisson process, moved to where people are awake; all within start and end."""
    at = start
    while per_day > 0:
        at += timedelta(days=rng.expovariate(per_day))
        if at >= end:
            return
        moved = awake(rng, at)
        if start <= moved < end:
            yield moved


def awake(rng: random.Random, at: datetime) -> datetime:
    """Return a waking time of the same local day."""
    local = at.timestamp() + LOCAL_OFFSET_S
    return datetime.fromtimestamp(local - local % DAY_S - LOCAL_OFFSET_S + int(rng.triangular(7.5, 23.9, 20.5) * 3600), UTC)


def live(world: World, history: History, habits: Habits, rng: random.Random, *, start: datetime, end: datetime) -> None:
    """Add what the customer does between start and end, in the rhythm of their habits; its consequences may come later."""
    for at in moments(rng, habits.orders_per_day, start, end):
        if rng.random() < habits.activity(at):
            buy(world, history, habits, rng, at, not_before=start)
    for at in moments(rng, habits.visits_per_day, start, end):
        if rng.random() < habits.activity(at):
            history.visits.append(_visit(world.range, habits, rng, at))
    for at in moments(rng, habits.contacts_per_day, start, end):
        history.contacts.append(_contact(rng, at, rng.choice(TOPICS), habits.patience))
    for at in moments(rng, DOUBTS_PER_DAY * (1 + 8 * habits.trouble), start, end):
        if history.member and history.member.active_at(at):
            doubt(history, rng, at, end=end)


def buy(world: World, history: History, habits: Habits, rng: random.Random, at: datetime, *, not_before: datetime) -> Purchase:
    """Add one purchase with the visits that led to it (none before `not_before`), its delivery and what follows from that."""
    purchase = purchased(world, history, habits, rng, at)
    history.purchases.append(purchase)
    for line in purchase.lines:
        for _ in range(rng.randint(0, 2)):
            seen_at = at - timedelta(minutes=rng.randint(2, 3000))
            if seen_at >= not_before:
                history.visits.append(Visit(seen_at, "product", line.item.sku))
    if at - timedelta(minutes=1) >= not_before:
        history.visits.append(Visit(at - timedelta(minutes=1), "cart"))
    _react(history, habits, rng, purchase)
    return purchase


def purchased(world: World, history: History, habits: Habits, rng: random.Random, at: datetime) -> Purchase:
    coupon_month = _coupon_month(history, at) if rng.random() < habits.discounts else ""
    lines = _lines(world, habits, rng, at, discount=0.9 if coupon_month else 1.0)
    person = history.person
    methods = ("wechat_pay", "alipay", "card") if person.domestic else ("card", "paypal")
    method = rng.choices(methods, (6, 4, 1) if person.domestic else (6, 4))[0]
    promised_at = at + timedelta(days=PROMISED_DAYS[person.domestic])
    kept = rng.random()
    if kept < 0.03:  # never paid
        payment = "failed" if rng.random() < 0.4 else "pending"
        return Purchase(at, promised_at, lines, method, payment, coupon_month, cancelled_at=at + UNPAID_FOR)
    if kept < 0.06:  # thought better of it
        return Purchase(at, promised_at, lines, method, "paid", coupon_month, cancelled_at=at + timedelta(minutes=rng.randint(5, 230)))
    steps = delivery(world.people, person, rng, at, promised_at, troubled=rng.random() < habits.trouble)
    carrier = rng.choice(world.people.carriers["domestic" if person.domestic else "international"])
    return Purchase(at, promised_at, lines, method, "paid", coupon_month, carrier=carrier, steps=steps)


def delivery(people: People, person: Person, rng: random.Random, at: datetime, promised_at: datetime, *, troubled: bool) -> list[Step]:
    """Return the parcel's way; one without trouble arrives as promised, another days later."""
    hubs = people.hubs["domestic" if person.domestic else "international"]
    hub = rng.choice(hubs)
    shipped_at = at + timedelta(minutes=rng.randint(240, 1800))
    days = rng.uniform(1.1, 2.4) if person.domestic else rng.uniform(6, 11)
    arrives_at = min(shipped_at + timedelta(days=days), promised_at - timedelta(hours=rng.randint(2, 20)))
    way = arrives_at - shipped_at
    steps = [
        Step(shipped_at, "picked_up", people.warehouse),
        Step(shipped_at + way * 0.1, "in_transit", people.warehouse),
        Step(shipped_at + way * 0.5, "arrived_hub", hub),
    ]
    late = timedelta()
    if troubled:
        stuck_at = shipped_at + way * 0.6
        steps.append(Step(stuck_at, "exception" if rng.random() < 0.2 else "delayed", hub))
        late = promised_at - arrives_at + timedelta(hours=rng.randint(20, 190))
        steps.append(Step(stuck_at + late * 0.9, "in_transit", hub))
    steps.append(Step(arrives_at + late - timedelta(hours=rng.uniform(1.5, 5)), "out_for_delivery", person.city))
    steps.append(Step(arrives_at + late, "delivered", person.city))
    return sorted(steps, key=lambda step: step.at)


def doubt(history: History, rng: random.Random, at: datetime, *, end: datetime) -> None:
    """Look at the page on which memberships are cancelled, and perhaps again in the days after."""
    for number in range(rng.randint(1, 3)):
        seen_at = at + timedelta(hours=number * rng.randint(3, 40))
        if seen_at < end:
            history.visits.append(Visit(seen_at, "membership_cancel"))


def _lines(world: World, habits: Habits, rng: random.Random, at: datetime, *, discount: float) -> list[Line]:
    items: dict[str, Item] = {}
    for _ in range(rng.choices((1, 2, 3), (65, 25, 10))[0]):
        item = world.range.choose(rng, habits.favourites)
        items[item.sku] = item
    return [
        line_of(item, 2 if item.price_minor < 10_000 and rng.random() < 0.25 else 1, at, now=world.now, discount=discount)
        for item in items.values()
    ]


def line_of(item: Item, quantity: int, at: datetime, *, now: datetime, discount: float = 1.0) -> Line:
    return Line(item, quantity, round(item.price_at(at, now=now) * discount))


def _coupon_month(history: History, at: datetime) -> str:
    """Return the month whose campaign coupon the customer still has; one a month."""
    month = f"{at.astimezone(LOCAL):%Y%m}"
    return "" if any(purchase.coupon_month == month for purchase in history.purchases) else month


def _react(history: History, habits: Habits, rng: random.Random, purchase: Purchase) -> None:
    """Add what follows from a delivery: a complaint about a late one, a return."""
    if purchase.delivered_at is None:
        return
    late = purchase.delivered_at > purchase.promised_at
    if late and rng.random() < 0.6:
        asked_at = awake(rng, purchase.promised_at + timedelta(days=1))
        history.contacts.append(_contact(rng, asked_at, "shipping", habits.patience - 1.4))
    for position, line in enumerate(purchase.lines, start=1):
        if rng.random() < habits.returning + 0.1 * late:
            history.returns.append(_sent_back(rng, purchase, position, late=late, cheap=line.price_minor < 5_000))


def _sent_back(rng: random.Random, purchase: Purchase, position: int, *, late: bool, cheap: bool) -> SentBack:
    reasons = ("arrived_late", "damaged") if late else ("damaged", "wrong_item", "not_as_described", "no_longer_needed", "other")
    reason = rng.choice(reasons)
    kind = "refund" if cheap and reason in {"damaged", "wrong_item"} else "return"
    arrived = purchase.delivered_at or purchase.promised_at
    requested_at = awake(rng, arrived + timedelta(days=rng.uniform(1, 12)))
    return SentBack(purchase, position, kind, reason, requested_at, rejected=rng.random() < 0.06)


def _contact(rng: random.Random, at: datetime, topic: str, mood: float) -> Contacted:
    resolved = rng.random() < 0.85
    score = round(min(5.0, max(1.0, rng.gauss(4.3 + mood - (0 if resolved else 1.2), 0.7))))
    return Contacted(at, topic, rng.choice(CHANNELS), score if rng.random() < 0.65 else None, resolved)


def _visit(range_: Range, habits: Habits, rng: random.Random, at: datetime) -> Visit:
    page = rng.choices(("product", "home", "category", "orders", "help", "coupons"), (50, 20, 12, 10, 4, 4))[0]
    return Visit(at, page, range_.choose(rng, habits.favourites).sku if page == "product" else None)

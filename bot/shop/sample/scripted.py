"""The four customers whom the demo page lets you be. Their recent orders are written, so that everything can be tried on them.

C000001 a loyal gold member, one order on its way and one delivered five days ago; C000002 an English speaker whose parcel is late and
who has just paid for another order; C000003 a gold member about to leave; C000004 an English-speaking platinum member who is happy.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.shop.sample.history import Contacted, Habits, History, Member, Purchase, SentBack, Step, Visit
from bot.shop.sample.living import PROMISED_DAYS, World, dice, line_of, live
from bot.shop.sample.people import Person, Place

CALM = Habits(
    orders_per_day=0.03,
    visits_per_day=0.15,
    contacts_per_day=0.003,
    trouble=0.0,
    patience=0.5,
    returning=0.02,
    discounts=0.1,
    favourites=("audio", "kitchen", "smart_home"),
)
UPSET = Habits(
    orders_per_day=0.02,
    visits_per_day=0.08,
    contacts_per_day=0.004,
    trouble=0.3,
    patience=-0.8,
    returning=0.1,
    discounts=0.5,
    favourites=("phones", "wearables", "accessories"),
)


def demo_customers(world: World, seed: int) -> list[History]:
    makers: list[Callable[[World, random.Random], History]] = [_loyal, _waiting, _leaving, _happy]
    return [maker(world, dice(seed, "demo", number)) for number, maker in enumerate(makers, start=1)]


def _loyal(world: World, rng: random.Random) -> History:
    lin = Person(
        "C000001",
        "zh",
        "林悦",
        "+8615486201357",
        "lin.yue@example.com",
        "上海市徐汇区湖滨路88号翠湖花园6幢1202室",
        Place("上海", "Shanghai"),
        "CN",
    )
    history = _past(world, rng, lin, CALM, years=2.6, tier="gold", until=timedelta(days=30))
    history.purchases += [
        _order(
            world, lin, ["AUD-001", "COO-006"], placed=timedelta(days=8), shipped=timedelta(days=7, hours=8), delivered=timedelta(days=5)
        ),
        _order(world, lin, ["KIT-003"], placed=timedelta(days=2), shipped=timedelta(days=1, hours=6)),
    ]
    history.visits.append(Visit(world.now - timedelta(hours=3), "orders"))
    return history


def _waiting(world: World, rng: random.Random) -> History:
    emma = Person(
        "C000002",
        "en",
        "Emma Carter",
        "+12065550142",
        "emma.carter@example.com",
        "412 Maple Avenue, Seattle, WA, USA",
        Place("西雅图", "Seattle"),
        "US",
    )
    history = _past(world, rng, emma, CALM, years=1.3, tier="silver", until=timedelta(days=40))
    history.purchases += [
        _order(
            world, emma, ["AUD-002"], placed=timedelta(days=17), shipped=timedelta(days=16), stuck="delayed", stuck_ago=timedelta(days=2)
        ),
        _order(world, emma, ["SMA-005", "LIG-004"], placed=timedelta(hours=2)),
    ]
    history.visits.append(Visit(world.now - timedelta(hours=1), "orders"))
    return history


def _leaving(world: World, rng: random.Random) -> History:
    chen = Person(
        "C000003",
        "zh",
        "陈思远",
        "+8615430528642",
        "chen.siyuan@example.com",
        "浙江省杭州市余杭区文化路16号书香苑3幢601室",
        Place("杭州", "Hangzhou"),
        "CN",
    )
    history = _past(world, rng, chen, UPSET, years=1.4, tier="gold", until=timedelta(days=100))
    for days, sku in ((75, "PHO-003"), (48, "WEA-001")):
        placed = timedelta(days=days)
        purchase = _order(world, chen, [sku], placed=placed, shipped=placed - timedelta(days=1), delivered=placed - timedelta(days=11))
        history.purchases.append(purchase)
    history.returns.append(SentBack(history.purchases[-1], 1, "return", "not_as_described", world.now - timedelta(days=30)))
    for days, topic, csat in ((66, "shipping", 2), (39, "shipping", 1), (22, "returns", 1)):
        history.contacts.append(Contacted(world.now - timedelta(days=days), topic, "phone", csat, resolved=False))
    history.visits = [visit for visit in history.visits if visit.at < world.now - timedelta(days=30)]
    history.visits += [Visit(world.now - timedelta(days=days), "membership_cancel") for days in (9, 4, 1)]
    return history


def _happy(world: World, rng: random.Random) -> History:
    james = Person(
        "C000004",
        "en",
        "James Walker",
        "+447700900468",
        "james.walker@example.com",
        "27 Station Road, London, United Kingdom",
        Place("伦敦", "London"),
        "GB",
    )
    history = _past(world, rng, james, CALM, years=2.9, tier="platinum", until=timedelta(days=35))
    history.purchases += [
        _order(world, james, ["CLE-001"], placed=timedelta(days=26), shipped=timedelta(days=25), delivered=timedelta(days=16)),
        _order(world, james, ["BED-001", "LIG-001"], placed=timedelta(days=6), shipped=timedelta(days=5)),
    ]
    history.contacts.append(Contacted(world.now - timedelta(days=70), "products", "website", 5, resolved=True))
    history.visits += [Visit(world.now - timedelta(days=days, hours=5), "product", "BED-001") for days in range(2, 26, 3)]
    return history


def _past(world: World, rng: random.Random, person: Person, habits: Habits, *, years: float, tier: str, until: timedelta) -> History:
    registered_at = world.now - timedelta(days=365 * years)
    member = Member(tier, registered_at + timedelta(days=20))
    history = History(person, registered_at, member=member)
    live(world, history, habits, rng, start=max(registered_at, world.now - timedelta(days=730)), end=world.now - until)
    return history


def _order(
    world: World,
    person: Person,
    skus: list[str],
    *,
    placed: timedelta,
    shipped: timedelta | None = None,
    delivered: timedelta | None = None,
    stuck: str = "",
    stuck_ago: timedelta = timedelta(),
) -> Purchase:
    """Return a paid order by how long ago each thing happened; what did not happen is left out."""
    at = world.now - placed
    steps = _way(world, person, shipped, delivered, stuck, stuck_ago) if shipped else []
    return Purchase(
        placed_at=at,
        promised_at=at + timedelta(days=PROMISED_DAYS[person.domestic]),
        lines=[line_of(world.range.by_sku[sku], 1, at, now=world.now) for sku in skus],
        payment_method="wechat_pay" if person.domestic else "card",
        carrier=world.people.carriers["domestic" if person.domestic else "international"][0],
        steps=steps,
    )


def _way(world: World, person: Person, shipped: timedelta, delivered: timedelta | None, stuck: str, stuck_ago: timedelta) -> list[Step]:
    people, now = world.people, world.now
    hub = people.hubs["domestic" if person.domestic else "international"][0]
    start: datetime = now - shipped
    end = now - (delivered or stuck_ago)
    steps = [Step(start, "picked_up", people.warehouse), Step(start + (end - start) * 0.15, "in_transit", people.warehouse)]
    steps.append(Step(start + (end - start) * 0.5, "arrived_hub", hub))
    if delivered:
        steps += [Step(end - timedelta(hours=3), "out_for_delivery", person.city), Step(end, "delivered", person.city)]
    elif stuck:
        steps.append(Step(end, stuck, hub))
    return steps

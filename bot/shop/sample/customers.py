"""One customer's whole history: until the observation, the decision to stay or to leave, and what comes after it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.shop.sample.churn import HORIZON, Snapshot, Truth, is_customer, probability, snapshot
from bot.shop.sample.history import Habits, History, Member, Visit
from bot.shop.sample.living import World, awake, buy, live

SPAN = timedelta(days=730)  # how far orders go back
MEMBER_SHARE = 0.5
YEAR = timedelta(days=365)
NEW_SHARE = 0.07  # registered after the observation


def make_customer(
    world: World, rng: random.Random, number: int, *, leaving: Callable[[Snapshot, random.Random], float] = probability
) -> tuple[History, Truth | None]:
    """Return the history, and the truth about leaving for whoever was a customer at the observation."""
    observed_at = world.now - HORIZON
    person = world.people.make(rng, number)
    history = History(person, _registered_at(rng, world.now))
    habits = _habits(world, rng, history.registered_at, observed_at)
    start = max(history.registered_at, world.now - SPAN)
    _join(history, rng, observed_at)
    if history.registered_at >= observed_at:
        _welcome(world, history, habits, rng, start)
        live(world, history, habits, rng, start=start, end=world.now)
        return history, None
    live(world, history, habits, rng, start=start, end=observed_at)
    if not is_customer(history, observed_at):
        _forget(history, observed_at)
        return history, None
    likely = leaving(snapshot(history, observed_at), rng)
    churned = rng.random() < likely
    if churned:
        _leave(world, history, habits, rng, observed_at)
    else:
        _stay(world, history, habits, rng, observed_at)
    return history, Truth(person.customer_id, likely, churned, observed_at)


def _registered_at(rng: random.Random, now: datetime) -> datetime:
    days = rng.uniform(1, HORIZON.days) if rng.random() < NEW_SHARE else rng.uniform(HORIZON.days + 5, 1100)
    return awake(rng, now - timedelta(days=days))


def _habits(world: World, rng: random.Random, registered_at: datetime, observed_at: datetime) -> Habits:
    fades = registered_at < observed_at and rng.random() < 0.35
    orders_per_day = min(0.012 * rng.gammavariate(1.3, 1) + 0.003, 0.1)
    return Habits(
        orders_per_day=orders_per_day,
        visits_per_day=0.03 + orders_per_day * rng.uniform(1, 3),
        contacts_per_day=0.002 * rng.gammavariate(1.5, 1),
        trouble=rng.betavariate(1.2, 8),
        patience=rng.gauss(0, 0.5),
        returning=rng.betavariate(1.2, 16),
        discounts=rng.betavariate(0.8, 2),
        favourites=tuple(rng.sample(world.range.categories, 3)),
        fades_at=registered_at + (observed_at - registered_at) * rng.uniform(0.5, 1) if fades else None,
        fades_to=rng.choice((0.0, 0.15, 0.3)) if fades else 1.0,
    )


def _join(history: History, rng: random.Random, observed_at: datetime) -> None:
    if rng.random() >= MEMBER_SHARE:
        return
    started_at = awake(rng, history.registered_at + timedelta(days=rng.expovariate(1 / 60) + 1))
    member = Member(rng.choices(("silver", "gold", "platinum"), (58, 31, 11))[0], started_at)
    if started_at + timedelta(days=60) < observed_at and rng.random() < 0.07:
        member.cancelled_at = awake(rng, started_at + (observed_at - started_at) * rng.uniform(0.3, 0.95))
        history.visits.append(Visit(member.cancelled_at - timedelta(minutes=4), "membership_cancel"))
    elif started_at + YEAR < observed_at and rng.random() < 0.05:
        member.expired_at = started_at + YEAR
    history.member = member


def _welcome(world: World, history: History, habits: Habits, rng: random.Random, start: datetime) -> None:
    """Make a new customer's first purchase, which is why they registered."""
    at = start + timedelta(minutes=rng.randint(3, 90))
    if at < world.now:
        buy(world, history, habits, rng, at, not_before=start)
    if history.member and history.member.started_at >= world.now:
        history.member = None


def _forget(history: History, observed_at: datetime) -> None:
    """Take the membership that has not begun from somebody who stopped coming long ago."""
    if history.member and history.member.started_at >= observed_at:
        history.member = None


def _leave(world: World, history: History, habits: Habits, rng: random.Random, observed_at: datetime) -> None:
    """Cancel the membership within the horizon; who has none orders nothing in it."""
    gone_at = observed_at
    member = history.member
    if member and member.active_at(observed_at):
        gone_at = awake(rng, observed_at + HORIZON * rng.uniform(0.05, 0.95))
        member.cancelled_at = gone_at
        quieter = replace(habits, orders_per_day=habits.orders_per_day * 0.3, contacts_per_day=habits.contacts_per_day * 2)
        live(world, history, quieter, rng, start=observed_at, end=gone_at)
        history.visits.append(Visit(max(gone_at - timedelta(minutes=5), observed_at), "membership_cancel"))
    elif member and member.started_at >= observed_at:
        history.member = None
    lurking = replace(habits, orders_per_day=0.0, contacts_per_day=0.0, visits_per_day=habits.visits_per_day * 0.15)
    live(world, history, lurking, rng, start=gone_at, end=world.now)


def _stay(world: World, history: History, habits: Habits, rng: random.Random, observed_at: datetime) -> None:
    """Order at least once within the horizon."""
    before = len(history.purchases)
    live(world, history, habits, rng, start=observed_at, end=world.now)
    if len(history.purchases) == before:
        at = min(awake(rng, observed_at + HORIZON * rng.uniform(0.02, 0.98)), world.now - timedelta(minutes=rng.randint(1, 600)))
        buy(world, history, habits, rng, max(at, observed_at), not_before=observed_at)

"""Who leaves: the true probability, from behaviour up to a moment and from noise.

`snapshot` sees only what had happened by then, so nothing of the outcome can leak into it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.shop.sample.history import History

HORIZON = timedelta(days=90)  # who leaves within it after the observation, has churned
CUSTOMER_FOR = timedelta(days=365)  # without membership and without an order for so long, there is nobody left to leave
NOISE = 0.45  # what behaviour does not tell, in log-odds
INTERCEPT = -2.3
TIER_EFFECT = {"": 0.0, "silver": -0.2, "gold": -0.4, "platinum": -0.8}
NEUTRAL_CSAT = 4.0


@dataclass(frozen=True)
class Snapshot:
    """A customer's behaviour as seen at a moment."""

    recency_days: float
    orders_180d: int
    late_180d: int
    csat_mean: float  # of the last year; neutral where nobody rated
    returns_365d: int
    coupon_share: float
    cancel_visits_60d: int
    visits_30d: int
    visits_before: float  # in 30 days of the three months before those
    tenure_years: float
    tier: str


@dataclass(frozen=True)
class Truth:
    """What the sample data knows of one customer's leaving, and a real shop would not."""

    customer_id: str
    probability: float
    churned: bool
    observed_at: datetime


def is_customer(history: History, at: datetime) -> bool:
    """Say whether there is somebody who could leave: an active member, or an order within a year."""
    if history.member and history.member.active_at(at):
        return True
    return any(at - CUSTOMER_FOR <= purchase.placed_at < at for purchase in history.purchases)


def snapshot(history: History, at: datetime) -> Snapshot:
    def since(moment: datetime, days: int) -> bool:
        return at - timedelta(days=days) <= moment < at

    placed = [purchase for purchase in history.purchases if purchase.placed_at < at]
    scores = [contact.csat for contact in history.contacts if contact.csat and since(contact.at, 365)]
    seen = [visit for visit in history.visits if since(visit.at, 120)]
    last = max((purchase.placed_at for purchase in placed), default=history.registered_at)
    active = history.member if history.member and history.member.active_at(at) else None
    month = [visit for visit in seen if since(visit.at, 30)]
    return Snapshot(
        recency_days=(at - last) / timedelta(days=1),
        orders_180d=sum(since(purchase.placed_at, 180) for purchase in placed),
        late_180d=sum(since(purchase.placed_at, 180) and purchase.late_at(at) for purchase in placed),
        csat_mean=sum(scores) / len(scores) if scores else NEUTRAL_CSAT,
        returns_365d=sum(since(sent.requested_at, 365) for sent in history.returns),
        coupon_share=sum(bool(purchase.coupon_month) for purchase in placed) / len(placed) if placed else 0.0,
        cancel_visits_60d=sum(visit.page == "membership_cancel" and since(visit.at, 60) for visit in seen),
        visits_30d=len(month),
        visits_before=(len(seen) - len(month)) / 3,
        tenure_years=(at - history.registered_at) / timedelta(days=365),
        tier=active.tier if active else "",
    )


def log_odds(seen: Snapshot) -> float:
    decline = max(0.0, 1 - (seen.visits_30d + 1) / (seen.visits_before + 1))
    return (
        INTERCEPT
        + 0.75 * min(seen.recency_days, 240) / 60
        - 0.6 * math.log1p(seen.orders_180d)
        + 0.7 * min(seen.late_180d, 3)
        + 0.6 * max(0.0, NEUTRAL_CSAT - seen.csat_mean)
        + 0.35 * min(seen.returns_365d, 3)
        + 0.6 * seen.coupon_share
        + 0.8 * min(seen.cancel_visits_60d, 3)
        + 0.8 * decline
        - 0.3 * min(seen.tenure_years, 2.5)
        + TIER_EFFECT[seen.tier]
    )


def probability(seen: Snapshot, rng: random.Random) -> float:
    return 1 / (1 + math.exp(-(log_odds(seen) + rng.gauss(0, NOISE))))

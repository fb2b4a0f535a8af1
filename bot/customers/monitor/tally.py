"""Today's customers counted, from their records: levels by segment, reasons, what is at stake. No customer is named."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec
import sqlalchemy as sa

from bot.customers.profile import Profile
from bot.database.people import customer_profiles, customers

BATCH = 5000


class Tally(msgspec.Struct):
    customers: int = 0
    levels: Counter[str] = msgspec.field(default_factory=Counter)
    by_segment: dict[str, Counter[str]] = msgspec.field(default_factory=lambda: defaultdict(Counter))
    reasons: Counter[str] = msgspec.field(default_factory=Counter)  # of customers at high risk: each of their reasons counts
    loss: Counter[str] = msgspec.field(default_factory=Counter)  # expected, in minor units, by currency


def tally_profiles(connection: sa.Connection) -> Tally:
    """Count over everybody's record, in batches; who objects to profiling has none that counts."""
    query = (
        sa.select(customer_profiles.c.record)
        .join(customers, customers.c.id == customer_profiles.c.customer_id)
        .where(customers.c.objects_to_profiling.is_(False), customers.c.merged_into.is_(None))
    )
    tally = Tally()
    for record in connection.execute(query).scalars().yield_per(BATCH):
        _count(tally, msgspec.convert(record, Profile))
    return tally


def _count(tally: Tally, profile: Profile) -> None:
    tally.customers += 1
    if profile.churn is None:
        return
    level = profile.churn.level
    tally.levels[level] += 1
    tally.by_segment[profile.segment][level] += 1
    tally.loss[profile.currency] += profile.expected_loss_minor
    if level == "high":
        tally.reasons.update(reason.feature for reason in profile.churn.reasons)

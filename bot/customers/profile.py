"""One pre-joined record per customer: what actions, queue and desk read by key."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from bot.customers.holdout import held_out
from bot.database import Database
from bot.database.people import customer_profiles, customers


class ChurnReason(msgspec.Struct, frozen=True):
    """One of the strongest reasons: a feature, the customer's value, and its share of the log-odds against the average customer."""

    feature: str
    value: float
    contribution: float


class ChurnRisk(msgspec.Struct, frozen=True):
    probability: float  # of cancelling or lapsing within the horizon that the model card states
    level: str  # low, medium, high
    reasons: list[ChurnReason] = []  # the three strongest that raise the risk, strongest first


class Profile(msgspec.Struct, frozen=True):
    """What customer intelligence knows of one customer at `updated_at`; money in minor units of `currency`."""

    customer_id: str
    segment: str = ""  # new, loyal, champion, at_risk, dormant, occasional
    churn: ChurnRisk | None = None
    orders: int = 0
    spent_minor: int = 0
    currency: str = "CNY"
    last_order_at: datetime | None = None
    membership_tier: str = ""
    returns: int = 0
    contacts: int = 0
    csat_mean: float | None = None
    recommendations: list[str] = []  # SKUs, best first
    value_minor: int = 0  # what a year with them brings: their spending of the last 365 days
    expected_loss_minor: int = 0  # probability of leaving x value
    model_id: str = ""  # which model said the risk
    held_out: bool = False  # of the group that is treated like everybody, whatever their risk; not stored, see bot.customers.holdout
    updated_at: datetime | None = None


_DECODER = msgspec.json.Decoder(Profile)

# Asked for by any of a person's records, the one that is kept answers.
_KEPT = customers.alias("kept")
_RECORD = (
    sa.select(sa.cast(customer_profiles.c.record, sa.Text).label("record"), _KEPT.c.shop_customer_id)
    .join(_KEPT, _KEPT.c.id == customer_profiles.c.customer_id)
    .join(customers, sa.func.coalesce(customers.c.merged_into, customers.c.id) == customer_profiles.c.customer_id)
    .where(customers.c.id == sa.bindparam("asked"), customers.c.objects_to_profiling.is_(False), _KEPT.c.objects_to_profiling.is_(False))
)


async def read_profile(database: Database, customer_id: str) -> Profile | None:
    """Return the person's record; None where there is none yet or they object to profiling (GDPR Art. 21, PIPL Art. 24)."""
    found = await database.rows(_RECORD, {"asked": customer_id})
    if not found:
        return None
    [(record, shop_customer_id)] = found
    profile = _DECODER.decode(record)
    return msgspec.structs.replace(profile, held_out=held_out(shop_customer_id or profile.customer_id))

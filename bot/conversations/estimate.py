"""How far the waiting time that customers were told was from the one they had."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from bot.database.escalations import escalations
from bot.ids import utcnow

WITHIN = timedelta(days=30)
NEWEST = 1000


@dataclass(frozen=True)
class EstimateError:
    """Seconds between told and true, whichever was longer; `late_share` is the part that waited longer than they were told."""

    count: int
    median_s: float
    most_s: float  # nine of ten were nearer
    late_share: float


def estimate_error(connection: sa.Connection) -> EstimateError | None:
    """Look at who was told a time in the last days and was then served; None without anybody."""
    query = (
        sa.select(escalations.c.created_at, escalations.c.first_claimed_at, escalations.c.estimated_wait_s)
        .where(
            escalations.c.estimated_wait_s.is_not(None),
            escalations.c.first_claimed_at.is_not(None),
            escalations.c.created_at > utcnow() - WITHIN,
        )
        .order_by(escalations.c.created_at.desc())
        .limit(NEWEST)
    )
    late = [(row.first_claimed_at - row.created_at).total_seconds() - row.estimated_wait_s for row in connection.execute(query)]
    if not late:
        return None
    errors = sorted(abs(seconds) for seconds in late)
    nine_of_ten = errors[max(0, -(-len(errors) * 9 // 10) - 1)]
    return EstimateError(len(late), statistics.median(errors), nine_of_ten, sum(seconds > 0 for seconds in late) / len(late))

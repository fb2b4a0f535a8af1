"""Where a customer stands in the queue, and an honest estimate of how long it takes."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database.escalations import escalations
from bot.escalations.queue import Entry
from bot.escalations.staff import Colleague, takers

# The estimate of waiting comes from this many of the newest handled escalations; fewer than three say nothing.
RECENT = 30
FEWEST = 3
LOOKED_AT = 300  # of all skills, the newest first

_WAITS = escalations.c.status == "waiting"
_WAITING = (
    sa.select(escalations.c.conversation_id, escalations.c.skill, escalations.c.place_at).where(_WAITS).order_by(escalations.c.place_at)
)
_AHEAD = (
    sa.select(sa.func.count())
    .select_from(escalations)
    .where(_WAITS, escalations.c.language == sa.bindparam("language"), escalations.c.place_at < sa.bindparam("place_at"))
)
# By id, which grows with time and is indexed, so that years of escalations cost nothing.
_SERVED = (
    sa.select(escalations.c.skill, escalations.c.claimed_at, escalations.c.closed_at)
    .where(escalations.c.status == "resolved", escalations.c.claimed_at.is_not(None), escalations.c.closed_at.is_not(None))
    .order_by(escalations.c.id.desc())
    .limit(LOOKED_AT)
)


@dataclass(frozen=True)
class Lately:
    """Who was at work a moment ago, and how long conversations have taken: enough for an estimate."""

    staff: Sequence[Colleague] = ()
    handle_times: Mapping[str, float] = field(default_factory=dict)

    def handle_s(self, skill: str) -> float | None:
        """Of this skill; where too few have been served, of its language; else of all."""
        names = (skill, skill.rpartition("_")[2], "")
        return next((self.handle_times[name] for name in names if name in self.handle_times), None)


@dataclass(frozen=True)
class Place:
    """Where a customer stands in the queue; `wait_s` is None where recent service times say nothing."""

    position: int
    wait_s: int | None

    @property
    def wait_minutes(self) -> int | None:
        return None if self.wait_s is None else max(1, math.ceil(self.wait_s / 60))


async def place_of(connection: AsyncConnection, entry: Entry, lately: Lately, *, automatic: bool) -> Place:
    """Return the place of an escalation that is just entering: behind all of its language that stand earlier."""
    language = entry.skill.rpartition("_")[2]
    position = (await connection.execute(_AHEAD, {"language": language, "place_at": entry.place_at})).scalar_one() + 1
    return _estimate(position, takers(lately.staff, entry.skill), lately.handle_s(entry.skill), automatic=automatic)


async def places(connection: AsyncConnection, lately: Lately, *, automatic: bool) -> dict[str, Place | None]:
    """Return the place of every conversation that waits; none with nobody to take it, when a position would promise what nobody keeps."""
    found: dict[str, Place | None] = {}
    ahead: defaultdict[str, list[datetime]] = defaultdict(list)
    there: dict[str, list[Colleague]] = {}
    for row in await connection.execute(_WAITING):
        before = ahead[row.skill.rpartition("_")[2]]
        before.append(row.place_at)
        if row.skill not in there:
            there[row.skill] = takers(lately.staff, row.skill)
        position = bisect_left(before, row.place_at) + 1
        estimate = _estimate(position, there[row.skill], lately.handle_s(row.skill), automatic=automatic)
        found[row.conversation_id] = estimate if there[row.skill] else None
    return found


def _estimate(position: int, there: Sequence[Colleague], handle_s: float | None, *, automatic: bool) -> Place:
    """Return position (1 is next, among those who wait in the same language) and estimate.

    With all `slots` taken, one of their conversations ends every `mean handling time / slots` (the departures of an M/M/c queue that
    is full), so the k-th waits k times that long. With automatic assignment the first are given to those who have room, at once.
    """
    if handle_s is None or not there:
        return Place(position, None)
    # Who chooses what to claim serves as many side by side as now, not as many as they might.
    slots = sum(one.capacity if automatic else max(1, one.load) for one in there)
    before = max(0, position - sum(one.room for one in there)) if automatic else position
    return Place(position, round(before * handle_s / slots))


async def read_handle_times(connection: AsyncConnection) -> dict[str, float]:
    """Return the mean seconds of service by skill, by language and, under "", of all, each of its newest where these say something."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for row in await connection.execute(_SERVED):
        took_s = (row.closed_at - row.claimed_at).total_seconds()
        for name in (row.skill, row.skill.rpartition("_")[2], ""):
            if len(times[name]) < RECENT:
                times[name].append(took_s)
    return {name: sum(newest) / len(newest) for name, newest in times.items() if len(newest) >= FEWEST}

"""Where a customer stands in the queue, and an honest estimate of how long it takes."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database.escalations import escalations
from bot.escalations.queue import Entry
from bot.escalations.staff import Colleague, takers

# The estimate of waiting comes from this many of the newest handled escalations; fewer than three say nothing.
RECENT = 30
FEWEST = 3

_WAITS = escalations.c.status == "waiting"


@dataclass(frozen=True)
class Place:
    """Where a customer stands in the queue; `wait_s` is None where recent service times say nothing."""

    position: int
    wait_s: int | None

    @property
    def wait_minutes(self) -> int | None:
        return None if self.wait_s is None else max(1, math.ceil(self.wait_s / 60))


async def place_of(connection: AsyncConnection, entry: Entry, *, staff: Sequence[Colleague], automatic: bool) -> Place:
    """Return the place of an escalation that is just entering: behind all of its language that stand earlier."""
    language = entry.skill.rpartition("_")[2]
    ahead = sa.select(sa.func.count()).where(_WAITS, escalations.c.language == language, escalations.c.place_at < entry.place_at)
    position = (await connection.execute(ahead.select_from(escalations))).scalar_one() + 1
    handle_s = await _mean_handle_s(connection, entry.skill, language)
    return _estimate(position, takers(staff, entry.skill), handle_s, automatic=automatic)


async def places(connection: AsyncConnection, *, staff: Sequence[Colleague], automatic: bool) -> dict[str, Place | None]:
    """Return the place of every conversation that waits; none with nobody to take it, when a position would promise what nobody keeps."""
    query = sa.select(escalations.c.conversation_id, escalations.c.skill, escalations.c.place_at).where(_WAITS)
    found: dict[str, Place | None] = {}
    handle_s: dict[str, float | None] = {}
    there: dict[str, list[Colleague]] = {}
    ahead: dict[str, list[datetime]] = {}
    for row in await connection.execute(query.order_by(escalations.c.place_at)):
        language = row.skill.rpartition("_")[2]
        before = ahead.setdefault(language, [])
        before.append(row.place_at)
        if row.skill not in there:
            there[row.skill] = takers(staff, row.skill)
            handle_s[row.skill] = await _mean_handle_s(connection, row.skill, language)
        taken_by = there[row.skill]
        position = bisect_left(before, row.place_at) + 1
        found[row.conversation_id] = _estimate(position, taken_by, handle_s[row.skill], automatic=automatic) if taken_by else None
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


async def _mean_handle_s(connection: AsyncConnection, skill: str, language: str) -> float | None:
    """Of the newest of this skill; where these are too few, of this language; else of all."""
    for where in (escalations.c.skill == skill, escalations.c.language == language, sa.true()):
        query = (
            sa.select(escalations.c.claimed_at, escalations.c.closed_at)
            .where(escalations.c.status == "resolved", escalations.c.claimed_at.is_not(None), escalations.c.closed_at.is_not(None), where)
            .order_by(escalations.c.closed_at.desc())
            .limit(RECENT)
        )
        times: list[float] = [(row.closed_at - row.claimed_at).total_seconds() for row in await connection.execute(query)]
        if len(times) >= FEWEST:
            return sum(times) / len(times)
    return None

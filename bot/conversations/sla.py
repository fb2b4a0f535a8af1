"""What is promised in time: a clock in SQL for each first response, next response and resolution, in business hours."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations.services import Services
from bot.conversations.wake import News, Wake
from bot.database.escalations import escalations, sla_clocks
from bot.database.types import UtcTime
from bot.escalations.hours import Hours
from bot.escalations.routing import Priority
from bot.escalations.times import promised
from bot.ids import new_id, utcnow

log = logging.getLogger(__name__)

_ADD_CLOCK = sa.insert(sla_clocks)
_AT = sa.bindparam("at", type_=UtcTime)
_CLAIMED = (escalations.c.conversation_id == sa.bindparam("conversation"), escalations.c.status == "claimed")


def _stop(escalation_ids: sa.Select[tuple[str]], at: Any, *targets: str) -> sa.Update:
    """One that is over time is a breach, seen or not."""
    running = [sla_clocks.c.escalation_id.in_(escalation_ids), sla_clocks.c.met_at.is_(None)]
    if targets:
        running.append(sla_clocks.c.target.in_(targets))
    return sa.update(sla_clocks).where(*running).values(met_at=at, breached=sa.or_(sla_clocks.c.breached, sla_clocks.c.due_at < at))


# Built once: it runs with everything that is said to a person.
_OWED = (
    sa.update(escalations)
    .where(escalations.c.conversation_id.in_(sa.bindparam("conversations", expanding=True)))
    .where(escalations.c.status.in_(["waiting", "claimed"]), escalations.c.owed_since.is_(None))
    .values(owed_since=_AT)
    .returning(escalations.c.id, escalations.c.priority, escalations.c.first_reply_at)
)

# Built once: they run with every answer of a person. A clock of a response runs only while one is owed, or none was given yet.
_ANSWERED = (
    sa.update(escalations)
    .where(*_CLAIMED, sa.or_(escalations.c.owed_since.is_not(None), escalations.c.first_reply_at.is_(None)))
    .values(first_reply_at=sa.func.coalesce(escalations.c.first_reply_at, _AT), owed_since=None)
    .returning(escalations.c.id)
)
_STOP_RESPONSES = _stop(sa.select(escalations.c.id).where(*_CLAIMED), _AT, "first_response", "next_response")


async def start_clocks(connection: AsyncConnection, escalation_id: str, *targets: str, priority: int, at: datetime, hours: Hours) -> None:
    await connection.execute(_ADD_CLOCK, [_clock(escalation_id, target, priority=priority, at=at, hours=hours) for target in targets])


def _clock(escalation_id: str, target: str, *, priority: int, at: datetime, hours: Hours) -> dict[str, Any]:
    warn, due = promised(Priority(priority), target)
    return {
        "id": new_id(),
        "escalation_id": escalation_id,
        "target": target,
        "priority": priority,
        "started_at": at,
        "warn_at": hours.after(at, warn),
        "due_at": hours.after(at, due),
        "breached": False,
    }


async def stop_clocks(connection: AsyncConnection, escalation_ids: sa.Select[tuple[str]], *, at: datetime) -> None:
    """End the running clocks of an escalation."""
    await connection.execute(_stop(escalation_ids, at))


async def owe_answers(connection: AsyncConnection, conversation_ids: Sequence[str], *, at: datetime, hours: Hours) -> None:
    """Note since when a person owes these customers an answer; after the first reply its clock runs."""
    if not conversation_ids:
        return
    fresh = (await connection.execute(_OWED, {"conversations": conversation_ids, "at": at})).all()
    clocks = [_clock(row.id, "next_response", priority=row.priority, at=at, hours=hours) for row in fresh if row.first_reply_at is not None]
    if clocks:
        await connection.execute(_ADD_CLOCK, clocks)


async def answer_given(connection: AsyncConnection, conversation_id: str, *, at: datetime) -> None:
    """Note a person's answer: nothing is owed, and the clocks of responses stop."""
    here = {"conversation": conversation_id, "at": at}
    if (await connection.execute(_ANSWERED, here)).first() is not None:
        await connection.execute(_STOP_RESPONSES, here)


async def watch_clocks(services: Services) -> int:
    """Mark warnings and breaches as they come, so that desks show them and reports count them; return how many."""
    now = utcnow()
    running = sla_clocks.c.met_at.is_(None)
    warn = sa.update(sla_clocks).where(running, sla_clocks.c.warned_at.is_(None), sla_clocks.c.warn_at <= now).values(warned_at=now)
    breach = sa.update(sla_clocks).where(running, ~sla_clocks.c.breached, sla_clocks.c.due_at <= now).values(breached=True)
    unwarned = sa.and_(sla_clocks.c.warned_at.is_(None), sla_clocks.c.warn_at <= now)
    due = sa.or_(unwarned, sa.and_(~sla_clocks.c.breached, sla_clocks.c.due_at <= now))
    async with services.database.read() as connection:
        if (await connection.execute(sa.select(sla_clocks.c.id).where(running, due).limit(1))).first() is None:
            return 0
    async with services.database.write() as connection:
        changed = (await connection.execute(warn)).rowcount + (await connection.execute(breach)).rowcount
    if changed:
        log.info("%d promises in time are near or past their limit", changed)
        await services.wake.send(Wake(News.QUEUE))
    return changed

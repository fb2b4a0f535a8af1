"""Who is at work: the agents whose desk is open, what they chose, what they serve and how much room they have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database.conversations import conversations
from bot.database.people import agents
from bot.escalations.queue import Lane
from bot.escalations.routing import all_skills, skills_of, widening_since, widens_to
from bot.ids import utcnow
from bot.messages import Status

# online takes work; away is back soon; finishing ends the shift: no new work, then off; off is not at work, desk open or not.
PRESENCES = ("online", "away", "finishing", "off")
ON_SHIFT = ("online", "away")


@dataclass(frozen=True)
class Colleague:
    """An agent at an open desk."""

    agent_id: str
    skills: frozenset[str]
    presence: str
    capacity: int
    load: int  # conversations that are theirs now
    last_claimed_at: datetime | None

    @property
    def takes_work(self) -> bool:
        return self.presence == "online"

    @property
    def room(self) -> int:
        return max(0, self.capacity - self.load) if self.takes_work else 0


async def read_staff(connection: AsyncConnection, connected: Collection[str]) -> list[Colleague]:
    """Return the colleagues among those whose desk is open."""
    load = (
        sa.select(conversations.c.agent_id, sa.func.count().label("load"))
        .where(conversations.c.status == Status.AGENT, conversations.c.agent_id.in_(connected))
        .group_by(conversations.c.agent_id)
        .subquery("load")
    )
    query = (
        sa.select(agents, sa.func.coalesce(load.c.load, 0).label("load"))
        .outerjoin(load, load.c.agent_id == agents.c.id)
        .where(agents.c.id.in_(connected), agents.c.active)
    )
    return [
        Colleague(
            agent_id=row.id,
            skills=frozenset(skills_of(row.topics, row.languages)),
            presence=row.presence,
            capacity=row.capacity,
            load=row.load,
            last_claimed_at=row.last_claimed_at,
        )
        for row in await connection.execute(query)
    ]


def takers(staff: Sequence[Colleague], skill: str) -> list[Colleague]:
    """Return who takes work of this skill now: those who serve it, else those to whom it widens."""
    working = [one for one in staff if one.takes_work]
    serving = [one for one in working if skill in one.skills]
    return serving or [one for one in working if not one.skills.isdisjoint(widens_to(skill))]


def may_take(one: Colleague, skill: str) -> bool:
    """May a person pass a conversation of this skill on to this colleague? They need its language, and room."""
    language = skill.rpartition("_")[2]
    return one.room > 0 and any(served.endswith(f"_{language}") for served in one.skills)


def lanes_of(skills: Collection[str], staff: Sequence[Colleague]) -> list[Lane]:
    """Return what an agent with these skills may claim: their own; what nobody on shift serves; what has waited for too long."""
    served = {skill for one in staff if one.presence in ON_SHIFT for skill in one.skills}
    since = widening_since(utcnow())
    own = [Lane(skill) for skill in skills]
    others = [skill for skill in all_skills() if skill not in skills and not set(skills).isdisjoint(widens_to(skill))]
    return own + [Lane(skill, since if skill in served else None) for skill in others]


def by_longest_idle(staff: Sequence[Colleague]) -> list[Colleague]:
    """Return those with room, who has been without new work for longest first."""
    return sorted((one for one in staff if one.room), key=lambda one: (one.last_claimed_at is not None, one.last_claimed_at))


def by_least_loaded(staff: Sequence[Colleague]) -> list[Colleague]:
    """Return those with room, the smallest share of their capacity in use first, then as by_longest_idle."""
    return sorted(by_longest_idle(staff), key=lambda one: one.load / one.capacity)


RULES = {"longest_idle": by_longest_idle, "least_loaded": by_least_loaded}

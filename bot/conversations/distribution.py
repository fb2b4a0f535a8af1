"""Automatic assignment: what waits is given to who has room, by the rule of the setting ASSIGNMENT."""

from __future__ import annotations

import logging
from dataclasses import replace

import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.services import Services
from bot.database.escalations import escalations
from bot.database.people import agents
from bot.errors import CapacityError, NotFoundError
from bot.escalations.staff import RULES, Colleague
from bot.ids import utcnow

log = logging.getLogger(__name__)


async def distribute(services: Services, assignment: Assignment) -> int:
    """Give work until nobody with room finds any; return how many conversations were given.

    Safe to run twice at once: every step is a claim, decided in SQL. With the setting `manual` nothing is given.
    """
    if not services.automatic or not await _somebody_waits(services):
        return 0
    given = 0
    staff = await services.staff()
    while (one := await _give_one(services, assignment, staff)) is not None:
        given += 1
        now_has = replace(one, load=one.load + 1, last_claimed_at=utcnow())
        staff = [now_has if colleague is one else colleague for colleague in staff]
    return given


async def _give_one(services: Services, assignment: Assignment, staff: list[Colleague]) -> Colleague | None:
    """Ask one after the other, in the order of the rule, until one finds work that is for them; return them."""
    if not await _somebody_waits(services):
        return None
    for one in RULES[services.settings.assignment](staff):
        async with services.database.read() as connection:
            agent = (await connection.execute(sa.select(agents).where(agents.c.id == one.agent_id))).first()
        if agent is not None and await _claims(assignment, agent, staff):
            return one
    return None


async def _claims(assignment: Assignment, agent: store.Row, staff: list[Colleague]) -> bool:
    try:
        await assignment.claim(agent, staff=staff)
    except (NotFoundError, CapacityError):
        return False
    return True


async def _somebody_waits(services: Services) -> bool:
    async with services.database.read() as connection:
        return (await connection.execute(sa.select(escalations.c.id).where(escalations.c.status == "waiting").limit(1))).first() is not None

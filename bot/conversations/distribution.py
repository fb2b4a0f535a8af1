"""Automatic assignment: what waits is given to who has room, by the rule of the setting ASSIGNMENT."""

from __future__ import annotations

import logging

import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.services import Services
from bot.database.escalations import escalations
from bot.database.people import agents
from bot.errors import CapacityError, NotFoundError
from bot.escalations.staff import RULES

log = logging.getLogger(__name__)


async def distribute(services: Services, assignment: Assignment) -> int:
    """Give work until nobody with room finds any; return how many conversations were given.

    Safe to run twice at once: every step is a claim, decided in SQL. With the setting `manual` nothing is given.
    """
    given = 0
    while services.automatic and await _somebody_waits(services):
        if not await _give_one(services, assignment):
            break
        given += 1
    return given


async def _give_one(services: Services, assignment: Assignment) -> bool:
    """Ask one after the other, in the order of the rule, until one finds work that is for them."""
    staff = await services.staff()
    for one in RULES[services.settings.assignment](staff):
        async with services.database.read() as connection:
            agent = (await connection.execute(sa.select(agents).where(agents.c.id == one.agent_id))).first()
        if agent is not None and await _claims(assignment, agent):
            return True
    return False


async def _claims(assignment: Assignment, agent: store.Row) -> bool:
    try:
        await assignment.claim(agent)
    except (NotFoundError, CapacityError):
        return False
    return True


async def _somebody_waits(services: Services) -> bool:
    async with services.database.read() as connection:
        return (await connection.execute(sa.select(escalations.c.id).where(escalations.c.status == "waiting").limit(1))).first() is not None

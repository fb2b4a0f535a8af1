"""What agents choose at their desks: online, away, finishing, off."""

from __future__ import annotations

import sqlalchemy as sa

from bot.conversations.services import Services
from bot.conversations.wake import News, Wake
from bot.database.conversations import conversations
from bot.database.people import agents
from bot.errors import InputError
from bot.escalations.staff import PRESENCES
from bot.messages import Status

_NOTHING_LEFT = ~sa.exists().where(conversations.c.agent_id == agents.c.id, conversations.c.status == Status.AGENT)


async def choose_presence(services: Services, agent_id: str, presence: str) -> str:
    """Keep the agent's choice and return it; who is finishing with nothing left to finish is off."""
    if presence not in PRESENCES:
        raise InputError(f"presence is {presence[:32]!r}; allowed are {', '.join(PRESENCES)}")
    async with services.database.write() as connection:
        await connection.execute(sa.update(agents).where(agents.c.id == agent_id).values(presence=presence))
    await finish_shifts(services)
    await services.wake.send(Wake(News.QUEUE))
    async with services.database.read() as connection:
        return str(await connection.scalar(sa.select(agents.c.presence).where(agents.c.id == agent_id)))


async def begin_shift(services: Services, agent_id: str) -> None:
    """Who logs in after the end of a shift is at work again."""
    ended = agents.c.presence.in_(("finishing", "off"))
    async with services.database.write() as connection:
        await connection.execute(sa.update(agents).where(agents.c.id == agent_id, ended).values(presence="online"))


async def finish_shifts(services: Services) -> int:
    """Let those be off who were finishing and have nothing left; return how many."""
    done = sa.update(agents).where(agents.c.presence == "finishing", _NOTHING_LEFT)
    async with services.database.read() as connection:
        waits = sa.select(agents.c.id).where(agents.c.presence == "finishing", _NOTHING_LEFT)
        if (await connection.execute(waits)).first() is None:
            return 0
    async with services.database.write() as connection:
        return (await connection.execute(done.values(presence="off"))).rowcount

"""The queue as one web process sees it: read once for all its desks and waiting widgets, when it has moved, and at most so often."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.place import Place, places
from bot.conversations.services import Services
from bot.conversations.together import Together
from bot.database.people import agents
from bot.escalations.staff import Colleague
from bot.messages import Status
from bot.web.entries import Waiting, read_mine, read_waiting, waiting_for
from bot.web.promises import Alert, alerts_for, read_alerts

QUEUE_EVERY_S = 0.3  # the queue moves with every claim; everybody hears of all moves in so long at once
SHARE = 0.1  # of this process's time that may go into looking
RARELY_S = 2.0  # however long a look took: on a busy machine it has mostly waited, and desks must not stand still for that
PATIENCE_S = 2.0  # for the place of who has just come
STALE_S = 10.0  # looked at anew without news too, which heals a lost wake-up

OWN_AT_ONCE = 16  # desks whose own lists are read in one look
_PRESENCE = sa.select(agents.c.id, agents.c.presence).where(agents.c.id.in_(sa.bindparam("agents", expanding=True)))

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """What was read at one moment."""

    staff: Sequence[Colleague] = ()
    waiting: list[Waiting] = field(default_factory=list)  # in the order of service
    places: dict[str, Place | None] = field(default_factory=dict)  # by conversation
    alerts: list[Alert] = field(default_factory=list)


async def look_at(services: Services) -> Look:
    lately = await services.look_around()
    async with services.database.read() as connection:
        return Look(
            staff=lately.staff,
            waiting=await read_waiting(connection, services.cipher),
            places=await places(connection, lately, automatic=services.automatic),
            alerts=await read_alerts(connection),
        )


class Board:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._moved = asyncio.Event()
        self._looked = asyncio.Event()
        self.look = Look()
        self._own: Together[str, dict[str, Any]] = Together(partial(own_views, services), most=OWN_AT_ONCE)

    def moved(self) -> None:
        """Look again, soon."""
        self._moved.set()

    async def own(self, agent_id: str) -> dict[str, Any]:
        """Return what only this agent's desk shows of the queue: what is theirs, and their presence."""
        return await self._own.do(agent_id)

    def place(self, conversation_id: str) -> dict[str, Any] | None:
        """Return what the customer of a conversation that waits is told of their place; None where nothing can be said (yet)."""
        place = self.look.places.get(conversation_id)
        return {"position": place.position, "wait_minutes": place.wait_minutes} if place else None

    async def placed(self, view: dict[str, Any]) -> dict[str, Any]:
        """Return the view of a conversation with its place, if it waits; for one that has just come, after the next look."""
        if view["status"] != Status.WAITING:
            return view
        for _ in range(2):  # a look that is under way may have begun too early
            if view["id"] not in self.look.places:
                self.moved()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._looked.wait(), PATIENCE_S)
        return view | {"queue": self.place(view["id"])}

    async def watch(self, tell: Callable[[], Awaitable[None]]) -> None:
        """Look whenever the queue has moved, and `tell` it, for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), STALE_S)
            self._moved.clear()
            began = time.monotonic()
            try:
                self.look = await look_at(self._services)
                self._looked.set()
                self._looked = asyncio.Event()
                await tell()
            except Exception:
                log.exception("the queue is looked at again in a moment")
                self._moved.set()
            await asyncio.sleep(pause_s(time.monotonic() - began))


def pause_s(took_s: float) -> float:
    """Return how long to wait after a look that took so long."""
    return min(max(QUEUE_EVERY_S, took_s / SHARE), RARELY_S)


async def own_views(services: Services, agent_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the desks of these agents show of their own, in one look."""
    wanted = list(set(agent_ids))
    async with services.database.read() as connection:
        mine = await read_mine(connection, services.cipher, wanted)
        presence = {row.id: row.presence for row in await connection.execute(_PRESENCE, {"agents": wanted})}
    return [{"mine": mine[agent_id], "presence": presence.get(agent_id)} for agent_id in agent_ids]


def queue_view(agent: store.Row, look: Look, own: dict[str, Any]) -> dict[str, Any]:
    """Return the agent's own, what waits for them in the order of service, and how many agents take work."""
    return own | {
        "waiting": waiting_for(agent, look.waiting, look.staff),
        "alerts": alerts_for(agent, look.alerts),
        "online": sum(one.takes_work for one in look.staff),
    }

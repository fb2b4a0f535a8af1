"""Who serves whom: Redis proposes, SQL decides."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.notices import system_message
from bot.conversations.ownership import change_owner, hold_room, pass_over
from bot.conversations.services import Services
from bot.conversations.tracker import end_form
from bot.conversations.wake import News, Wake
from bot.database.escalations import escalation_skips, escalations
from bot.errors import CapacityError, ConflictError, NotFoundError, ServiceError
from bot.escalations.queue import Entry, Lane, QueueLost
from bot.escalations.routing import skills_of
from bot.escalations.staff import Colleague, lanes_of
from bot.escalations.times import first_reply
from bot.ids import utcnow
from bot.redis import REDIS_DOWN

TRIES = 20  # entries that turn out to be gone are dropped on the way to a living one

log = logging.getLogger(__name__)


class Assignment:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = services.database

    async def claim(self, agent: store.Row, *, chosen: str = "", staff: Sequence[Colleague] | None = None) -> str:
        """Give the agent the next waiting conversation, or the chosen one; return its id. `staff`: who is at work, where that is known.

        Raises NotFoundError when nothing waits for this agent, CapacityError when they are full, ConflictError for a chosen one
        that is gone.
        """
        skills = skills_of(agent.topics, agent.languages)
        lanes = lanes_of(skills, await self._services.staff() if staff is None else staff)
        for _ in range(TRIES):
            escalation_id = await self._propose(lanes, chosen, await self._not_for(agent.id))
            if escalation_id is None:
                break
            entry = await self._entry(escalation_id)
            try:
                conversation = await self._decide(agent, escalation_id)
            except CapacityError:
                if entry:
                    await self._settle(escalation_id, skill=entry.skill, again=entry)
                raise
            await self._settle(escalation_id, skill=entry.skill if entry else skills[0])
            if conversation is not None:
                news = Wake(News.MESSAGES, conversation.id, conversation.thread_id)
                await self._services.wake.send(news, Wake(News.QUEUE, agent_id=agent.id))
                log.info("agent %s claimed conversation %s", agent.id, conversation.id)
                return str(conversation.id)
        if chosen:
            raise ConflictError("somebody else has claimed it, or the customer did not wait")
        raise NotFoundError("nobody is waiting for you")

    async def _propose(self, lanes: list[Lane], chosen: str, skip: list[str]) -> str | None:
        try:
            try:
                return await self._services.queue.claim(lanes, chosen=chosen, skip=skip)
            except QueueLost:
                await self.rebuild()
                return await self._services.queue.claim(lanes, chosen=chosen, skip=skip)
        except (QueueLost, *REDIS_DOWN) as error:
            raise ServiceError("the queue is restarting; try again in a moment") from error

    async def _settle(self, escalation_id: str, *, skill: str, again: Entry | None = None) -> None:
        """End a claim in Redis, with the entry back in its queue when nothing came of it; SQL has decided, so Redis may be away."""
        try:
            await self._services.queue.settle(escalation_id, skill=skill)
            if again:
                await self._services.queue.enqueue(again)
        except (QueueLost, *REDIS_DOWN) as error:
            log.warning("the claim of escalation %s ends when the queue is rebuilt: %s", escalation_id, type(error).__name__)

    async def _not_for(self, agent_id: str) -> list[str]:
        """Return what waits but is not given to this agent now: passed on by them, or kept for another for a moment."""
        let_go = (
            sa.select(escalation_skips.c.escalation_id)
            .join(escalations, escalations.c.id == escalation_skips.c.escalation_id)
            .where(
                escalation_skips.c.agent_id == agent_id,
                escalation_skips.c.created_at > utcnow() - first_reply().not_again_for,
                escalations.c.status == "waiting",
            )
        )
        kept = sa.select(escalations.c.id).where(
            escalations.c.reserved_until > utcnow(), escalations.c.status == "waiting", escalations.c.reserved_for != agent_id
        )
        async with self._database.read() as connection:
            return list((await connection.execute(sa.union(let_go, kept))).scalars())

    async def _decide(self, agent: store.Row, escalation_id: str) -> store.Row | None:
        """Compare and set in SQL; None when the escalation no longer waits. CapacityError when the agent is full."""
        async with self._database.write() as connection:
            await hold_room(connection, agent.id)
            row = await change_owner(connection, escalation_id, owner=None, to=agent.id, actor=f"agent:{agent.id}", reason="claimed")
            if row is not None:
                joined = system_message(row, row.last_seq, "agent_joined", row.language, name=agent.display_name)
                await store.add_message(connection, joined)
        return row

    async def put_back(self, escalation_id: str, *, owner: str, reason: str) -> bool:
        """Put a claimed escalation back at its old place: its agent is gone, or did not write. False when it has moved on."""
        returned = {"returns": escalations.c.returns + 1} if reason == "no_first_reply" else {}
        async with self._database.write() as connection:
            row = await change_owner(connection, escalation_id, owner=owner, to=None, actor="worker", reason=reason, **returned)
            if row is None:
                return False
            if returned:
                await pass_over(connection, escalation_id, owner, reason=reason)
            await end_form(connection, row.id)
            await store.add_message(connection, system_message(row, row.last_seq, reason, row.language))
        await self.reconcile()
        await self._services.wake.send(
            Wake(News.MESSAGES, row.id, row.thread_id),
            Wake(News.ALERT, row.id, row.thread_id, escalation_id=escalation_id),
            Wake(News.QUEUE, agent_id=owner),
        )
        log.info("conversation %s waits again: %s", row.id, reason)
        return True

    async def follow(self, escalation_id: str, *, was: str) -> None:
        """Bring Redis up to what SQL has decided of one escalation whose skill was `was`; the worker does it when Redis is away."""
        await self._settle(escalation_id, skill=was)
        try:
            await self.reconcile()
        except (QueueLost, *REDIS_DOWN) as error:
            log.warning("escalation %s is put in its queue when that is rebuilt: %s", escalation_id, type(error).__name__)

    async def reconcile(self) -> None:
        """See that every escalation that waits in SQL waits in Redis; build the queue when it is gone."""
        if not await self._services.queue.stands():  # also with nobody waiting: the next one is to find a queue that stands
            await self.rebuild()
            return
        try:
            await self._services.queue.enqueue(*await self._waiting())
        except QueueLost:
            await self.rebuild()

    async def rebuild(self) -> None:
        entries = await self._waiting()
        await self._services.queue.rebuild(entries)
        log.info("built the queue from SQL with %d waiting", len(entries))

    async def _waiting(self) -> list[Entry]:
        return await self._entries(escalations.c.status == "waiting")

    async def _entry(self, escalation_id: str) -> Entry | None:
        found = await self._entries(escalations.c.id == escalation_id)
        return found[0] if found else None

    async def _entries(self, where: Any) -> list[Entry]:
        query = sa.select(escalations.c.id, escalations.c.skill, escalations.c.place_at).where(where)
        async with self._database.read() as connection:
            return [Entry(*row) for row in await connection.execute(query)]

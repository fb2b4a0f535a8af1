"""Who serves whom: Redis proposes, SQL decides."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.notices import system_message
from bot.conversations.services import Services
from bot.conversations.tracker import end_form
from bot.conversations.wake import News, Wake
from bot.database.conversations import conversations
from bot.database.escalations import escalation_skips, escalations
from bot.database.people import agents
from bot.errors import CapacityError, ConflictError, NotFoundError, ServiceError
from bot.escalations.queue import Entry, Lane, QueueLost
from bot.escalations.routing import skills_of
from bot.escalations.staff import lanes_of
from bot.ids import utcnow
from bot.messages import Status
from bot.redis import REDIS_DOWN

TRIES = 20  # entries that turn out to be gone are dropped on the way to a living one

log = logging.getLogger(__name__)


class Assignment:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = services.database

    async def claim(self, agent: store.Row, *, chosen: str = "") -> str:
        """Give the agent the next waiting conversation, or the chosen one; return its id.

        Raises NotFoundError when nothing waits for this agent, CapacityError when they are full, ConflictError for a chosen one
        that is gone.
        """
        skills = skills_of(agent.topics, agent.languages)
        lanes = lanes_of(skills, await self._services.staff())
        for _ in range(TRIES):
            escalation_id = await self._propose(lanes, chosen, await self._not_for(agent.id))
            if escalation_id is None:
                break
            entry = await self._entry(escalation_id)
            try:
                conversation = await self._decide(agent, escalation_id)
            except CapacityError:
                if entry:
                    await self._services.queue.settle(escalation_id, skill=entry.skill)
                    await self._services.queue.enqueue(entry)
                raise
            await self._services.queue.settle(escalation_id, skill=entry.skill if entry else skills[0])
            if conversation is not None:
                await self._services.wake.send(Wake(News.MESSAGES, conversation.id, conversation.thread_id))
                await self._services.wake.send(Wake(News.QUEUE))
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
        except REDIS_DOWN as error:
            raise ServiceError("the queue is restarting; try again in a moment") from error

    async def _not_for(self, agent_id: str) -> list[str]:
        """Return what waits but is not given to this agent now: passed on by them, or kept for another for a moment."""
        let_go = (
            sa.select(escalation_skips.c.escalation_id)
            .join(escalations, escalations.c.id == escalation_skips.c.escalation_id)
            .where(escalation_skips.c.agent_id == agent_id, escalations.c.status == "waiting")
        )
        kept = sa.select(escalations.c.id).where(
            escalations.c.reserved_until > utcnow(), escalations.c.status == "waiting", escalations.c.reserved_for != agent_id
        )
        async with self._database.read() as connection:
            return list((await connection.execute(sa.union(let_go, kept))).scalars())

    async def _decide(self, agent: store.Row, escalation_id: str) -> store.Row | None:
        """Compare and set in SQL; None when the escalation no longer waits. CapacityError when the agent is full."""
        async with self._database.write() as connection:
            # The agent's row is the lock on their capacity.
            await connection.execute(sa.select(agents.c.id).where(agents.c.id == agent.id).with_for_update(key_share=True))
            busy = sa.select(sa.func.count()).where(conversations.c.agent_id == agent.id, conversations.c.status == Status.AGENT)
            if (await connection.execute(busy)).scalar_one() >= agent.capacity:
                raise CapacityError(f"you are at your capacity of {agent.capacity} conversations; resolve one first")
            row = await self._move(
                connection, escalation_id, before=Status.WAITING, after=Status.AGENT, actor=f"agent:{agent.id}", agent_id=agent.id
            )
            if row is not None:
                await connection.execute(sa.update(agents).where(agents.c.id == agent.id).values(last_claimed_at=utcnow()))
                joined = system_message(row, row.last_seq, "agent_joined", row.language, name=agent.display_name)
                await store.add_message(connection, joined)
        return row

    async def put_back(self, escalation_id: str, *, reason: str) -> None:
        """Put a claimed escalation back at its old place: its agent is gone."""
        async with self._database.write() as connection:
            row = await self._move(
                connection, escalation_id, before=Status.AGENT, after=Status.WAITING, actor="worker", agent_id=None, reason=reason
            )
            if row is None:
                return
            await end_form(connection, row.id)
            await store.add_message(connection, system_message(row, row.last_seq, "agent_gone", row.language))
        await self.reconcile()
        await self._services.wake.send(Wake(News.MESSAGES, row.id, row.thread_id))
        await self._services.wake.send(Wake(News.ALERT, row.id, row.thread_id, escalation_id=escalation_id))
        log.info("conversation %s waits again: %s", row.id, reason)

    async def _move(
        self,
        connection: AsyncConnection,
        escalation_id: str,
        *,
        before: Status,
        after: Status,
        actor: str,
        agent_id: str | None,
        reason: str = "claimed",
    ) -> store.Row | None:
        """Change the owner between queue and agent, taking a place for the notice; None when conversation or escalation has moved on.

        Conversation first, then escalation, as everywhere: two transactions in opposite order would wait for each other.
        """
        query = sa.select(escalations.c.conversation_id).where(escalations.c.id == escalation_id)
        conversation_id = (await connection.execute(query)).scalar_one_or_none()
        if conversation_id is None:
            return None
        epoch = conversations.c.epoch + 1
        seq = await store.advance(
            connection, conversation_id, 1, conversations.c.status == before, status=after, epoch=epoch, agent_id=agent_id
        )
        at = utcnow()
        first = {"first_claimed_at": sa.func.coalesce(escalations.c.first_claimed_at, at)} if agent_id else {}
        was, now = ("waiting", "claimed") if after == Status.AGENT else ("claimed", "waiting")
        take = (
            sa.update(escalations)
            .where(escalations.c.id == escalation_id, escalations.c.status == was)
            .values(status=now, agent_id=agent_id, claimed_at=at if agent_id else None, **first)
        )
        if seq is None or (await connection.execute(take)).rowcount != 1:
            await connection.rollback()
            return None
        row = await store.conversation(connection, conversation_id)
        await store.record_transition(connection, row.id, epoch=row.epoch, before=before, after=after, actor=actor, reason=reason)
        return row

    async def reconcile(self) -> None:
        """See that every escalation that waits in SQL waits in Redis; build the queue when it is gone."""
        try:
            for entry in await self._waiting():
                await self._services.queue.enqueue(entry)
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

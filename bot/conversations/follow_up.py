"""A customer who writes again soon after a person has resolved, or answers a person who wrote first: to the same agent, if they can."""

from __future__ import annotations

import contextlib
import logging

import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.handoff import what_is_known, write_hand_off
from bot.conversations.services import Services
from bot.conversations.wake import News, Wake
from bot.database.conversations import conversations
from bot.database.escalations import escalations
from bot.database.people import agents
from bot.errors import ConflictError, NotFoundError, ServiceError
from bot.escalations.queue import Entry, QueueLost
from bot.escalations.staff import may_take
from bot.escalations.times import follow_up_within, outreach_answered_within
from bot.ids import utcnow
from bot.messages import HandOff, HandoffReason, Message, Status
from bot.redis import REDIS_DOWN

log = logging.getLogger(__name__)


async def to_the_same_agent(services: Services, message: Message) -> bool:
    """Give a new conversation to the agent who resolved the one before a moment ago; False leaves it to the bot.

    An answer to an agent who wrote first waits in the queue when that agent cannot take it: the bot does not know what it answers.
    """
    before = await _just_resolved(services, message)
    if before is None:
        return False
    there = any(one.agent_id == before.agent_id and may_take(one, before.skill) for one in await services.staff())
    if not there and before.reason != HandoffReason.OUTREACH:
        return False
    known = await what_is_known(services, message.thread_id)
    async with services.database.write() as connection:
        row = await store.conversation(connection, message.conversation_id)
        untouched = (conversations.c.status == Status.BOT, conversations.c.epoch == row.epoch, conversations.c.answered_seq < message.seq)
        seq = await store.advance(connection, row.id, 1, *untouched, status=Status.WAITING, epoch=row.epoch + 1, answered_seq=message.seq)
        if seq is None:
            return True  # somebody else is at it already
        reason = HandoffReason.OUTREACH if before.reason == HandoffReason.OUTREACH else HandoffReason.FOLLOW_UP
        hand_off = HandOff(reason=reason, topic=before.skill.rpartition("_")[0])
        entry = await write_hand_off(connection, row, hand_off=hand_off, turn=None, text=message.text, known=known, seq=seq)
    await _give(services, entry, message, before.agent_id if there else "")
    return True


async def _just_resolved(services: Services, message: Message) -> store.Row | None:
    """Return agent and skill of the conversation that a person resolved in this thread before this one, not too long ago."""
    query = (
        sa.select(conversations.c.agent_id, conversations.c.status, conversations.c.resolved_at, escalations.c.skill, escalations.c.reason)
        .outerjoin(escalations, sa.and_(escalations.c.conversation_id == conversations.c.id, escalations.c.status == "resolved"))
        .where(conversations.c.thread_id == message.thread_id, conversations.c.id < message.conversation_id)
        .order_by(conversations.c.id.desc())
        .limit(1)
    )
    async with services.database.read() as connection:
        row = (await connection.execute(query)).first()
    if row is None or not (row.agent_id and row.skill and row.resolved_at):
        return None
    within = outreach_answered_within() if row.reason == HandoffReason.OUTREACH else follow_up_within()
    return row if row.resolved_at > utcnow() - within else None


async def _give(services: Services, entry: Entry, message: Message, agent_id: str) -> None:
    """Let the agent claim it; without one, or when something comes between, it waits for whoever is free."""
    async with services.database.read() as connection:
        agent = (await connection.execute(sa.select(agents).where(agents.c.id == agent_id))).first()
    with contextlib.suppress(QueueLost, ConflictError, NotFoundError, ServiceError, *REDIS_DOWN):
        await services.queue.enqueue(entry)
        if agent is not None:
            await Assignment(services).claim(agent, chosen=entry.escalation_id)
            return
    await services.wake.send(Wake(News.ALERT, message.conversation_id, message.thread_id, escalation_id=entry.escalation_id))

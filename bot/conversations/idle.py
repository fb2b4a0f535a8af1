"""A customer who says nothing more: reminded once, then the conversation closes (`times.yml`: idle)."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.notices import system_message
from bot.conversations.service import NEXT_EPOCH, ConversationService
from bot.conversations.wake import News, Wake
from bot.database.conversations import conversations, inboxes, threads
from bot.database.escalations import escalations
from bot.escalations.times import Idle, idle_rules
from bot.ids import utcnow
from bot.messages import Status

AT_ONCE = 200  # conversations of one rule in one round

log = logging.getLogger(__name__)


async def see_to_the_silent(service: ConversationService) -> None:
    """Remind and close what is overdue by every rule; running it twice at once does nothing twice."""
    for rule in idle_rules():
        if rule.remind:
            for row in await _overdue(service, rule, reminded=False):
                await _remind(service, row)
        for row in await _overdue(service, rule, reminded=True):
            await _close(service, row)


async def _overdue(service: ConversationService, rule: Idle, *, reminded: bool) -> list[store.Row]:
    """Return the conversations in which everything is answered and the customer has been silent for too long."""
    now = utcnow()
    named = {one.channel for one in idle_rules()} - {"other"}
    channel = inboxes.c.channel == rule.channel if rule.channel != "other" else inboxes.c.channel.not_in(named)
    owed = sa.exists().where(
        escalations.c.conversation_id == conversations.c.id, escalations.c.status == "claimed", escalations.c.owed_since.is_not(None)
    )
    answered = conversations.c.answered_seq >= conversations.c.customer_seq if rule.status == Status.BOT else ~owed
    is_reminded = conversations.c.reminded_seq >= conversations.c.customer_seq
    if reminded:
        since, state = now - rule.close, is_reminded if rule.remind else sa.true()
    else:
        since, state = now - (rule.remind or rule.close), ~is_reminded
    query = (
        sa.select(conversations)
        .join(threads, threads.c.id == conversations.c.thread_id)
        .join(inboxes, inboxes.c.id == threads.c.inbox_id)
        .where(conversations.c.status == rule.status, conversations.c.updated_at < since, channel, answered, state)
        .limit(AT_ONCE)
    )
    async with service.services.database.read() as connection:
        return list((await connection.execute(query)).all())


def _unchanged(row: store.Row) -> tuple[sa.ColumnElement[bool], ...]:
    """The fence: nobody has written and nobody has taken it since we looked."""
    return (conversations.c.epoch == row.epoch, conversations.c.status == row.status, conversations.c.last_seq == row.last_seq)


async def _remind(service: ConversationService, row: store.Row) -> None:
    async with service.services.database.write() as connection:
        seq = await store.advance(connection, row.id, 1, *_unchanged(row), reminded_seq=row.customer_seq)
        if seq is None:
            return
        await store.add_message(connection, system_message(row, seq, "still_there", row.language))
    await service.services.wake.send(Wake(News.MESSAGES, row.id, row.thread_id))


async def _close(service: ConversationService, row: store.Row) -> None:
    """Resolve it; who spoke with a person is asked for a rating, as after any resolve."""
    with_agent = row.status == Status.AGENT
    changes: dict[str, Any] = {"csat": "asked"} if with_agent and not row.csat else {}
    async with service.services.database.write() as connection:
        seq = await store.advance(
            connection, row.id, 1, *_unchanged(row), status=Status.RESOLVED, epoch=NEXT_EPOCH, resolved_at=utcnow(), **changes
        )
        if seq is None:
            return
        await store.add_message(connection, system_message(row, seq, "closed_silent", row.language, csat=bool(changes)))
        await service.leave(connection, row, to=Status.RESOLVED, actor="worker", reason="silent", escalation="resolved")
    news = Wake(News.MESSAGES, row.id, row.thread_id)
    await service.services.wake.send(news, Wake(News.QUEUE, agent_id=row.agent_id or ""))
    log.info("conversation %s closed: its customer was silent", row.id)

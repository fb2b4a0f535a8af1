"""An agent writes first: to a customer who has not asked anything, where we can reach them.

What is sent is a conversation of one message, resolved at once: nobody owes an answer to it and no agent's room is taken. The customer's
answer opens a new conversation in the same thread, which goes to the agent who wrote (follow_up.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.base import Channel
from bot.channels.pending import sends_left
from bot.conversations import accounts, store
from bot.conversations.inbound import clean_text
from bot.conversations.services import Services
from bot.conversations.wake import News, Wake
from bot.database.channels import channel_threads
from bot.database.conversations import conversations, inboxes, threads
from bot.database.escalations import escalations
from bot.database.people import customers
from bot.errors import ConflictError, InputError, NotFoundError
from bot.escalations.routing import Priority, skill_of
from bot.ids import new_id, utcnow
from bot.languages import notice
from bot.messages import HandoffReason, Message, Sender, Status

WEBSITE = "website"


class Reach(StrEnum):
    """Whether a customer can be written to on one of their threads."""

    YES = "yes"
    TALKING = "talking"  # a conversation is open there: go on in that one
    CLOSED = "closed"  # they wrote too long ago for this channel
    NONE_LEFT = "none_left"  # the channel's sends are used up until they write
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True)
class Way:
    """How a customer can be reached. Without a thread they find the message when they next log in on the website."""

    channel: str
    reach: Reach
    language: str
    thread_id: str = ""
    conversation_id: str = ""  # the newest of the thread


async def best_way(connection: AsyncConnection, channels: Mapping[str, Channel], customer_id: str) -> Way | None:
    """Return how to reach this person: where they are talking now, else the newest thread that takes a message, else the website.

    None for who has never written and is no customer of the shop; where no thread takes a message, the last one says why.
    """
    person = sa.or_(customers.c.id == customer_id, customers.c.merged_into == customer_id)
    all_of_it = conversations.alias()
    newest = sa.select(sa.func.max(all_of_it.c.id)).where(all_of_it.c.thread_id == threads.c.id).scalar_subquery()
    query = (
        sa.select(
            threads.c.id, threads.c.language, threads.c.inbox_id, inboxes.c.channel, conversations.c.status,
            conversations.c.id.label("conversation_id"), channel_threads.c.customer_at, channel_threads.c.quota_used,
        )
        .join(customers, customers.c.id == threads.c.customer_id)
        .join(inboxes, inboxes.c.id == threads.c.inbox_id)
        .outerjoin(conversations, conversations.c.id == newest)
        .outerjoin(channel_threads, channel_threads.c.thread_id == threads.c.id)
        .where(person)
        .order_by(sa.func.coalesce(conversations.c.id, "").desc(), threads.c.id.desc())
    )  # fmt: skip
    ways = [_way(row, channels) for row in await connection.execute(query)]
    for wanted in (Reach.TALKING, Reach.YES):
        for way in ways:
            if way.reach is wanted:
                return way
    known = await connection.execute(sa.select(customers.c.language, customers.c.shop_customer_id).where(customers.c.id == customer_id))
    row = known.one()
    if row.shop_customer_id:
        return Way(WEBSITE, Reach.YES, row.language)
    return ways[0] if ways else None


def _way(row: sa.Row[Any], channels: Mapping[str, Channel]) -> Way:
    return Way(row.channel, _reach(row, channels), row.language, row.id, row.conversation_id or "")


def _reach(row: sa.Row[Any], channels: Mapping[str, Channel]) -> Reach:
    if row.status not in (None, Status.RESOLVED):
        return Reach.TALKING
    if row.channel == WEBSITE:
        return Reach.YES
    channel = channels.get(row.inbox_id)
    if channel is None:
        return Reach.NOT_CONFIGURED
    traits = channel.traits
    if traits.window_s and (row.customer_at is None or row.customer_at + timedelta(seconds=traits.window_s) <= utcnow()):
        return Reach.CLOSED
    if traits.quota and sends_left(traits, row.quota_used or 0, by_agent=True) <= 0:
        return Reach.NONE_LEFT
    return Reach.YES


async def write_first(
    services: Services, channels: Mapping[str, Channel], *, agent_id: str, customer_id: str, client_id: str, text: str
) -> str:
    """Send the customer an agent's message, once for each `client_id`; return its conversation.

    NotFoundError where there is no way to them, ConflictError where they are talking already or the channel takes nothing now.
    """
    text = clean_text(text)
    if not text:
        raise InputError("the message is empty; write a text")
    own_id = f"agent:{client_id}"
    async with services.database.write() as connection:
        await connection.execute(sa.select(customers.c.id).where(customers.c.id == customer_id).with_for_update())
        sent = await _sent_before(connection, customer_id, own_id)
        if sent:
            return sent
        way = await best_way(connection, channels, customer_id)
        if way is None:
            raise NotFoundError("this customer has never written and cannot log in at the shop; telephone or send an e-mail")
        if way.reach is not Reach.YES:
            raise ConflictError(f"this customer cannot be written to on {way.channel} now: {way.reach.value}")
        language = way.language or services.settings.default_language
        thread_id = way.thread_id or await _website_thread(connection, customer_id, language)
        conversation_id = await _resolved_conversation(connection, thread_id, language, agent_id=agent_id, client_id=own_id, text=text)
        actor = f"agent:{agent_id}"
        await accounts.audit(connection, actor=actor, action="write_first", subject=f"customer:{customer_id}", conversation=conversation_id)
    await services.wake.send(Wake(News.MESSAGES, conversation_id, thread_id))
    return conversation_id


async def _sent_before(connection: AsyncConnection, customer_id: str, client_id: str) -> str:
    """Return the conversation in which this person was sent this message already; "" for a new one."""
    person = sa.or_(customers.c.id == customer_id, customers.c.merged_into == customer_id)
    query = sa.select(threads.c.id).join(customers, customers.c.id == threads.c.customer_id).where(person)
    for thread_id in (await connection.execute(query)).scalars().all():
        seen = await store.message_by_client_id(connection, thread_id, client_id)
        if seen:
            return seen.conversation_id
    return ""


async def _website_thread(connection: AsyncConnection, customer_id: str, language: str) -> str:
    """Make the thread that the website gives a customer who logs in for the first time."""
    thread = await store.lock_thread(connection, inbox_id=WEBSITE, channel_user=new_id(), language=language)
    await connection.execute(sa.update(threads).where(threads.c.id == thread.id).values(customer_id=customer_id))
    return str(thread.id)


async def _resolved_conversation(
    connection: AsyncConnection, thread_id: str, language: str, *, agent_id: str, client_id: str, text: str
) -> str:
    """Write the message into a conversation of its own, with the escalation by which the answer finds the agent."""
    now, actor, reason = utcnow(), f"agent:{agent_id}", HandoffReason.OUTREACH.value
    row = await store.start_conversation(connection, thread_id=thread_id, language=language, page="", actor=actor, reason=reason)
    changes = {"status": Status.RESOLVED, "epoch": row.epoch + 1, "agent_id": agent_id, "resolved_at": now}
    seq = await store.advance(connection, row.id, 1, **changes)
    assert seq is not None
    message = Message(
        id=new_id(), thread_id=thread_id, conversation_id=row.id, seq=seq, sender=Sender.AGENT, text=text, created_at=now,
        agent_id=agent_id, client_id=client_id, language=language,
    )  # fmt: skip
    await store.add_message(connection, message)
    await store.record_transition(
        connection, row.id, epoch=row.epoch + 1, before=Status.BOT, after=Status.RESOLVED, actor=actor, reason=reason
    )
    await connection.execute(
        sa.insert(escalations).values(
            id=new_id(), conversation_id=row.id, status="resolved", reason=reason, priority=Priority.NORMAL,
            skill=skill_of("", language), language=language, summary=notice(f"reason_{reason}", language), packet={},
            agent_id=agent_id, left_message=False, created_at=now, place_at=now, returns=0, long_wait_told=False, closed_at=now,
        )
    )  # fmt: skip
    return str(row.id)

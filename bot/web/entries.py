"""Lines of the desk's lists: who waits, who is mine, what was; and the escalation behind a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.services import Services
from bot.crypto import Cipher
from bot.database.conversations import conversations, messages, threads
from bot.database.escalations import escalations
from bot.database.people import agents, customer_identities
from bot.escalations.routing import Priority, skills_of
from bot.escalations.staff import Colleague, lanes_of
from bot.messages import Status
from bot.web.promises import promises_of
from bot.web.views import iso

LONGEST_LIST = 200
LONGEST_QUEUE = 1000  # looked through for what an agent may take
PAST = 50


_OTHERS = escalations.alias("others")
_NEWEST = sa.select(sa.func.max(_OTHERS.c.id)).where(_OTHERS.c.conversation_id == conversations.c.id).scalar_subquery()
_OPEN = sa.and_(escalations.c.conversation_id == conversations.c.id, escalations.c.status.in_(["waiting", "claimed"]))


def _lines(escalation: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Conversation, its escalation if any, its customer, its last message: one row each."""
    return (
        sa.select(
            conversations.c.id.label("conversation_id"),
            conversations.c.thread_id,
            conversations.c.agent_id,
            conversations.c.status,
            conversations.c.language,
            conversations.c.created_at.label("started_at"),
            escalations.c.id.label("escalation_id"),
            escalations.c.reason,
            escalations.c.priority,
            escalations.c.skill,
            escalations.c.place_at,
            escalations.c.summary,
            escalations.c.left_message,
            escalations.c.created_at.label("escalated_at"),
            escalations.c.packet,
            customer_identities.c.name.label("customer_name"),
            agents.c.display_name.label("agent"),
            messages.c.sender,
            messages.c.text,
            messages.c.created_at.label("said_at"),
        )
        .select_from(conversations)
        .join(threads, threads.c.id == conversations.c.thread_id)
        .outerjoin(escalations, escalation)
        .outerjoin(customer_identities, customer_identities.c.customer_id == threads.c.customer_id)
        .outerjoin(agents, agents.c.id == conversations.c.agent_id)
        .outerjoin(messages, sa.and_(messages.c.conversation_id == conversations.c.id, messages.c.seq == conversations.c.last_seq))
    )


# Built once: they are read with every move of the queue.
_WAITING = _lines(_OPEN).where(escalations.c.status == "waiting").order_by(escalations.c.place_at).limit(LONGEST_QUEUE)
_MINE = (
    _lines(_OPEN)
    .where(conversations.c.status == Status.AGENT, conversations.c.agent_id.in_(sa.bindparam("agents", expanding=True)))
    .order_by(escalations.c.claimed_at)
)


class Waiting(NamedTuple):
    """A line of those who wait, and who may take it."""

    skill: str
    place_at: datetime
    entry: dict[str, Any]


async def read_waiting(connection: AsyncConnection, cipher: Cipher) -> list[Waiting]:
    """Return who waits, in the order of service."""
    rows = (await connection.execute(_WAITING)).all()
    entries = await _with_promises(connection, cipher, rows)
    return [Waiting(row.skill, row.place_at, entry) for row, entry in zip(rows, entries, strict=True)]


async def read_mine(connection: AsyncConnection, cipher: Cipher, agent_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return what these agents serve, by agent, in the order in which they took it."""
    rows = (await connection.execute(_MINE, {"agents": agent_ids})).all()
    mine: dict[str, list[dict[str, Any]]] = {agent_id: [] for agent_id in agent_ids}
    for row, entry in zip(rows, await _with_promises(connection, cipher, rows), strict=True):
        mine[row.agent_id].append(entry)
    return {agent_id: entries[:LONGEST_LIST] for agent_id, entries in mine.items()}


def waiting_for(agent: store.Row, waiting: Sequence[Waiting], staff: Sequence[Colleague]) -> list[dict[str, Any]]:
    """Return those of the queue whom this agent may claim now."""
    lanes = {lane.skill: lane.upto for lane in lanes_of(skills_of(agent.topics, agent.languages), staff)}
    mine = (one.entry for one in waiting if one.skill in lanes and ((upto := lanes[one.skill]) is None or one.place_at <= upto))
    return list(islice(mine, LONGEST_LIST))


async def _with_promises(connection: AsyncConnection, cipher: Cipher, rows: Sequence[store.Row]) -> list[dict[str, Any]]:
    promises = await promises_of(connection, [row.escalation_id for row in rows])
    return [_entry(cipher, row) | {"sla": promises.get(row.escalation_id)} for row in rows]


async def past_entries(services: Services, *, status: str, wanted: str) -> list[dict[str, Any]]:
    """Return conversations, newest first; `wanted` is looked for in the texts."""
    query = _lines(escalations.c.id == _NEWEST).order_by(conversations.c.updated_at.desc()).limit(PAST)
    if status:
        query = query.where(conversations.c.status == status)
    if wanted.strip():
        said = sa.select(messages.c.conversation_id).where(messages.c.text.icontains(wanted.strip(), autoescape=True))
        query = query.where(conversations.c.id.in_(said))
    async with services.database.read() as connection:
        return [_entry(services.cipher, row) for row in await connection.execute(query)]


async def escalation_view(connection: AsyncConnection, conversation_id: str) -> dict[str, Any] | None:
    query = (
        sa.select(escalations).where(escalations.c.conversation_id == conversation_id).order_by(escalations.c.created_at.desc()).limit(1)
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return {
        "id": row.id,
        "reason": row.reason,
        "priority": Priority(row.priority).name.lower(),
        "skill": row.skill,
        "language": row.language,
        "summary": row.summary,
        "created_at": iso(row.created_at),
        "packet": {name: value for name, value in row.packet.items() if name != "profile"},
    }


def _entry(cipher: Cipher, row: sa.Row[Any]) -> dict[str, Any]:
    churn = ((row.packet or {}).get("profile") or {}).get("churn") or {}
    name = cipher.decrypt(row.customer_name, column="customer_identities.name") if row.customer_name else ""
    return {
        "escalation_id": row.escalation_id,
        "conversation_id": row.conversation_id,
        "customer": name or f"#{row.thread_id[-4:].upper()}",
        "reason": row.reason,
        "priority": Priority(row.priority).name.lower() if row.priority is not None else "normal",
        "skill": row.skill,
        "language": row.language,
        "since": iso(row.escalated_at or row.started_at),
        "summary": row.summary or "",
        "churn_level": churn.get("level"),
        "left_message": bool(row.left_message),
        "status": row.status,
        "agent": row.agent,
        "last": {"sender": row.sender, "text": row.text[:200], "created_at": iso(row.said_at)} if row.sender else None,
    }

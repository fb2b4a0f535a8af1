"""Lines of the desk's lists: who waits, who is mine, what was; and the escalation behind a conversation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.services import Services
from bot.database.conversations import conversations, messages, threads
from bot.database.escalations import escalations
from bot.database.people import agents, customer_identities
from bot.escalations.routing import Priority, skills_of
from bot.escalations.staff import lanes_of
from bot.messages import Status
from bot.web.promises import alerts_for, promises_of
from bot.web.views import iso

LONGEST_LIST = 200
PAST = 50


def _lines() -> sa.Select[Any]:
    """Conversation, its newest escalation if any, its customer, its last message: one row each."""
    newest = (
        sa.select(escalations.c.conversation_id, sa.func.max(escalations.c.id).label("id"))
        .group_by(escalations.c.conversation_id)
        .subquery("newest")
    )
    return (
        sa.select(
            conversations.c.id.label("conversation_id"),
            conversations.c.thread_id,
            conversations.c.status,
            conversations.c.language,
            conversations.c.created_at.label("started_at"),
            escalations.c.id.label("escalation_id"),
            escalations.c.reason,
            escalations.c.priority,
            escalations.c.skill,
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
        .outerjoin(newest, newest.c.conversation_id == conversations.c.id)
        .outerjoin(escalations, escalations.c.id == newest.c.id)
        .outerjoin(customer_identities, customer_identities.c.customer_id == threads.c.customer_id)
        .outerjoin(agents, agents.c.id == conversations.c.agent_id)
        .outerjoin(messages, sa.and_(messages.c.conversation_id == conversations.c.id, messages.c.seq == conversations.c.last_seq))
    )


async def queue_view(services: Services, agent: store.Row) -> dict[str, Any]:
    """Return what waits for this agent in the order of service, what is theirs, their presence, and how many agents take work."""
    staff = await services.staff()
    lanes = lanes_of(skills_of(agent.topics, agent.languages), staff)
    claimable: list[sa.ColumnElement[bool]] = [escalations.c.skill.in_([lane.skill for lane in lanes if lane.upto is None])]
    claimable += [sa.and_(escalations.c.skill == lane.skill, escalations.c.place_at <= lane.upto) for lane in lanes if lane.upto]
    waiting = (
        _lines()
        .where(conversations.c.status == Status.WAITING, escalations.c.status == "waiting", sa.or_(*claimable))
        .order_by(escalations.c.place_at)
        .limit(LONGEST_LIST)
    )
    mine = (
        _lines()
        .where(conversations.c.status == Status.AGENT, conversations.c.agent_id == agent.id)
        .order_by(escalations.c.claimed_at)
        .limit(LONGEST_LIST)
    )
    async with services.database.read() as connection:
        rows = {"waiting": (await connection.execute(waiting)).all(), "mine": (await connection.execute(mine)).all()}
        promises = await promises_of(connection, [row.escalation_id for found in rows.values() for row in found])
        return {
            **{name: [_entry(services, row) | {"sla": promises.get(row.escalation_id)} for row in found] for name, found in rows.items()},
            "alerts": await alerts_for(connection, agent),
            "online": sum(one.takes_work for one in staff),
            "presence": await connection.scalar(sa.select(agents.c.presence).where(agents.c.id == agent.id)),
        }


async def past_entries(services: Services, *, status: str, wanted: str) -> list[dict[str, Any]]:
    """Return conversations, newest first; `wanted` is looked for in the texts."""
    query = _lines().order_by(conversations.c.updated_at.desc()).limit(PAST)
    if status:
        query = query.where(conversations.c.status == status)
    if wanted.strip():
        said = sa.select(messages.c.conversation_id).where(messages.c.text.icontains(wanted.strip(), autoescape=True))
        query = query.where(conversations.c.id.in_(said))
    async with services.database.read() as connection:
        return [_entry(services, row) for row in await connection.execute(query)]


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


def _entry(services: Services, row: sa.Row[Any]) -> dict[str, Any]:
    churn = ((row.packet or {}).get("profile") or {}).get("churn") or {}
    name = services.cipher.decrypt(row.customer_name, column="customer_identities.name") if row.customer_name else ""
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

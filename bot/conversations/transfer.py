"""Passing a conversation on: to a colleague, or to another topic's queue, with a note that only agents see."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import accounts, store
from bot.conversations.assignment import Assignment
from bot.conversations.notices import system_message
from bot.conversations.ownership import change_owner, hold_room, pass_over
from bot.conversations.services import Services
from bot.conversations.tracker import end_form
from bot.conversations.wake import News, Wake
from bot.database.escalations import escalations
from bot.database.people import agents
from bot.errors import ConflictError, ForbiddenError, InputError
from bot.escalations.routing import skill_of, topics
from bot.escalations.staff import Colleague, may_take, takers
from bot.ids import utcnow

LONGEST_NOTE = 1000  # characters

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """Where a conversation is to go: to this agent, or else to the queue of this topic."""

    agent_id: str = ""
    topic: str = ""
    note: str = ""


async def transfer(services: Services, assignment: Assignment, agent: store.Row, conversation_id: str, wish: Wish) -> None:
    """Pass on one's own conversation; a supervisor passes on anybody's, and what still waits.

    Raises ConflictError when it has moved on or nobody there can take it, CapacityError for a colleague who is full.
    """
    if bool(wish.agent_id) == bool(wish.topic) or (wish.topic and wish.topic not in topics()):
        raise InputError(f"name an agent_id or a topic, not both; topics are {', '.join(topics())}")
    if len(wish.note) > LONGEST_NOTE:
        raise InputError(f"the note has {len(wish.note)} characters; allowed are {LONGEST_NOTE}")
    staff = await services.staff()
    async with services.database.write() as connection:
        found = await _open_escalation(connection, conversation_id)
        if found.agent_id != agent.id and agent.role != "supervisor":
            raise ForbiddenError("this conversation is not yours; its agent or a supervisor passes it on")
        move = _to_agent if wish.agent_id else _to_topic
        row = await move(connection, found, agent, wish, staff)
        if row is None:
            raise ConflictError("the conversation has moved on meanwhile; look at it again")
        await end_form(connection, row.id)
        target = wish.agent_id or wish.topic
        await accounts.audit(connection, actor=f"agent:{agent.id}", action="transfer", subject=f"conversation:{row.id}", to=target)
    await assignment.follow(found.id, was=found.skill)
    await services.wake.send(
        Wake(News.MESSAGES, row.id, row.thread_id), Wake(News.ALERT, row.id, row.thread_id, escalation_id=found.id), Wake(News.QUEUE)
    )
    log.info("agent %s passed conversation %s on to %s", agent.id, row.id, target)


async def _open_escalation(connection: AsyncConnection, conversation_id: str) -> store.Row:
    query = sa.select(escalations).where(escalations.c.conversation_id == conversation_id, escalations.c.status.in_(["waiting", "claimed"]))
    found = (await connection.execute(query)).first()
    if found is None:
        raise ConflictError("this conversation neither waits nor is with an agent; there is nothing to pass on")
    return found


async def _to_agent(
    connection: AsyncConnection, found: store.Row, agent: store.Row, wish: Wish, staff: Sequence[Colleague]
) -> store.Row | None:
    target = next((one for one in staff if one.agent_id == wish.agent_id), None)
    if target is None or not may_take(target, found.skill) or target.agent_id == found.agent_id:
        raise ConflictError("this colleague cannot take it: they must be online, have room and serve its language")
    name = await connection.scalar(sa.select(agents.c.display_name).where(agents.c.id == target.agent_id))
    await hold_room(connection, target.agent_id, who=f"{name} is")
    changes = {"packet": _with_note(found.packet, agent, wish.note, to=str(name))}
    actor = f"agent:{agent.id}"
    row = await change_owner(connection, found.id, owner=found.agent_id, to=target.agent_id, actor=actor, reason="transferred", **changes)
    if row is not None:
        await store.add_message(connection, system_message(row, row.last_seq, "transferred_to_agent", row.language, name=name))
    return row


async def _to_topic(
    connection: AsyncConnection, found: store.Row, agent: store.Row, wish: Wish, staff: Sequence[Colleague]
) -> store.Row | None:
    skill = skill_of(wish.topic, found.language)
    if not any(one.agent_id != found.agent_id for one in takers(staff, skill)):
        raise ConflictError(f"nobody else who is online takes {wish.topic} in this language; choose another topic or a colleague")
    if found.agent_id is None:
        raise ConflictError("this conversation still waits; pass it on to a colleague")
    changes = {"packet": _with_note(found.packet, agent, wish.note, to=wish.topic), "skill": skill}
    actor = f"agent:{agent.id}"
    row = await change_owner(connection, found.id, owner=found.agent_id, to=None, actor=actor, reason="transferred", **changes)
    if row is not None:
        await pass_over(connection, found.id, found.agent_id, reason="transferred")
        await store.add_message(connection, system_message(row, row.last_seq, "transferred_to_queue", row.language))
    return row


def _with_note(packet: dict[str, Any], agent: store.Row, note: str, *, to: str) -> dict[str, Any]:
    """Add the transfer to what the next agent reads at once."""
    one = {"by": agent.display_name, "to": to, "note": note.strip(), "at": utcnow().isoformat()}
    return packet | {"transfers": [*packet.get("transfers", []), one]}


async def colleagues_for(services: Services, conversation_id: str) -> dict[str, Any]:
    """Return to whom an open conversation can be passed on: colleagues with their load, and topics."""
    staff = {one.agent_id: one for one in await services.staff()}
    async with services.database.read() as connection:
        found = await _open_escalation(connection, conversation_id)
        names = await store.agent_names(connection, list(staff))
    others = [one for one in staff.values() if one.agent_id != found.agent_id]
    shown = [
        {
            "id": one.agent_id,
            "name": names[one.agent_id],
            "presence": one.presence,
            "load": one.load,
            "capacity": one.capacity,
            "can_take": may_take(one, found.skill),
        }
        for one in sorted(others, key=lambda one: (not may_take(one, found.skill), one.load / one.capacity))
    ]
    open_topics = [topic for topic in topics() if takers(others, skill_of(topic, found.language))]
    return {"agents": shown, "topics": open_topics}

"""The change of owner between queue and agents: one compare-and-set, whoever decides it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.database.conversations import conversations, messages
from bot.database.escalations import escalation_skips, escalations
from bot.database.people import agents
from bot.errors import CapacityError
from bot.ids import utcnow
from bot.messages import Status


async def change_owner(
    connection: AsyncConnection,
    escalation_id: str,
    *,
    owner: str | None,
    to: str | None,
    actor: str,
    reason: str,
    **changes: Any,
) -> store.Row | None:
    """Move a conversation from `owner` to `to` (agents' ids; None is the queue), taking a place for the notice.

    `changes` go to the escalation. Returns the conversation as it now is; None when conversation or escalation has moved on, then
    everything is rolled back. Conversation first, then escalation, as everywhere: two transactions in opposite order would wait for
    each other.
    """
    query = sa.select(escalations.c.conversation_id).where(escalations.c.id == escalation_id)
    conversation_id = (await connection.execute(query)).scalar_one_or_none()
    if conversation_id is None:
        return None
    before, after = _status(owner), _status(to)
    fence = (conversations.c.status == before, conversations.c.agent_id.is_not_distinct_from(owner))
    epoch = conversations.c.epoch + 1
    seq = await store.advance(connection, conversation_id, 1, *fence, status=after, epoch=epoch, agent_id=to)
    at = utcnow()
    first = {"first_claimed_at": sa.func.coalesce(escalations.c.first_claimed_at, at)} if to else {}
    take = (
        sa.update(escalations)
        .where(escalations.c.id == escalation_id, escalations.c.status == _WORD[before])
        .values(status=_WORD[after], agent_id=to, claimed_at=at if to else None, reserved_until=None, **first, **changes)
    )
    if seq is None or (await connection.execute(take)).rowcount != 1:
        await connection.rollback()
        return None
    if to:
        await connection.execute(sa.update(agents).where(agents.c.id == to).values(last_claimed_at=at))
    row = await store.conversation(connection, conversation_id)
    await store.record_transition(connection, row.id, epoch=row.epoch, before=before, after=after, actor=actor, reason=reason)
    return row


_WORD = {Status.WAITING: "waiting", Status.AGENT: "claimed"}


def _status(owner: str | None) -> Status:
    return Status.AGENT if owner else Status.WAITING


async def hold_room(connection: AsyncConnection, agent_id: str, *, who: str = "you are") -> None:
    """Lock the agent's row, which is the lock on their capacity; CapacityError when they are full."""
    query = sa.select(agents.c.capacity).where(agents.c.id == agent_id).with_for_update(key_share=True)
    capacity = (await connection.execute(query)).scalar_one()
    busy = sa.select(sa.func.count()).where(conversations.c.agent_id == agent_id, conversations.c.status == Status.AGENT)
    if (await connection.execute(busy)).scalar_one() >= capacity:
        raise CapacityError(f"{who} at the capacity of {capacity} conversations; one has to be resolved first")


async def pass_over(connection: AsyncConnection, escalation_id: str, agent_id: str, *, reason: str) -> None:
    """See that an escalation is not given to this agent again for a while (`times.yml`)."""
    key = (escalation_skips.c.escalation_id == escalation_id, escalation_skips.c.agent_id == agent_id)
    await connection.execute(sa.delete(escalation_skips).where(*key))
    values = {"escalation_id": escalation_id, "agent_id": agent_id, "reason": reason, "created_at": utcnow()}
    await connection.execute(sa.insert(escalation_skips).values(**values))


def silent_since(moment: datetime) -> sa.Select[Any]:
    """Select the escalations (id, agent_id, returns) that were claimed before `moment` and whose agent has not written since."""
    wrote = sa.exists().where(
        messages.c.conversation_id == escalations.c.conversation_id,
        messages.c.agent_id == escalations.c.agent_id,
        messages.c.created_at >= escalations.c.claimed_at,
    )
    return sa.select(escalations.c.id, escalations.c.agent_id, escalations.c.returns, escalations.c.conversation_id).where(
        escalations.c.status == "claimed", escalations.c.claimed_at < moment, ~wrote
    )

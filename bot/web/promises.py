"""What the desk shows of promises in time, and what it has to raise an alarm about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.ownership import silent_since
from bot.database.escalations import escalations, sla_clocks
from bot.escalations.times import first_reply
from bot.ids import utcnow
from bot.web.views import iso

MOST_ALERTS = 1000


_PROMISES = (  # built once: it is read with every move of the queue
    sa.select(sla_clocks)
    .where(sla_clocks.c.escalation_id.in_(sa.bindparam("escalations", expanding=True)), sla_clocks.c.met_at.is_(None))
    .order_by(sla_clocks.c.due_at.desc())
)


async def promises_of(connection: AsyncConnection, escalation_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the promise of each escalation that is due next."""
    found = (await connection.execute(_PROMISES, {"escalations": escalation_ids})).all() if escalation_ids else []
    return {
        row.escalation_id: {"target": row.target, "due_at": iso(row.due_at), "warned": row.warned_at is not None, "breached": row.breached}
        for row in found
    }


class Alert(NamedTuple):
    kind: str
    escalation_id: str
    conversation_id: str
    agent_id: str | None


async def read_alerts(connection: AsyncConnection) -> list[Alert]:
    """Return what somebody has to see to: promises near or past their limit, and agents who do not write."""
    pressing = (
        sa.select(
            escalations.c.id,
            escalations.c.conversation_id,
            escalations.c.agent_id,
            sa.func.max(sa.case((sla_clocks.c.breached, 1), else_=0)).label("late"),
        )
        .join(escalations, escalations.c.id == sla_clocks.c.escalation_id)
        .where(sla_clocks.c.met_at.is_(None), sla_clocks.c.warned_at.is_not(None), escalations.c.status.in_(["waiting", "claimed"]))
        .group_by(escalations.c.id, escalations.c.conversation_id, escalations.c.agent_id)
        .limit(MOST_ALERTS)
    )
    alerts = [
        Alert("sla_breach" if row.late else "sla_warning", row.id, row.conversation_id, row.agent_id)
        for row in await connection.execute(pressing)
    ]
    rule = first_reply()
    silent = silent_since(utcnow() - rule.within).where(escalations.c.returns > rule.returns).limit(MOST_ALERTS)
    return alerts + [Alert("no_first_reply", row.id, row.conversation_id, row.agent_id) for row in await connection.execute(silent)]


def alerts_for(agent: store.Row, alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    """Return what an agent has to see to: warnings of their own; a supervisor everybody's, breaches and agents who do not write."""
    theirs = (one for one in alerts if agent.role == "supervisor" or (one.kind == "sla_warning" and one.agent_id == agent.id))
    return [{"kind": one.kind, "escalation_id": one.escalation_id, "conversation_id": one.conversation_id} for one in theirs]

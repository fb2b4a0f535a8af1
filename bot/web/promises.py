"""What the desk shows of promises in time, and what it has to raise an alarm about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.ownership import silent_since
from bot.database.escalations import escalations, sla_clocks
from bot.escalations.times import first_reply
from bot.ids import utcnow
from bot.web.views import iso

LONGEST_LIST = 200


async def promises_of(connection: AsyncConnection, escalation_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the promise of each escalation that is due next."""
    query = (
        sa.select(sla_clocks)
        .where(sla_clocks.c.escalation_id.in_(escalation_ids), sla_clocks.c.met_at.is_(None))
        .order_by(sla_clocks.c.due_at.desc())
    )
    found = (await connection.execute(query)).all() if escalation_ids else []
    return {
        row.escalation_id: {"target": row.target, "due_at": iso(row.due_at), "warned": row.warned_at is not None, "breached": row.breached}
        for row in found
    }


async def alerts_for(connection: AsyncConnection, agent: store.Row) -> list[dict[str, Any]]:
    """Return what an agent has to see to: warnings of their own; a supervisor also everybody's, breaches and agents who do not write."""
    is_supervisor = agent.role == "supervisor"
    pressing = (
        sa.select(escalations.c.id, escalations.c.conversation_id, sa.func.max(sa.case((sla_clocks.c.breached, 1), else_=0)).label("late"))
        .join(escalations, escalations.c.id == sla_clocks.c.escalation_id)
        .where(sla_clocks.c.met_at.is_(None), sla_clocks.c.warned_at.is_not(None), escalations.c.status.in_(["waiting", "claimed"]))
        .group_by(escalations.c.id, escalations.c.conversation_id)
        .limit(LONGEST_LIST)
    )
    if not is_supervisor:
        pressing = pressing.where(escalations.c.agent_id == agent.id)
    alerts = [
        _alert("sla_breach" if row.late else "sla_warning", row)
        for row in await connection.execute(pressing)
        if is_supervisor or not row.late
    ]
    if is_supervisor:
        rule = first_reply()
        silent = silent_since(utcnow() - rule.within).where(escalations.c.returns > rule.returns).limit(LONGEST_LIST)
        alerts += [_alert("no_first_reply", row) for row in await connection.execute(silent)]
    return alerts


def _alert(kind: str, row: sa.Row[Any]) -> dict[str, Any]:
    return {"kind": kind, "escalation_id": row.id, "conversation_id": row.conversation_id}

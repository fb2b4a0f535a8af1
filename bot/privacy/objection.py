"""A person objects to profiling (GDPR Art. 21, PIPL Art. 24), or takes that back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bot.customers.resolve.merges import one_person
from bot.database import audit
from bot.database.conversations import conversations, threads
from bot.database.escalations import escalations
from bot.database.intelligence import churn_scores
from bot.database.people import customer_profiles, customers
from bot.errors import NotFoundError


def set_objection(connection: sa.Connection, customer_id: str, *, objects: bool, actor: str) -> int:
    """Note it for all records of the person, and with an objection delete what profiling has made; return how many records.

    From this transaction on every reader takes them for somebody unknown: priority, offers, recommendations, panel. The next scoring and
    training leave them out. Offers made so far stay in `offers_made`: they are the account of what was decided by machine.
    """
    if connection.execute(sa.select(customers.c.id).where(customers.c.id == customer_id)).first() is None:
        raise NotFoundError(f"there is no customer {customer_id[:40]!r}")
    ids = one_person(connection, [customer_id])
    connection.execute(sa.update(customers).where(customers.c.id.in_(ids)).values(objects_to_profiling=objects))
    if objects:
        connection.execute(sa.delete(customer_profiles).where(customer_profiles.c.customer_id.in_(ids)))
        connection.execute(sa.delete(churn_scores).where(churn_scores.c.customer_id.in_(ids)))
        _out_of_packets(connection, ids)
    action = "object_to_profiling" if objects else "withdraw_objection"
    audit.record(connection, actor=actor, action=action, subject=f"customer:{min(ids)}")
    return len(ids)


def _out_of_packets(connection: sa.Connection, ids: set[str]) -> None:
    """Take the profile out of what was handed to agents."""
    query = (
        sa.select(escalations.c.id, escalations.c.packet)
        .join(conversations, conversations.c.id == escalations.c.conversation_id)
        .join(threads, threads.c.id == conversations.c.thread_id)
        .where(threads.c.customer_id.in_(ids))
    )
    for row in connection.execute(query).all():
        packet: dict[str, Any] = row.packet
        if packet.get("profile"):
            without = {**packet, "profile": None}
            connection.execute(sa.update(escalations).where(escalations.c.id == row.id).values(packet=without))

"""Which offer was made to whom, why, and whether it was accepted: one a conversation, the same however often it is asked for."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.customers.offers import Offer, choose_offer, is_treated, table
from bot.customers.profile import Profile
from bot.database import Database
from bot.database.intelligence import offers_made
from bot.ids import new_id, utcnow

_MADE = sa.select(offers_made.c.kind, offers_made.c.value, offers_made.c.rule)


async def make_offer(database: Database, *, conversation_id: str, customer_id: str, profile: Profile | None) -> Offer:
    """Choose and record the offer of this conversation; a later call returns the recorded one, whatever the profile says by then."""
    made = _MADE.where(offers_made.c.conversation_id == conversation_id)
    async with database.read() as connection:
        row = (await connection.execute(made)).first()
    if row is None:
        insert = postgresql.insert if not database.is_sqlite else sqlite.insert
        async with database.write() as connection:
            values = _row(conversation_id, customer_id, choose_offer(profile), profile)
            await connection.execute(insert(offers_made).values(values).on_conflict_do_nothing())
            row = (await connection.execute(made)).one()
    return Offer(*row)


async def accept_offer(database: Database, conversation_id: str) -> None:
    """Record that the customer has taken the offer of this conversation; the first time counts."""
    accepted = sa.update(offers_made).where(offers_made.c.conversation_id == conversation_id, offers_made.c.accepted_at.is_(None))
    async with database.write() as connection:
        await connection.execute(accepted.values(accepted_at=utcnow()))


async def accepted_lately(database: Database, customer_id: str) -> bool:
    """Say whether the customer has accepted an offer so lately that the rules allow no other."""
    since = utcnow() - table().again_after
    query = sa.select(offers_made.c.id).where(offers_made.c.customer_id == customer_id, offers_made.c.accepted_at > since).limit(1)
    async with database.read() as connection:
        return (await connection.execute(query)).first() is not None


def _row(conversation_id: str, customer_id: str, offer: Offer, profile: Profile | None) -> dict[str, Any]:
    churn = profile.churn if profile else None
    return {
        "id": new_id(),
        "customer_id": customer_id,
        "conversation_id": conversation_id,
        "kind": offer.kind,
        "value": offer.value,
        "rule": offer.rule,
        "held_out": profile is not None and profile.held_out,
        "model_id": profile.model_id or None if profile else None,
        "probability": churn.probability if churn else None,
        "expected_loss_minor": profile.expected_loss_minor if profile and is_treated(profile) else None,
        "reasons": msgspec.to_builtins(churn.reasons) if churn else [],
        "created_at": utcnow(),
    }

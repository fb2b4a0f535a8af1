"""Who is speaking: read from SQL for every access, never from what was said or from a slot."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database import Database
from bot.database.conversations import conversations, proof_attempts, threads
from bot.database.people import customers
from bot.errors import NotFoundError
from bot.ids import utcnow

_NAMESPACE = uuid.UUID("9f0c1c0e-6b1f-4a39-8f5e-2f6d3f1f7a52")
PROOF_LIFE = timedelta(hours=24)  # a shared computer is somebody else's tomorrow


@dataclass(frozen=True)
class Who:
    """The speaker of a conversation. `proven_orders` are an anonymous visitor's: order number to its owner's number at the shop."""

    conversation_id: str
    thread_id: str
    customer_id: str | None
    shop_customer_id: str | None
    language: str
    caller: str  # the network that the conversation is held from, as a keyed hash, or the sender on a channel
    proven_orders: dict[str, str] = field(default_factory=dict)

    @property
    def identified(self) -> bool:
        return self.shop_customer_id is not None

    def owner_of(self, order_number: str) -> str | None:
        """Return under which of the shop's customer numbers this speaker may look at the order; None means not at all.

        Whether an identified customer's order exists and is theirs is the shop's to say.
        """
        return self.shop_customer_id or self.proven_orders.get(order_number)


# Built once: who speaks is asked with every action, and to build a query takes longer than to run it.
_SPEAKER = (
    sa.select(conversations.c.thread_id, conversations.c.language, conversations.c.caller)
    .add_columns(threads.c.inbox_id, threads.c.channel_user, threads.c.customer_id, customers.c.shop_customer_id)
    .join(threads, threads.c.id == conversations.c.thread_id)
    .outerjoin(customers, customers.c.id == threads.c.customer_id)
    .where(conversations.c.id == sa.bindparam("conversation"))
)
_PROVEN = (
    sa.select(proof_attempts.c.order_number, proof_attempts.c.shop_customer_id)
    .where(
        proof_attempts.c.thread_id == sa.bindparam("thread"),
        proof_attempts.c.succeeded.is_(True),
        proof_attempts.c.created_at > sa.bindparam("since"),
    )
    .order_by(proof_attempts.c.created_at)
)


async def who(database: Database, conversation_id: str) -> Who:
    """Return the speaker; NotFoundError for an unknown conversation."""
    async with database.read() as connection:
        row = (await connection.execute(_SPEAKER, {"conversation": conversation_id})).first()
        if row is None:
            raise NotFoundError(f"there is no conversation {conversation_id!r}")
        proven = {} if row.shop_customer_id else await _proven_orders(connection, row.thread_id)
    caller = row.caller or _sender(row.inbox_id, row.channel_user)
    return Who(conversation_id, row.thread_id, row.customer_id, row.shop_customer_id, row.language, caller, proven)


def _sender(inbox_id: str, channel_user: str) -> str:
    """Return one name for all threads of a sender on a channel: a mail's subject, for one, stands behind the "/"."""
    return str(uuid.uuid5(_NAMESPACE, f"{inbox_id}/{channel_user.partition('/')[0]}"))


async def _proven_orders(connection: AsyncConnection, thread_id: str) -> dict[str, str]:
    rows = await connection.execute(_PROVEN, {"thread": thread_id, "since": utcnow() - PROOF_LIFE})
    return {row.order_number: row.shop_customer_id for row in rows}

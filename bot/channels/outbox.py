"""The outbox in SQL: what channels are to deliver, in order, once. Every function works inside the caller's transaction.

A thread's row in `channel_threads` is both the lock on its sending (a lease) and the memory of what its channel still allows.
Writers take it last, after thread, agent, conversation and escalation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.base import (
    Consent,
    Receipt,
)
from bot.channels.vendor import (
    Reason,
)
from bot.database.channels import channel_threads, outbox
from bot.database.conversations import threads
from bot.database.types import UtcTime
from bot.ids import utcnow
from bot.messages import Message

# Longer than the slowest vendor call with its token, so that a living owner always renews in time.
LEASE_S = 40

# "failed" may follow "delivered" with some vendors, "delivered" may arrive after "read": the later step stays.
RECEIPTS = ("failed", "delivered", "read")


def _heard(insert: Any) -> Any:
    """Build the statement of `heard` once: it runs before each acknowledgement."""
    first = insert(channel_threads)
    new = first.excluded
    due = sa.case((channel_threads.c.held, new.customer_at), else_=channel_threads.c.next_at)
    changes = {"customer_at": new.customer_at, "quota_used": 0, "reply_token": new.reply_token, "next_at": due, "held": False}
    return first.on_conflict_do_update(index_elements=["thread_id"], set_=changes)


_HEARD = {"postgresql": _heard(postgresql.insert), "sqlite": _heard(sqlite.insert)}


class Heard(NamedTuple):
    """Whose message came, and what it permits."""

    thread_id: str
    inbox_id: str
    reply_token: str


async def heard(connection: AsyncConnection, *, thread_id: str, inbox_id: str, reply_token: str = "") -> None:
    """Note that the customer has written: windows and quotas begin anew, and what waited for it may go."""
    await heard_all(connection, [Heard(thread_id, inbox_id, reply_token)])


async def heard_all(connection: AsyncConnection, all_heard: Sequence[Heard]) -> None:
    """The same for many customers."""
    now = utcnow()
    rows = [{**each._asdict(), "held": False, "customer_at": now, "quota_used": 0} for each in all_heard]
    if rows:
        await connection.execute(_HEARD[connection.dialect.name], rows)


_SOON = (  # built once: it runs with every message for a customer
    sa.update(channel_threads)
    .where(channel_threads.c.thread_id == sa.bindparam("thread"))
    .values(next_at=sa.func.coalesce(channel_threads.c.next_at, sa.bindparam("now", type_=UtcTime)))
    .returning(channel_threads.c.inbox_id)
)


async def put(connection: AsyncConnection, message: Message) -> None:
    """Put a message into the outbox, if its thread is a channel's; a website's customer fetches it and nothing happens here."""
    now = utcnow()
    inbox_id = (await connection.execute(_SOON, {"thread": message.thread_id, "now": now})).scalar_one_or_none()
    if inbox_id is None:
        return
    here = {"message_id": message.id, "thread_id": message.thread_id, "conversation_id": message.conversation_id, "seq": message.seq}
    await connection.execute(
        sa.insert(outbox).values(
            **here, inbox_id=inbox_id, state="pending", reason="", parts_sent=0, attempts=0, receipt="", created_at=now
        )
    )


def _due() -> tuple[sa.ColumnElement[bool], ...]:
    now = utcnow()
    return channel_threads.c.next_at <= now, sa.or_(channel_threads.c.owned_until.is_(None), channel_threads.c.owned_until < now)


async def is_due(connection: AsyncConnection) -> bool:
    """Say whether there is a thread to claim."""
    return (await connection.execute(sa.select(channel_threads.c.thread_id).where(*_due()).limit(1))).first() is not None


async def claim(connection: AsyncConnection, owner: str, *, most: int) -> list[str]:
    """Take the threads that are due and that nobody else sends for; return their ids."""
    due = (
        sa.select(channel_threads.c.thread_id)
        .where(*_due())
        .order_by(channel_threads.c.next_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    take = (
        sa.update(channel_threads)
        .where(channel_threads.c.thread_id.in_(due.scalar_subquery()))
        .values(owner=owner, owned_until=utcnow() + timedelta(seconds=LEASE_S))
        .returning(channel_threads.c.thread_id)
    )
    return list((await connection.execute(take)).scalars())


async def renew(connection: AsyncConnection, thread_id: str, owner: str, *, used_token: str) -> bool:
    """Count one vendor call and keep the lease; False when it is no longer ours, and then nothing more may be sent."""
    token = channel_threads.c.reply_token
    update = (
        sa.update(channel_threads)
        .where(channel_threads.c.thread_id == thread_id, channel_threads.c.owner == owner)
        .values(
            owned_until=utcnow() + timedelta(seconds=LEASE_S),
            quota_used=channel_threads.c.quota_used + 1,
            reply_token=sa.case((token == used_token, ""), else_=token),
        )
    )
    return (await connection.execute(update)).rowcount == 1


async def release(
    connection: AsyncConnection, thread_id: str, owner: str, *, next_at: datetime | None = None, held: Sequence[str] = ()
) -> None:
    """Give the thread back, due at `next_at`; without it at once if there is more than the `held` messages to send, else with the next.

    The row is locked first: who puts a message in at the same time either is seen here, or sees the thread at rest and makes it due.
    """
    mine = (channel_threads.c.thread_id == thread_id, channel_threads.c.owner == owner)
    await connection.execute(sa.select(channel_threads.c.thread_id).where(*mine).with_for_update())
    if next_at is None:
        pending = (outbox.c.thread_id == thread_id, outbox.c.state == "pending", outbox.c.message_id.not_in(held))
        more = (await connection.execute(sa.select(outbox.c.message_id).where(*pending).limit(1))).first()
        next_at = utcnow() if more else None
    values = {"owner": None, "owned_until": None, "next_at": next_at, "held": bool(held)}
    await connection.execute(sa.update(channel_threads).where(*mine).values(**values))


async def mark(connection: AsyncConnection, message_ids: Sequence[str], **changes: Any) -> None:
    await connection.execute(sa.update(outbox).where(outbox.c.message_id.in_(message_ids)).values(**changes))


async def note_consent(connection: AsyncConnection, inbox_id: str, consent: Consent) -> None:
    """Keep that the customer wants no more messages, or some again. Who never wrote here is never written to."""
    thread = sa.select(threads.c.id).where(threads.c.inbox_id == inbox_id, threads.c.channel_user == consent.channel_user)
    change = sa.update(channel_threads).where(channel_threads.c.thread_id.in_(thread.scalar_subquery()))
    await connection.execute(change.values(stopped=consent.stopped))


async def note_receipt(connection: AsyncConnection, inbox_id: str, receipt: Receipt) -> sa.Row[Any] | None:
    """Keep what became of a message; return its conversation, thread and place when that is news."""
    if receipt.state not in RECEIPTS or not receipt.vendor_id:
        return None
    earlier = RECEIPTS[: RECEIPTS.index(receipt.state)] if receipt.state != "failed" else ()
    update = (
        sa.update(outbox)
        .where(
            outbox.c.inbox_id == inbox_id,
            outbox.c.vendor_id == receipt.vendor_id[:128],
            outbox.c.receipt.in_(["", *earlier]),
        )
        .values(receipt=receipt.state, **({"state": "dead", "reason": Reason.REFUSED} if receipt.state == "failed" else {}))
        .returning(outbox.c.conversation_id, outbox.c.thread_id, outbox.c.seq)
    )
    return max(await connection.execute(update), key=lambda row: row.seq, default=None)


async def repeat(connection: AsyncConnection, message_id: str, *, conversation_id: str) -> bool:
    """Send a dead message of this conversation again; False when it is not dead."""
    again = (
        sa.update(outbox)
        .where(outbox.c.message_id == message_id, outbox.c.conversation_id == conversation_id, outbox.c.state == "dead")
        .values(state="pending", reason="", attempts=0, bundle_id=None, parts_sent=0, receipt="", vendor_id=None, created_at=utcnow())
        .returning(outbox.c.thread_id)
    )
    thread_id = (await connection.execute(again)).scalar_one_or_none()
    if thread_id is None:
        return False
    due = sa.update(channel_threads).where(channel_threads.c.thread_id == thread_id)
    await connection.execute(due.values(next_at=utcnow(), held=False))
    return True

"""A channel's customer becomes known: a link to the company's page, where who is logged in confirms that this conversation is theirs.

The token in the link is signed, good for half an hour and once. The shop answers for its customer with a JWT that names the very token, so
that neither a page's ordinary JWT nor somebody else's link is enough. Every link, and every unlinking, is in the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.accounts import audit
from bot.conversations.notices import system_message
from bot.conversations.services import Services
from bot.conversations.visitors import ALGORITHM, Visitors, customer_of
from bot.conversations.wake import News, Wake
from bot.conversations.who import PROOF_LIFE
from bot.database import Database
from bot.database.channels import channel_threads, link_tokens
from bot.database.conversations import inboxes, proof_attempts, threads
from bot.database.people import customers
from bot.errors import AuthError, ConflictError, NotFoundError
from bot.ids import new_id, utcnow
from bot.settings import Settings

LIFE = timedelta(minutes=30)
AUDIENCE = "link"
PARAMETER = "yingda_link"

_CHANNELS_CUSTOMER = sa.select(threads.c.customer_id).join(channel_threads, channel_threads.c.thread_id == threads.c.id)


@dataclass(frozen=True)
class Invitation:
    """What a page may say before its customer confirms: to whom the conversation belongs on its channel is not in it."""

    token_id: str
    thread_id: str
    channel: str
    asked_at: datetime


async def invite(settings: Settings, database: Database, thread_id: str, *, actor: str) -> str:
    """Return a fresh link for the customer of a channel's thread; empty where there is no page for it, or nobody needs it."""
    page = settings.link_page
    if not page:
        return ""
    now, token_id = utcnow(), new_id()
    async with database.write() as connection:
        row = (await connection.execute(_CHANNELS_CUSTOMER.where(threads.c.id == thread_id))).first()
        if row is None or row.customer_id is not None:
            return ""
        values = {"id": token_id, "thread_id": thread_id, "actor": actor, "created_at": now, "expires_at": now + LIFE}
        await connection.execute(sa.insert(link_tokens).values(**values))
    token = jwt.encode({"sub": token_id, "aud": AUDIENCE, "exp": now + LIFE}, settings.secret_key, algorithm=ALGORITHM)
    return f"{page}{'&' if '?' in page else '?'}{PARAMETER}={token}"


async def look(services: Services, token: str) -> Invitation:
    """Return what a link is for. AuthError for a forged or late one, ConflictError for one that was used."""
    async with services.database.read() as connection:
        return await _open(connection, services.settings, token)


async def confirm(services: Services, identity: str) -> str:
    """Link the thread to the customer whom the shop answers for; return our id of them.

    AuthError unless shop and link are both genuine, ConflictError when the link was used or the thread is another customer's.
    """
    number, token = Visitors(services.settings, services.database).confirmed(identity)
    async with services.database.write() as connection:
        found = await _open(connection, services.settings, token)
        use = sa.update(link_tokens).where(link_tokens.c.id == found.token_id, link_tokens.c.used_at.is_(None))
        if (await connection.execute(use.values(used_at=utcnow()))).rowcount != 1:
            raise _used()
        customer_id = await customer_of(connection, number, "")
        free = (threads.c.id == found.thread_id, sa.or_(threads.c.customer_id.is_(None), threads.c.customer_id == customer_id))
        if (await connection.execute(sa.update(threads).where(*free).values(customer_id=customer_id))).rowcount != 1:
            raise ConflictError("this conversation is linked to another customer; an agent has to unlink it first")
        await audit(connection, actor="customer", action="link", subject=f"customer:{customer_id}", thread=found.thread_id)
        conversation_id = await _say(connection, found.thread_id, "linked")
    await services.wake.send(Wake(News.MESSAGES, conversation_id, found.thread_id))
    return customer_id


async def unlink(services: Services, conversation_id: str, *, actor: str) -> None:
    """Part a channel's thread from its customer; what was proven there counts no more. ConflictError when there is nothing to part."""
    async with services.database.write() as connection:
        row = await store.conversation(connection, conversation_id)
        found = (await connection.execute(_CHANNELS_CUSTOMER.where(threads.c.id == row.thread_id))).first()
        if found is None:
            raise ConflictError("on the website the page says who its visitor is; there is nothing to part")
        proven = sa.delete(proof_attempts).where(proof_attempts.c.thread_id == row.thread_id, proof_attempts.c.succeeded.is_(True))
        forgotten = (await connection.execute(proven)).rowcount
        if found.customer_id is None and not forgotten:
            raise ConflictError("this conversation is not linked; there is nothing to part")
        await connection.execute(sa.update(threads).where(threads.c.id == row.thread_id).values(customer_id=None))
        subject = f"customer:{found.customer_id}" if found.customer_id else f"thread:{row.thread_id}"
        await audit(connection, actor=actor, action="unlink", subject=subject, thread=row.thread_id, proofs=forgotten)
        await _say(connection, row.thread_id, "unlinked")
    await services.wake.send(Wake(News.MESSAGES, conversation_id, row.thread_id))


async def _open(connection: AsyncConnection, settings: Settings, token: str) -> Invitation:
    try:
        required = {"require": ["exp", "sub"]}
        claims = jwt.decode(token, settings.secret_key, algorithms=[ALGORITHM], audience=AUDIENCE, options=required)  # type: ignore[arg-type]
    except jwt.InvalidTokenError as error:
        raise AuthError("the link is not valid (any more); ask for a new one in the chat") from error
    query = (
        sa.select(link_tokens, inboxes.c.channel)
        .join(threads, threads.c.id == link_tokens.c.thread_id)
        .join(inboxes, inboxes.c.id == threads.c.inbox_id)
        .where(link_tokens.c.id == claims["sub"])
    )
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFoundError("the conversation of this link is gone")
    if row.used_at is not None:
        raise _used()
    return Invitation(row.id, row.thread_id, row.channel, row.created_at)


def _used() -> ConflictError:
    return ConflictError("this link was used already; ask for a new one in the chat")


async def _say(connection: AsyncConnection, thread_id: str, key: str) -> str:
    """Tell customer and agent in the newest conversation; return its id."""
    row = await store.newest_conversation(connection, thread_id)
    if row is None:
        return ""
    seq = await store.advance(connection, row.id, 1)
    assert seq is not None
    await store.add_message(connection, system_message(row, seq, key, row.language))
    return str(row.id)


async def proven_customer(connection: AsyncConnection, thread_id: str) -> str | None:
    """Return our id of the customer whose order was proven lately in a channel's thread that is nobody's, if it is one customer's.

    It is enough for an agent to see profile and history. The bot still speaks of that order only: its number and four digits of a phone
    stand on every parcel.
    """
    query = (
        sa.select(customers.c.id)
        .join(proof_attempts, proof_attempts.c.shop_customer_id == customers.c.shop_customer_id)
        .join(channel_threads, channel_threads.c.thread_id == proof_attempts.c.thread_id)
        .where(
            proof_attempts.c.thread_id == thread_id,
            proof_attempts.c.succeeded.is_(True),
            proof_attempts.c.created_at > utcnow() - PROOF_LIFE,
        )
        .distinct()
        .limit(2)
    )
    found = list((await connection.execute(query)).scalars())
    return found[0] if len(found) == 1 else None


async def known_customer(connection: AsyncConnection, thread_id: str) -> tuple[str | None, str]:
    """Return whom an agent sees in this thread, and how we know: `signed`, `order`, or nothing."""
    customer_id = await connection.scalar(sa.select(threads.c.customer_id).where(threads.c.id == thread_id))
    if customer_id:
        return customer_id, "signed"
    proven = await proven_customer(connection, thread_id)
    return proven, "order" if proven else ""

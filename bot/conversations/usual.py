"""The usual message: a further text in an open conversation. Those of many customers are stored in the same few statements.

What is not usual goes through `bot.conversations.inbound`, one by one. Both leave the same behind; a test holds them against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import choices, outbox
from bot.conversations import store
from bot.conversations.inbound import TEXT_LIMIT, Stored, clean_text, customer_message, may_write
from bot.conversations.ratings import typed_score
from bot.conversations.sla import owe_answers
from bot.database.conversations import conversations, messages, threads
from bot.escalations.hours import Hours
from bot.ids import utcnow
from bot.languages import reply_language
from bot.messages import Button, Content, InboundMessage, Kind, Message, Sender, Status

Who = tuple[str, str]  # inbox and the channel's user

# Locked in an order that all processes keep, and held to the end: whoever else writes in these conversations does so before or after us.
# (Pairs in one IN would not use the index on SQLite.)
_THREADS = (
    sa.select(threads.c.id, threads.c.inbox_id, threads.c.channel_user, threads.c.customer_id)
    .where(threads.c.inbox_id.in_(sa.bindparam("inboxes", expanding=True)))
    .where(threads.c.channel_user.in_(sa.bindparam("users", expanding=True)))
    .order_by(threads.c.inbox_id, threads.c.channel_user)
    .with_for_update(key_share=True)
)
_IN_THREADS = conversations.c.thread_id.in_(sa.bindparam("threads", expanding=True))
_NEWEST = (
    sa.select(conversations)
    .where(conversations.c.id.in_(sa.select(sa.func.max(conversations.c.id)).where(_IN_THREADS).group_by(conversations.c.thread_id)))
    .order_by(conversations.c.id)
    .with_for_update(key_share=True)
)
_SAID_SINCE = (
    sa.select(messages.c.conversation_id, messages.c.payload)
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(conversations.c.id.in_(sa.bindparam("conversations", expanding=True)), messages.c.seq > conversations.c.customer_seq)
    .where(messages.c.sender == Sender.BOT)
    .order_by(messages.c.conversation_id, messages.c.seq)
)
_PLACE = (
    sa.update(conversations)
    .where(conversations.c.id == sa.bindparam("conversation"))
    .values(last_seq=sa.bindparam("seq"), customer_seq=sa.bindparam("seq"), language=sa.bindparam("spoken"), updated_at=sa.bindparam("now"))
    .values(caller=sa.bindparam("called_from"))
)


class _Further(NamedTuple):
    """A text, the open conversation that it continues, and its place there."""

    inbound: InboundMessage
    row: store.Row
    message: Message


async def store_usual(connection: AsyncConnection, batch: Sequence[InboundMessage], *, hours: Hours) -> dict[Who, Stored]:
    """Store those of the messages that are usual, and return them by who wrote. The threads of all that have one are locked.

    No customer has more than one message in `batch`.
    """
    rows = await _newest(connection, batch)
    further = [each for inbound in batch if (each := _further(inbound, rows.get(_who(inbound)))) is not None]
    further = await _without_choices(connection, further)
    added = await store.add_new(connection, [each.message for each in further])
    new = [each for each in further if each.message.id in added]
    await _take_places(connection, new)
    await owe_answers(connection, [each.row.id for each in new if each.row.status != Status.BOT], at=utcnow(), hours=hours)
    heard = [outbox.Heard(each.row.thread_id, each.inbound.inbox_id, each.inbound.reply_token) for each in new if each.inbound.by_channel]
    await outbox.heard_all(connection, sorted(heard))  # the same order for all processes here too
    return {_who(each.inbound): Stored(each.message, each.row.status, new=True) for each in new}


def _who(inbound: InboundMessage) -> Who:
    return inbound.inbox_id, inbound.channel_user


async def _newest(connection: AsyncConnection, batch: Sequence[InboundMessage]) -> dict[Who, store.Row]:
    """Lock the customers' threads, then the newest conversations of those that their writers may write in, and return these."""
    here = {"inboxes": list({each.inbox_id for each in batch}), "users": list({each.channel_user for each in batch})}
    sent = {_who(each): each for each in batch}
    found = [(row, (row.inbox_id, row.channel_user)) for row in await connection.execute(_THREADS, here)]
    whose = {row.id: who for row, who in found if who in sent and may_write(sent[who], row.customer_id)}
    if not whose:
        return {}
    newest = await connection.execute(_NEWEST, {"threads": list(whose)})
    return {whose[row.thread_id]: row for row in newest}


def _further(inbound: InboundMessage, row: store.Row | None) -> _Further | None:
    """Return the message with its conversation; None for one that is not usual, or not even valid."""
    plain = inbound.kind is Kind.TEXT and not inbound.button_id and not inbound.attachments and not inbound.identity
    if row is None or row.status == Status.RESOLVED or not plain or (not inbound.by_channel and len(inbound.text) > TEXT_LIMIT):
        return None
    text = clean_text(inbound.text[:TEXT_LIMIT])
    if not text or (inbound.by_channel and typed_score(row, text)):
        return None
    language = reply_language(text, row.language)
    return _Further(inbound, row, customer_message(row, row.last_seq + 1, inbound, text=text, language=language))


async def _without_choices(connection: AsyncConnection, further: Sequence[_Further]) -> list[_Further]:
    """Leave out who may have typed the number or the title of a button."""
    asked = [each.row.id for each in further if each.inbound.by_channel and each.row.last_seq > each.row.customer_seq]
    shown: dict[str, list[Button]] = {}
    if asked:
        for conversation_id, payload in await connection.execute(_SAID_SINCE, {"conversations": asked}):
            shown.setdefault(conversation_id, []).extend(choices.shown(msgspec.convert(payload, Content)))
    return [each for each in further if not _may_choose(each, shown)]


def _may_choose(each: _Further, shown: Mapping[str, Sequence[Button]]) -> bool:
    waiting = each.inbound.by_channel and each.row.status == Status.WAITING
    return bool(choices.meant(shown.get(each.row.id, ()), each.message.text, waiting=waiting))


async def _take_places(connection: AsyncConnection, new: Sequence[_Further]) -> None:
    """Move the conversations on. Their rows are locked, so that the places read before are still the next ones."""
    now = utcnow()
    places = [
        {
            "conversation": each.row.id,
            "seq": each.message.seq,
            "spoken": each.message.language,
            "called_from": each.inbound.caller,
            "now": now,
        }
        for each in new
    ]
    if places:
        await connection.execute(_PLACE, places)

"""What a customer sends, into its place: once, in the open conversation or a new one, and what a typed "2" means."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import choices, media, outbox
from bot.conversations import buttons, store
from bot.conversations.ratings import rate, typed_score
from bot.conversations.sla import owe_answers
from bot.conversations.thanks import is_thanks
from bot.conversations.visitors import customer_of, is_whose, not_whose
from bot.database.conversations import conversations, messages, threads
from bot.errors import ConflictError, InputError
from bot.escalations.hours import Hours
from bot.ids import new_id, utcnow
from bot.languages import notice, reply_language
from bot.messages import Content, InboundMessage, Kind, Message, Sender, Status

TEXT_LIMIT = 4000  # characters of one message; about two printed pages


@dataclass(frozen=True)
class Stored:
    """A customer's message in its place. `new` is False for one that was here already."""

    message: Message
    status: str
    new: bool
    channel_user: str = ""


async def store_inbound(
    connection: AsyncConnection, inbound: InboundMessage, *, default_language: str, hours: Hours, shop_customer_id: str = ""
) -> Stored:
    """Store the message once. Raises InputError for one that cannot be kept and for a button that was never shown, and AuthError
    when the thread is not whose the writer's token says.

    `shop_customer_id`: whom the shop's signature says that the writer is.
    """
    text = clean_text(inbound.text[:TEXT_LIMIT] if inbound.by_channel else inbound.text)
    if not text and not inbound.button_id and inbound.kind is Kind.TEXT:
        raise InputError("the message is empty; send a text or a button_id")
    language = inbound.language_hint or default_language
    thread = await store.lock_thread(connection, inbox_id=inbound.inbox_id, channel_user=inbound.channel_user, language=language)
    if not may_write(inbound, thread.customer_id):
        raise not_whose()
    seen = await store.message_by_client_id(connection, thread.id, inbound.client_id)
    if seen:
        return Stored(seen, "", new=False)
    if shop_customer_id:
        await _link(connection, thread, shop_customer_id, language)
    newest = await store.newest_conversation(connection, thread.id)
    if inbound.by_channel and newest is not None and (score := typed_score(newest, text)):
        return await _store_rating(connection, newest, inbound, text=text, score=score)
    is_open = newest is not None and (newest.status != Status.RESOLVED or (not inbound.button_id and is_thanks(text)))
    previous = newest.language if newest is not None and is_open else language
    button_id, text = await _meant(connection, inbound, thread.id, newest if is_open else None, text=text, language=previous)
    language = reply_language(text, previous) if inbound.kind is Kind.TEXT and not button_id else previous
    row, seq = await _take_place(connection, newest if is_open else None, inbound, thread_id=thread.id, language=language, hours=hours)
    message = customer_message(row, seq, inbound, text=text, language=language, button_id=button_id)
    return await _stored(connection, message, row.status, inbound)


def may_write(inbound: InboundMessage, customer_id: str | None) -> bool:
    """Say whether the writer's token, where there is one, is good for a thread of this customer."""
    return inbound.customer_id is None or is_whose(inbound.customer_id, customer_id)


async def _stored(connection: AsyncConnection, message: Message, status: str, inbound: InboundMessage) -> Stored:
    """Write the message; the thread's sending comes last, after thread and conversation, as for everybody who writes."""
    await store.add_message(connection, message)
    if inbound.by_channel:
        await media.put(connection, message, inbox_id=inbound.inbox_id)
        await outbox.heard(connection, thread_id=message.thread_id, inbox_id=inbound.inbox_id, reply_token=inbound.reply_token)
    return Stored(message, status, new=True, channel_user=inbound.channel_user)


async def _link(connection: AsyncConnection, thread: store.Row, shop_customer_id: str, language: str) -> None:
    """Whoever writes here is the shop's customer: profile and orders follow. Another customer's thread is not taken over."""
    customer_id = await customer_of(connection, shop_customer_id, language)
    free = (threads.c.id == thread.id, threads.c.customer_id.is_(None))
    await connection.execute(sa.update(threads).where(*free).values(customer_id=customer_id))


async def _meant(
    connection: AsyncConnection, inbound: InboundMessage, thread_id: str, row: store.Row | None, *, text: str, language: str
) -> tuple[str, str]:
    """Return the button that was pressed, or typed by its number or title, and the words that stand in the conversation."""
    if inbound.kind is not Kind.TEXT:
        name = inbound.attachments[0].name if inbound.attachments else ""
        return "", text or notice(f"media_{inbound.kind.value}", language, name=clean_text(name)[:200]).strip()
    if inbound.button_id:
        try:
            return inbound.button_id, await buttons.title(connection, thread_id, inbound.button_id, language)
        except InputError:
            if not inbound.by_channel:
                raise
            return "", text or inbound.button_id  # a menu of the company's own, or a button of long ago
    # Nothing was said since the customer's last message, so there is nothing to choose from.
    is_answer = row is not None and row.last_seq > row.customer_seq
    if inbound.by_channel and is_answer and row is not None and row.status in {Status.BOT, Status.WAITING}:
        button_id = await choices.chosen(connection, row.id, text, waiting=row.status == Status.WAITING)
        if button_id:
            return button_id, await buttons.title(connection, thread_id, button_id, language)
    return "", text


async def _store_rating(connection: AsyncConnection, row: store.Row, inbound: InboundMessage, *, text: str, score: int) -> Stored:
    """A channel's customer rates by a number: it stays in the conversation that it rates."""
    seq = await store.advance(connection, row.id, 1)
    assert seq is not None
    message = customer_message(row, seq, inbound, text=text, language=row.language)
    stored = await _stored(connection, message, row.status, inbound)
    await rate(connection, row, score=score, comment="")
    return stored


def customer_message(row: store.Row, seq: int, inbound: InboundMessage, *, text: str, language: str, button_id: str = "") -> Message:
    return Message(
        id=new_id(),
        thread_id=row.thread_id,
        conversation_id=row.id,
        seq=seq,
        sender=Sender.CUSTOMER,
        text=text,
        created_at=utcnow(),
        content=Content(button_id=button_id, kind=inbound.kind, attachments=inbound.attachments),
        client_id=inbound.client_id,
        language=language,
    )


async def _take_place(
    connection: AsyncConnection, row: store.Row | None, inbound: InboundMessage, *, thread_id: str, language: str, hours: Hours
) -> tuple[store.Row, int]:
    """Take the next place in the open conversation, or in a new one when there is none or it was resolved this moment."""
    for _ in range(2):
        row = row or await store.start_conversation(connection, thread_id=thread_id, language=language, page=inbound.page[:500])
        place = conversations.c.last_seq + 1
        # Of a resolved conversation only a thank-you gets here, which is nobody's to answer.
        resolved = conversations.c.status == Status.RESOLVED
        as_it_was = resolved if row.status == Status.RESOLVED else ~resolved
        changes = {"customer_seq": place, "language": language, "caller": inbound.caller}
        taken = await store.advance_row(connection, row.id, 1, as_it_was, **changes)
        if taken is not None:
            if taken.status in (Status.WAITING, Status.AGENT):
                await owe_answers(connection, [taken.id], at=utcnow(), hours=hours)
            return taken, taken.last_seq
        row = None
    raise ConflictError(f"thread {thread_id} changes too fast; send the message again")


async def withdraw(connection: AsyncConnection, *, inbox_id: str, channel_user: str, client_id: str) -> Message | None:
    """Take a customer's message back: its words and files are deleted, its place stays. None for one that we do not know."""
    thread = await store.thread_of(connection, inbox_id=inbox_id, channel_user=channel_user)
    found = await store.message_by_client_id(connection, thread.id, client_id) if thread else None
    if found is None or found.sender != Sender.CUSTOMER:
        return None
    gone = Content(kind=found.content.kind, withdrawn=True)
    text = notice("message_withdrawn", found.language)
    change = sa.update(messages).where(messages.c.id == found.id)
    await connection.execute(change.values(text=text, payload=store.payload(gone)))
    await media.drop(connection, found.id)
    return found


def clean_text(text: str) -> str:
    """Return the text without control characters (line breaks stay); InputError when it is too long."""
    cleaned = "".join(
        character for character in text if character in "\n\t" or character.isprintable() or character in "\u200d\ufe0f"
    ).strip()
    if len(cleaned) > TEXT_LIMIT:
        raise InputError(f"the text has {len(cleaned)} characters; allowed are {TEXT_LIMIT}")
    return cleaned

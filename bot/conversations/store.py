"""Threads, conversations and messages in SQL. Every function works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import outbox
from bot.database.conversations import conversations, inboxes, messages, threads, transitions
from bot.database.insert import insert_once
from bot.database.people import agents
from bot.errors import NotFoundError
from bot.ids import new_id, utcnow
from bot.messages import Content, Message, Sender, Status, Turn

Row = sa.Row[Any]

BATCH = 500  # messages read at a time

# Built once: they run with every message, and to build a query takes longer than to run it.
_THREAD = sa.select(threads).where(threads.c.inbox_id == sa.bindparam("inbox"), threads.c.channel_user == sa.bindparam("user"))
_LOCK_THREAD = _THREAD.with_for_update(key_share=True)
_NEWEST = sa.select(conversations).where(conversations.c.thread_id == sa.bindparam("thread")).order_by(conversations.c.id.desc()).limit(1)
_NEWEST_AND_WHOSE = _NEWEST.join(threads, threads.c.id == conversations.c.thread_id).add_columns(threads.c.customer_id)
_SEEN = sa.select(messages).where(messages.c.thread_id == sa.bindparam("thread"), messages.c.client_id == sa.bindparam("client"))
_NEXT_OF_AGENT = (
    sa.update(conversations)
    .where(conversations.c.id == sa.bindparam("conversation"), conversations.c.status == Status.AGENT)
    .where(conversations.c.agent_id == sa.bindparam("agent"))
    .values(last_seq=conversations.c.last_seq + 1, updated_at=sa.bindparam("now"))
    .returning(conversations)
)
_ADD_NEW = {
    dialect: insert(messages).on_conflict_do_nothing(index_elements=["thread_id", "client_id"]).returning(messages.c.id)
    for dialect, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}
_ADD_CONVERSATION = sa.insert(conversations)
_ADD_TRANSITION = sa.insert(transitions)
_CONVERSATION = sa.select(conversations).where(conversations.c.id == sa.bindparam("conversation"))
_UNANSWERED = (
    sa.select(messages)
    .where(
        messages.c.conversation_id == sa.bindparam("conversation"),
        messages.c.sender == Sender.CUSTOMER,
        messages.c.seq > sa.bindparam("after"),
    )
    .order_by(messages.c.seq)
    .limit(1)
)
_AFTER = (
    sa.select(messages)
    .where(messages.c.conversation_id == sa.bindparam("conversation"), messages.c.seq > sa.bindparam("after"))
    .order_by(messages.c.seq)
    .limit(sa.bindparam("most"))
)
# The rest of the conversation, then the later ones: their ids sort by time.
_THREAD_AFTER = (
    sa.select(messages)
    .where(
        messages.c.thread_id == sa.bindparam("thread"),
        sa.or_(
            messages.c.conversation_id > sa.bindparam("conversation"),
            sa.and_(messages.c.conversation_id == sa.bindparam("conversation"), messages.c.seq > sa.bindparam("after")),
        ),
    )
    .order_by(messages.c.conversation_id, messages.c.seq)
    .limit(sa.bindparam("most"))
)
_NAME = sa.select(agents.c.display_name).where(agents.c.id == sa.bindparam("agent"))


async def open_inbox(connection: AsyncConnection, inbox_id: str, *, channel: str, name: str) -> None:
    await insert_once(connection, inboxes, {"id": inbox_id, "channel": channel, "name": name, "created_at": utcnow()})


async def lock_thread(connection: AsyncConnection, *, inbox_id: str, channel_user: str, language: str) -> Row:
    """Return the thread of this channel identity, made if need be, and hold it until the transaction ends.

    Two first messages that arrive at once would otherwise open two conversations. The lock leaves the key free (FOR NO KEY UPDATE):
    whoever writes a message at the same time refers to the thread, and would otherwise wait for us while we wait for them.
    """
    here = {"inbox": inbox_id, "user": channel_user}
    row = (await connection.execute(_LOCK_THREAD, here)).first()
    if row is None:
        values = {"id": new_id(), "inbox_id": inbox_id, "channel_user": channel_user, "language": language, "created_at": utcnow()}
        await insert_once(connection, threads, values)
        row = (await connection.execute(_LOCK_THREAD, here)).one()
    return row


async def thread_of(connection: AsyncConnection, *, inbox_id: str, channel_user: str) -> Row | None:
    return (await connection.execute(_THREAD, {"inbox": inbox_id, "user": channel_user})).first()


async def newest_conversation(connection: AsyncConnection, thread_id: str) -> Row | None:
    return (await connection.execute(_NEWEST, {"thread": thread_id})).first()


async def newest_and_whose(connection: AsyncConnection, thread_id: str) -> Row | None:
    """The same, with the `customer_id` whose the thread now is."""
    return (await connection.execute(_NEWEST_AND_WHOSE, {"thread": thread_id})).first()


async def conversation(connection: AsyncConnection, conversation_id: str) -> Row:
    row = (await connection.execute(_CONVERSATION, {"conversation": conversation_id})).first()
    if row is None:
        raise NotFoundError(f"there is no conversation {conversation_id!r}")
    return row


async def start_conversation(
    connection: AsyncConnection, *, thread_id: str, language: str, page: str, actor: str = "customer", reason: str = "first_message"
) -> Row:
    now = utcnow()
    row = {
        "id": new_id(),
        "thread_id": thread_id,
        "status": Status.BOT,
        "epoch": 1,
        "language": language,
        "page": page,
        "last_seq": 0,
        "customer_seq": 0,
        "answered_seq": 0,
        "tracker_seq": 0,
        "effect_count": 0,
        "csat": "",
        "noticed_seq": 0,
        "created_at": now,
        "updated_at": now,
    }
    await connection.execute(_ADD_CONVERSATION, row)
    await record_transition(connection, row["id"], epoch=1, before="", after=Status.BOT, actor=actor, reason=reason)
    return await conversation(connection, str(row["id"]))


async def record_transition(
    connection: AsyncConnection, conversation_id: Any, *, epoch: int, before: str, after: str, actor: str, reason: str
) -> None:
    row = {
        "id": new_id(),
        "conversation_id": conversation_id,
        "epoch": epoch,
        "from_status": before,
        "to_status": after,
        "actor": actor,
        "reason": reason,
        "created_at": utcnow(),
    }
    await connection.execute(_ADD_TRANSITION, row)


async def advance(connection: AsyncConnection, conversation_id: str, count: int, *where: Any, **changes: Any) -> int | None:
    """Take the next `count` places in the conversation, if it still is as `where` says; the fence of every writer.

    Returns the last place taken, or None when the conversation has moved on: then nothing may be written. This must be the
    transaction's first statement on the conversation: on PostgreSQL it waits here for a change of owner in flight and then sees it.
    """
    update = _advance(conversation_id, count, *where, **changes).returning(conversations.c.last_seq)
    return (await connection.execute(update)).scalar_one_or_none()


async def advance_row(connection: AsyncConnection, conversation_id: str, count: int, *where: Any, **changes: Any) -> Row | None:
    """The same, for who wants the whole conversation as it then is."""
    return (await connection.execute(_advance(conversation_id, count, *where, **changes).returning(conversations))).first()


async def advance_as_agent(connection: AsyncConnection, conversation_id: str, agent_id: str) -> Row | None:
    """The same, one place, for the agent whose conversation it is."""
    return (await connection.execute(_NEXT_OF_AGENT, {"conversation": conversation_id, "agent": agent_id, "now": utcnow()})).first()


def _advance(conversation_id: str, count: int, *where: Any, **changes: Any) -> sa.Update:
    update = sa.update(conversations).where(conversations.c.id == conversation_id, *where)
    return update.values(last_seq=conversations.c.last_seq + count, updated_at=utcnow(), **changes)


async def add_message(connection: AsyncConnection, message: Message) -> Message:
    """Write the message in its place; one for a channel's customer also goes into the outbox, in the same transaction."""
    await connection.execute(sa.insert(messages), _row(message))
    if message.sender != Sender.CUSTOMER:
        await outbox.put(connection, message)
    return message


async def add_new(connection: AsyncConnection, said: Sequence[Message]) -> set[str]:
    """The same for those of these messages that are not here yet, by their thread and client id; return the ids of these."""
    if not said:
        return set()
    written = await connection.execute(_ADD_NEW[connection.dialect.name], [_row(message) for message in said])
    added = set(written.scalars())
    for message in said:
        if message.id in added and message.sender != Sender.CUSTOMER:
            await outbox.put(connection, message)
    return added


def _row(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "thread_id": message.thread_id,
        "conversation_id": message.conversation_id,
        "seq": message.seq,
        "sender": message.sender,
        "agent_id": message.agent_id,
        "client_id": message.client_id,
        "text": message.text,
        "payload": payload(message.content),
        "language": message.language,
        "created_at": message.created_at,
    }


def payload(content: Content) -> Any:
    """Return the content as it is kept in `messages.payload`."""
    return msgspec.to_builtins(content)


def message_of(row: Row) -> Message:
    return Message(
        id=row.id,
        thread_id=row.thread_id,
        conversation_id=row.conversation_id,
        seq=row.seq,
        sender=Sender(row.sender),
        text=row.text,
        created_at=row.created_at,
        content=msgspec.convert(row.payload, Content),
        agent_id=row.agent_id,
        client_id=row.client_id,
        language=row.language,
    )


async def message_by_client_id(connection: AsyncConnection, thread_id: str, client_id: str) -> Message | None:
    row = (await connection.execute(_SEEN, {"thread": thread_id, "client": client_id})).first()
    return message_of(row) if row else None


async def next_unanswered(connection: AsyncConnection, conversation_id: str, answered_seq: int) -> Message | None:
    row = (await connection.execute(_UNANSWERED, {"conversation": conversation_id, "after": answered_seq})).first()
    return message_of(row) if row else None


async def messages_after(connection: AsyncConnection, conversation_id: str, seq: int, *, limit: int = BATCH) -> list[Message]:
    rows = await connection.execute(_AFTER, {"conversation": conversation_id, "after": seq, "most": limit})
    return [message_of(row) for row in rows]


async def thread_after(connection: AsyncConnection, thread_id: str, conversation_id: str, seq: int, *, limit: int) -> list[Message]:
    """Return what a customer has not seen yet: the rest of that conversation, then the later ones."""
    where = {"thread": thread_id, "conversation": conversation_id, "after": seq, "most": limit}
    return [message_of(row) for row in await connection.execute(_THREAD_AFTER, where)]


async def find_button(connection: AsyncConnection, thread_id: str, button_id: str) -> dict[str, Any] | None:
    """Return what a button means that the bot showed in this thread; None when it showed none with this id.

    A press on one of several cards says which.
    """
    message_id, _, _ = button_id.partition("/")
    query = sa.select(messages.c.payload).where(messages.c.thread_id == thread_id, messages.c.id == message_id)
    payload = (await connection.execute(query)).scalar_one_or_none()
    if payload is None:
        return None
    content = msgspec.convert(payload, Content)
    shown = list(content.buttons)
    for card in content.cards:
        which = f" · {card.title}" if len(content.cards) > 1 else ""
        shown += [msgspec.structs.replace(button, title=button.title + which) for button in card.buttons]
    return next((msgspec.to_builtins(button) for button in shown if button.id == button_id), None)


async def note_intent(connection: AsyncConnection, message: Message, *, turn: Turn) -> None:
    """Keep with the customer's message what the NLU made of it, for the desk."""
    content = msgspec.structs.replace(
        message.content, intent=turn.intent, confidence=round(turn.confidence, 3), sentiment=round(turn.sentiment, 3)
    )
    await connection.execute(sa.update(messages).where(messages.c.id == message.id).values(payload=payload(content)))


async def lowest_sentiment(connection: AsyncConnection, conversation_id: str, *, newest: int) -> float:
    """Return the tone of the angriest of the customer's newest messages; 0 where the NLU has said nothing of them."""
    query = (
        sa.select(messages.c.payload)
        .where(messages.c.conversation_id == conversation_id, messages.c.sender == Sender.CUSTOMER)
        .order_by(messages.c.seq.desc())
        .limit(newest)
    )
    tones = [msgspec.convert(payload, Content).sentiment for payload in (await connection.execute(query)).scalars()]
    return min(tones, default=0.0)


async def agent_names(connection: AsyncConnection, agent_ids: Sequence[str]) -> dict[str, str]:
    return {one: str(await connection.scalar(_NAME, {"agent": one})) for one in set(agent_ids)}

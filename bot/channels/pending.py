"""What is to be sent next for a thread: its messages in order, several as one where the channel's sends are few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import choices
from bot.channels.base import Choice, Traits
from bot.channels.files import takes
from bot.channels.rendering import IDLE_NOTICES, fits, render
from bot.channels.splitting import length, split
from bot.database.channels import channel_threads, outbox
from bot.database.conversations import messages, threads
from bot.languages import notice
from bot.messages import Content, Message, Sender


@dataclass(frozen=True)
class ThreadState:
    """Whom a thread's messages go to, and what the channel still allows."""

    thread_id: str
    inbox_id: str
    channel_user: str
    customer_at: datetime
    quota_used: int
    reply_token: str
    stopped: bool


@dataclass(frozen=True)
class Pending:
    message: Message
    bundle_id: str | None
    parts_sent: int
    attempts: int
    created_at: datetime

    @property
    def by_agent(self) -> bool:
        return self.message.sender == Sender.AGENT

    @property
    def has_file(self) -> bool:
        return bool(self.message.content.attachments)

    @property
    def idle(self) -> bool:
        return self.message.content.notice in IDLE_NOTICES


@dataclass(frozen=True)
class Bundle:
    """Messages that go out as one text in parts; the buttons belong to the last part."""

    rows: tuple[Pending, ...]
    parts: tuple[str, ...]
    buttons: tuple[Choice, ...]

    @property
    def head(self) -> Pending:
        return self.rows[0]

    @property
    def ids(self) -> list[str]:
        return [row.message.id for row in self.rows]


async def thread_state(connection: AsyncConnection, thread_id: str) -> ThreadState:
    query = (
        sa.select(
            channel_threads.c.thread_id,
            channel_threads.c.inbox_id,
            threads.c.channel_user,
            channel_threads.c.customer_at,
            channel_threads.c.quota_used,
            channel_threads.c.reply_token,
            channel_threads.c.stopped,
        )
        .join(threads, threads.c.id == channel_threads.c.thread_id)
        .where(channel_threads.c.thread_id == thread_id)
    )
    return ThreadState(*(await connection.execute(query)).one())


async def pending_rows(connection: AsyncConnection, thread_id: str) -> list[Pending]:
    """Return what the thread has to send, oldest first."""
    return await rows_where(connection, outbox.c.thread_id == thread_id, outbox.c.state == "pending")


async def rows_where(connection: AsyncConnection, *where: sa.ColumnElement[bool]) -> list[Pending]:
    """Return these rows of the outbox with their messages, oldest first; conversation ids sort by time."""
    query = (
        sa.select(messages, outbox.c.bundle_id, outbox.c.parts_sent, outbox.c.attempts, outbox.c.created_at.label("put_at"))
        .join(outbox, outbox.c.message_id == messages.c.id)
        .where(*where)
        .order_by(outbox.c.conversation_id, outbox.c.seq)
    )
    return [
        Pending(
            message=Message(
                id=row.id,
                thread_id=row.thread_id,
                conversation_id=row.conversation_id,
                seq=row.seq,
                sender=Sender(row.sender),
                text=row.text,
                created_at=row.created_at,
                content=msgspec.convert(row.payload, Content),
                language=row.language,
            ),
            bundle_id=row.bundle_id,
            parts_sent=row.parts_sent,
            attempts=row.attempts,
            created_at=row.put_at,
        )
        for row in await connection.execute(query)
    ]


def together(rows: Sequence[Pending], traits: Traits) -> list[Pending]:
    """Return the rows that go out next as one: what was begun together, else one, else all where the channel's sends are few.

    A file goes by itself, in its place.
    """
    first = rows[0]
    if first.bundle_id:
        return [row for row in rows if row.bundle_id == first.bundle_id]
    if not traits.merges or first.has_file:
        return [first]
    return list(takewhile(lambda row: not row.has_file, (row for row in rows if not row.bundle_id)))


def sends_left(traits: Traits, quota_used: int, *, by_agent: bool) -> int:
    """Return how many sends the quota has left for the bot or for an agent; many where there is no quota."""
    if not traits.quota:
        return 10**6
    return traits.quota - quota_used - (0 if by_agent else traits.kept_for_agents)


async def bundle(connection: AsyncConnection, rows: Sequence[Pending], traits: Traits) -> Bundle:
    """Render the rows into one text and cut it into parts; a file is one part, none where the channel does not take it."""
    if rows[0].has_file:
        [file] = rows[0].message.content.attachments
        return Bundle(tuple(rows), ("",) if takes(traits.files, file.mime, file.size) else (), ())
    texts: list[str] = []
    buttons: tuple[Choice, ...] = ()
    for row in rows:
        before = 0
        if not fits(choices.shown(row.message.content), traits):
            before = await choices.numbered_before(connection, row.message.conversation_id, row.message.seq)
        rendered = render(row.message, traits, numbered_before=before)
        texts.append(rendered.text)
        buttons += rendered.choices
    parts = split("\n\n".join(text for text in texts if text), traits.longest, traits.unit)
    if buttons and (not parts or length(parts[-1], traits.unit) > (traits.button_text or traits.longest)):
        parts.append(notice("choose", rows[-1].message.language))
    return Bundle(tuple(rows), tuple(parts), buttons[: traits.buttons])

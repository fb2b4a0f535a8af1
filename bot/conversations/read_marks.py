"""How far each side has read: told by widget, desk and channels, kept in SQL, shown to the other side.

Marks are worth less than messages. They are gathered and written a little later, a few in a transaction of its own; one whose conversation
somebody writes to at that moment is passed over, and with too many at hand new ones are dropped. Marks only grow: the next says the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import outbox
from bot.channels.base import Receipt
from bot.conversations.wake import News, Wake, Wakeups
from bot.database import Database
from bot.database.conversations import conversations
from bot.messages import Sender, Status

LATER_S = 0.5  # what is told within this time is written together
MOST = 1000  # marks at hand
AT_ONCE = 50  # marks in a transaction: messages of others wait for it on SQLite

log = logging.getLogger(__name__)


class Mark(NamedTuple):
    """One side has read a conversation up to a place; `who` is the customer's thread or the agent's id."""

    side: Sender
    conversation_id: str
    seq: int
    who: str


class ReadMarks:
    """The marks that this process has heard of and not written yet."""

    def __init__(self, database: Database, wakeups: Wakeups) -> None:
        self._database = database
        self._wakeups = wakeups
        self._marks: dict[tuple[str, str], Mark] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, mark: Mark) -> None:
        """Keep the mark for later; of one reader in one conversation the furthest, of a customer the newest conversation's."""
        key = (mark.who, mark.conversation_id if mark.side == Sender.AGENT else "")
        before = self._marks.get(key)
        if before is None and len(self._marks) >= MOST:
            return
        if before is None or (before.conversation_id, before.seq) < (mark.conversation_id, mark.seq):
            self._marks[key] = mark
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_later())

    async def stop(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write_later(self) -> None:
        while self._marks:
            await asyncio.sleep(LATER_S)
            keys = list(self._marks)
            for start in range(0, len(keys), AT_ONCE):
                marks = [self._marks.pop(key) for key in keys[start : start + AT_ONCE]]
                try:
                    await self._write(marks)
                except sa.exc.SQLAlchemyError as error:
                    log.warning("%s read marks were dropped: %s", len(marks), type(error).__name__)

    async def _write(self, marks: list[Mark]) -> None:
        async with self._database.write() as connection:
            moved = [(mark, await move(connection, mark)) for mark in marks]
        for mark, thread_id in moved:
            if thread_id:
                await self._wakeups.send(Wake(News.READ, mark.conversation_id, thread_id, sender=mark.side, seq=mark.seq))


def _statement(column: sa.Column[int], *whose: Any) -> sa.Update:
    """Build the update of one side's mark once: forward only, to a place that there is, in a conversation that nobody holds."""
    free = (
        sa.select(conversations.c.id)
        .where(
            conversations.c.id == sa.bindparam("conversation"),
            column < sa.bindparam("read_to"),
            conversations.c.last_seq >= sa.bindparam("read_to"),
            *whose,
        )
        .with_for_update(key_share=True, skip_locked=True)
    )
    update = sa.update(conversations).where(conversations.c.id.in_(free))
    return update.values({column: sa.bindparam("read_to")}).returning(conversations.c.thread_id)


_MOVE = {
    Sender.CUSTOMER: _statement(conversations.c.customer_read_seq, conversations.c.thread_id == sa.bindparam("who")),
    Sender.AGENT: _statement(
        conversations.c.agent_read_seq, conversations.c.agent_id == sa.bindparam("who"), conversations.c.status == Status.AGENT
    ),
}


async def move(connection: AsyncConnection, mark: Mark) -> str:
    """Move the mark forward; return the conversation's thread, or "" when it stays: it is not theirs, no further, or being written to."""
    values = {"conversation": mark.conversation_id, "read_to": mark.seq, "who": mark.who}
    return str((await connection.execute(_MOVE[mark.side], values)).scalar_one_or_none() or "")


async def take_receipts(database: Database, inbox_id: str, receipts: Sequence[Receipt]) -> set[str]:
    """Keep what became of messages on a channel, and what the customer has read there; return the conversations with news."""
    async with database.write() as connection:
        noted = [(receipt, await outbox.note_receipt(connection, inbox_id, receipt)) for receipt in receipts]
    read = [found for receipt, found in noted if found and receipt.state == "read"]
    if read:  # in a transaction of its own: the outbox is locked after conversations, never before
        async with database.write() as connection:
            for found in read:
                await move(connection, Mark(Sender.CUSTOMER, found.conversation_id, found.seq, found.thread_id))
    return {found.conversation_id for _, found in noted if found}

"""Files that came with customers' messages or went with agents', in SQL beside the conversation, encrypted.

Every function works inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.filetype import FileType
from bot.crypto import Cipher
from bot.database.channels import media, media_parts
from bot.database.conversations import messages, threads
from bot.ids import new_id, utcnow
from bot.messages import Kind, Message, Sender

COLUMN = "media_parts.data"
KINDS = frozenset({Kind.IMAGE, Kind.FILE, Kind.VOICE, Kind.VIDEO})
PART = 256 * 1024  # bytes
# Longer than one call to a vendor, so that a living owner always renews in time.
LEASE = timedelta(seconds=60)


@dataclass(frozen=True)
class Wanted:
    """A file that this process is to fetch now."""

    id: str
    message_id: str
    inbox_id: str
    kind: Kind
    ref: str
    attempts: int
    created_at: datetime


@dataclass(frozen=True)
class Kept:
    name: str
    mime: str
    data: bytes


async def put(connection: AsyncConnection, message: Message, *, inbox_id: str) -> None:
    """Note the files that came with a message, to be fetched after the vendor has been answered."""
    now = utcnow()
    rows = [
        {"id": new_id(), "message_id": message.id, "inbox_id": inbox_id, "place": place, "kind": each.kind, "ref": each.ref}
        | {"state": "due", "reason": "", "mime": "", "size": 0, "attempts": 0, "next_at": now, "created_at": now}
        for place, each in enumerate(message.content.attachments)
        if each.ref and each.kind in KINDS
    ]
    if rows:
        await connection.execute(sa.insert(media), rows)


async def is_due(connection: AsyncConnection, inboxes: Sequence[str]) -> bool:
    return (await connection.execute(sa.select(media.c.id).where(*_due(inboxes)).limit(1))).first() is not None


def _due(inboxes: Sequence[str]) -> tuple[sa.ColumnElement[bool], ...]:
    return media.c.next_at <= utcnow(), media.c.inbox_id.in_(inboxes)


async def claim(connection: AsyncConnection, owner: str, inboxes: Sequence[str], *, most: int) -> list[Wanted]:
    """Take files that are due and that nobody else fetches; they are due again when the lease is over."""
    due = sa.select(media.c.id).where(*_due(inboxes)).order_by(media.c.next_at).limit(most).with_for_update(skip_locked=True)
    take = (
        sa.update(media)
        .where(media.c.id.in_(due.scalar_subquery()))
        .values(owner=owner, next_at=utcnow() + LEASE)
        .returning(media.c.id, media.c.message_id, media.c.inbox_id, media.c.kind, media.c.ref, media.c.attempts, media.c.created_at)
    )
    rows = (await connection.execute(take)).all()
    return [Wanted(row.id, row.message_id, row.inbox_id, Kind(row.kind), row.ref, row.attempts, row.created_at) for row in rows]


async def has_too_many(connection: AsyncConnection, wanted: Wanted, *, most: int, most_bytes: int) -> bool:
    """Say whether the conversation's customer has sent so many files, or so many bytes that are kept, within a day before this one."""
    here = sa.select(messages.c.conversation_id).where(messages.c.id == wanted.message_id).scalar_subquery()
    before = (
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(media.c.size), 0))
        .join(messages, messages.c.id == media.c.message_id)
        .where(messages.c.conversation_id == here, messages.c.sender == Sender.CUSTOMER)
        .where(media.c.id < wanted.id, media.c.created_at > wanted.created_at - timedelta(days=1))
    )
    count, size = (await connection.execute(before)).one()
    return bool(count >= most or size >= most_bytes)


async def change(connection: AsyncConnection, media_id: str, by: str, **values: Any) -> bool:
    """Change a file that is still ours to fetch; False when the lease was lost, or the message was taken back."""
    mine = sa.update(media).where(media.c.id == media_id, media.c.owner == by, media.c.state == "due")
    return (await connection.execute(mine.values(**values))).rowcount == 1


async def keep(connection: AsyncConnection, cipher: Cipher, media_id: str, owner: str, *, data: bytes, mime: str) -> bool:
    """Store the file, once; False when it is not ours to store any more."""
    done = {"state": "kept", "reason": "", "mime": mime, "size": len(data), "next_at": None, "owner": None}
    if not await change(connection, media_id, owner, **done):
        return False
    await _put_parts(connection, cipher, media_id, data)
    return True


async def put_own(connection: AsyncConnection, cipher: Cipher, message: Message, data: bytes) -> None:
    """Store the file that goes with an agent's message."""
    [file] = message.content.attachments
    inbox = sa.select(threads.c.inbox_id).where(threads.c.id == message.thread_id).scalar_subquery()
    media_id = new_id()
    row = {"id": media_id, "message_id": message.id, "inbox_id": inbox, "place": 0, "kind": file.kind, "ref": "", "state": "kept"}
    row |= {"reason": "", "mime": file.mime, "size": len(data), "attempts": 0, "next_at": None, "created_at": message.created_at}
    await connection.execute(sa.insert(media).values(**row))
    await _put_parts(connection, cipher, media_id, data)


async def _put_parts(connection: AsyncConnection, cipher: Cipher, media_id: str, data: bytes) -> None:
    pieces = (data[begin : begin + PART] for begin in range(0, len(data), PART))
    rows = [{"media_id": media_id, "number": number, "data": cipher.seal(piece, column=COLUMN)} for number, piece in enumerate(pieces)]
    await connection.execute(sa.insert(media_parts), rows)


async def load(connection: AsyncConnection, cipher: Cipher, media_id: str) -> Kept | None:
    """Return a file that is here, under a name that ends as its content says."""
    query = (
        sa.select(media.c.place, media.c.mime, messages.c.payload)
        .join(messages, messages.c.id == media.c.message_id)
        .where(media.c.id == media_id, media.c.state == "kept")
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    parts = sa.select(media_parts.c.data).where(media_parts.c.media_id == media_id).order_by(media_parts.c.number)
    data = b"".join([cipher.open(part, column=COLUMN) for part in (await connection.execute(parts)).scalars()])
    attached: list[dict[str, Any]] = row.payload.get("attachments", [])
    name = str(attached[row.place].get("name", "")) if row.place < len(attached) else ""
    return Kept(FileType(row.mime).name_for(name), row.mime, data)


async def of_messages(connection: AsyncConnection, message_ids: Sequence[str]) -> dict[str, dict[int, sa.Row[Any]]]:
    """Return how each file of these messages stands, by message and place."""
    found: dict[str, dict[int, sa.Row[Any]]] = {}
    query = sa.select(media).where(media.c.message_id.in_(message_ids))
    for row in await connection.execute(query):
        found.setdefault(row.message_id, {})[row.place] = row
    return found


async def drop(connection: AsyncConnection, message_id: str) -> None:
    """Delete the files of a message that its customer took back."""
    theirs = sa.select(media.c.id).where(media.c.message_id == message_id)
    await connection.execute(sa.delete(media_parts).where(media_parts.c.media_id.in_(theirs)))
    await connection.execute(sa.delete(media).where(media.c.message_id == message_id))

"""Pictures and files of messages, as the desk shows them, and agents' as the website does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import media
from bot.channels.filetype import SHOWABLE
from bot.channels.shares import Shares
from bot.database.channels import media as files
from bot.database.conversations import messages as said
from bot.ids import utcnow
from bot.messages import Message, Sender

View = dict[str, Any]


async def attachments_view(connection: AsyncConnection, messages: Sequence[Message]) -> dict[str, list[View]]:
    """Return the files of these messages, by message."""
    having = [message for message in messages if message.content.attachments]
    if not having:
        return {}
    found = await media.of_messages(connection, [message.id for message in having])
    return {
        message.id: [
            _view(rows[place], message.content.attachments[place].name)
            for place in sorted(rows)
            if place < len(message.content.attachments)
        ]
        for message in having
        if (rows := found.get(message.id))
    }


async def files_on_their_way(connection: AsyncConnection, conversation_id: str) -> dict[str, View]:
    """Return how each file of a conversation stands, by its id: what a client that has the messages already must know."""
    query = sa.select(files).join(said, said.c.id == files.c.message_id).where(said.c.conversation_id == conversation_id)
    return {row.id: _state(row) for row in await connection.execute(query)}


async def shared_view(connection: AsyncConnection, messages: Sequence[Message], shares: Shares) -> dict[str, list[View]]:
    """Return the files that agents sent with these messages, by message, each with an address that its customer can open."""
    now = utcnow().timestamp()
    return {
        message_id: [
            {"url": shares.url(each["id"], each["name"], now=now), "name": each["name"], "image": each["is_image"]} for each in found
        ]
        for message_id, found in (
            await attachments_view(connection, [message for message in messages if message.sender == Sender.AGENT])
        ).items()
    }


def _view(row: sa.Row[Any], name: str) -> View:
    return {"id": row.id, "kind": row.kind, "name": name, **_state(row)}


def _state(row: sa.Row[Any]) -> View:
    return {"state": row.state, "reason": row.reason, "mime": row.mime, "size": row.size, "is_image": row.mime in SHOWABLE}

"""What clients see of messages and conversations; see docs/api.md."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.place import place_of
from bot.database.escalations import escalations
from bot.escalations.queue import Entry
from bot.escalations.staff import Colleague, takers
from bot.messages import Button, Card, Message, Status
from bot.web.attachments import attachments_view


def iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def button_view(button: Button) -> dict[str, str]:
    """Id and title only: what a button means stays here."""
    return {"id": button.id, "title": button.title}


def card_view(card: Card) -> dict[str, Any]:
    return {
        "title": card.title,
        "subtitle": card.subtitle,
        "kind": card.kind,
        "badge": card.badge,
        "rows": card.rows,
        "steps": card.steps,
        "buttons": [button_view(button) for button in card.buttons],
    }


def message_view(message: Message, names: dict[str, str], *, desk: bool = False) -> dict[str, Any]:
    """Return the message for a client; the desk also sees what the NLU made of it."""
    content = message.content
    view: dict[str, Any] = {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "seq": message.seq,
        "sender": message.sender,
        "agent": names.get(message.agent_id or ""),
        "text": message.text,
        "buttons": [button_view(button) for button in content.buttons],
        "cards": [card_view(card) for card in content.cards],
        "notice": content.notice,
        "csat": content.csat,
        "skippable": content.skippable,
        "client_id": message.client_id.removeprefix("agent:") if message.client_id else None,
        "language": message.language,
        "created_at": iso(message.created_at),
    }
    if desk:
        view |= {"intent": content.intent, "confidence": content.confidence}
    return view


async def messages_view(connection: AsyncConnection, messages: list[Message], *, desk: bool = False) -> list[dict[str, Any]]:
    names = await store.agent_names(connection, [message.agent_id for message in messages if message.agent_id])
    files = await attachments_view(connection, messages) if desk else {}
    return [message_view(message, names, desk=desk) | _files(files, message) for message in messages]


def _files(files: dict[str, list[dict[str, Any]]], message: Message) -> dict[str, Any]:
    return {"attachments": files[message.id]} if message.id in files else {}


async def conversation_view(
    connection: AsyncConnection, row: store.Row, *, staff: Sequence[Colleague] = (), automatic: bool = False
) -> dict[str, Any]:
    names = await store.agent_names(connection, [row.agent_id] if row.agent_id else [])
    queue = await _queue_view(connection, row.id, staff, automatic) if row.status == Status.WAITING and staff else None
    return {
        "id": row.id,
        "status": row.status,
        "agent": names.get(row.agent_id or ""),
        "queue": queue,
        "csat": row.csat,
        "language": row.language,
        "customer_read_seq": row.customer_read_seq,
        "agent_read_seq": row.agent_read_seq,
    }


async def _queue_view(
    connection: AsyncConnection, conversation_id: str, staff: Sequence[Colleague], automatic: bool
) -> dict[str, Any] | None:
    """Return position and estimate; none with nobody to take it, when a position would promise what nobody keeps."""
    query = sa.select(escalations.c.id, escalations.c.skill, escalations.c.place_at).where(
        escalations.c.conversation_id == conversation_id, escalations.c.status == "waiting"
    )
    found = (await connection.execute(query)).first()
    if found is None or not takers(staff, found.skill):
        return None
    place = await place_of(connection, Entry(*found), staff=staff, automatic=automatic)
    return {"position": place.position, "wait_minutes": place.wait_minutes}

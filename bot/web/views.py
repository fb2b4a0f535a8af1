"""What clients see of messages and conversations; see docs/api.md."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.shares import Shares
from bot.conversations import store
from bot.messages import Button, Card, Message
from bot.web.attachments import attachments_view, shared_view


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


def message_view(message: Message, names: Mapping[str, str], *, desk: bool = False) -> dict[str, Any]:
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


async def messages_view(
    connection: AsyncConnection, messages: list[Message], *, desk: bool = False, shares: Shares | None = None
) -> list[dict[str, Any]]:
    """Return the messages for the desk, or for a website, which finds agents' files at the addresses that `shares` makes."""
    names = await store.agent_names(connection, [message.agent_id for message in messages if message.agent_id])
    files = await shared_view(connection, messages, shares) if shares else await attachments_view(connection, messages) if desk else {}
    return [message_view(message, names, desk=desk) | _files(files, message) for message in messages]


def _files(files: dict[str, list[dict[str, Any]]], message: Message) -> dict[str, Any]:
    return {"attachments": files[message.id]} if message.id in files else {}


async def conversation_view(connection: AsyncConnection, row: store.Row) -> dict[str, Any]:
    names = await store.agent_names(connection, [row.agent_id] if row.agent_id else [])
    return standing_view(row, names.get(row.agent_id or ""))


def standing_view(row: store.Row, agent: str | None) -> dict[str, Any]:
    """Return how the conversation stands; `agent` is the name of whose it is."""
    return {
        "id": row.id,
        "status": row.status,
        "agent": agent,
        "queue": None,  # bot.web.board knows
        "csat": row.csat,
        "language": row.language,
        "customer_read_seq": row.customer_read_seq,
        "agent_read_seq": row.agent_read_seq,
    }

"""Buttons where a channel has none: numbered from 1 within a turn of the bot, so that a customer's "2" is the second of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database.conversations import messages
from bot.languages import LANGUAGES, notice
from bot.messages import Button, Content, Sender

# While a customer waits for a person these words do what the widget's buttons do.
WHILE_WAITING = ("bot", "skip")
MOST = 99


def shown(content: Content) -> list[Button]:
    """Return a message's buttons in the order of their numbers: those of its cards, then its own."""
    found = [button for card in content.cards for button in card.buttons]
    return [*found, *content.buttons]


async def numbered_before(connection: AsyncConnection, conversation_id: str, seq: int) -> int:
    """Return how many buttons the bot's turn has shown before the message at this place."""
    return len(await _since_customer(connection, conversation_id, before=seq))


async def chosen(connection: AsyncConnection, conversation_id: str, text: str, *, waiting: bool) -> str:
    """Return the id of the button that a typed number or title means, among those shown since the customer last wrote; else ""."""
    return meant(await _since_customer(connection, conversation_id), text, waiting=waiting)


def meant(buttons: Sequence[Button], text: str, *, waiting: bool) -> str:
    """The same among these buttons."""
    wanted = _plain(text)
    if not wanted or len(wanted) > 80:
        return ""
    if waiting:
        for button_id in WHILE_WAITING:
            if wanted in {_plain(notice(f"button_{button_id}", language)) for language in LANGUAGES}:
                return button_id
    if wanted.isdecimal() and len(wanted) <= 2 and 1 <= int(wanted) <= len(buttons):
        return buttons[int(wanted) - 1].id
    return next((button.id for button in buttons if _plain(button.title) == wanted), "")


async def _since_customer(connection: AsyncConnection, conversation_id: str, *, before: int | None = None) -> list[Button]:
    here = [messages.c.conversation_id == conversation_id]
    if before is not None:
        here.append(messages.c.seq < before)
    last = sa.select(sa.func.coalesce(sa.func.max(messages.c.seq), 0)).where(*here, messages.c.sender == Sender.CUSTOMER)
    query = (
        sa.select(messages.c.payload)
        .where(*here, messages.c.sender == Sender.BOT, messages.c.seq > last.scalar_subquery())
        .order_by(messages.c.seq)
        .limit(MOST)
    )
    payloads = (await connection.execute(query)).scalars().all()
    return [button for payload in payloads for button in shown(msgspec.convert(payload, Content))]


def _plain(text: str) -> str:
    """Full-width digits and letters like others, without blanks around, case or a closing stop: "２。" is "2"."""
    return unicodedata.normalize("NFKC", text).strip().rstrip(".。!！").casefold()

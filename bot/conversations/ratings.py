"""The customer's rating: asked for once, given once, from a widget's stars or by a number on a channel."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.notices import system_message
from bot.database.conversations import conversations, feedback
from bot.errors import ConflictError, InputError
from bot.ids import utcnow

TYPED_LIFE = timedelta(hours=24)  # a bare number that comes later is an order's, or nothing

_TYPED = re.compile(r"([1-5])\s*(?:分|星|stars?|points?)?[.。!！]?", re.IGNORECASE)


async def rate(connection: AsyncConnection, row: store.Row, *, score: int, comment: str) -> None:
    """Keep the rating of a conversation; ConflictError when none was asked for, or one was given already."""
    if not 1 <= score <= 5:
        raise InputError(f"score is {score}; allowed are 1 to 5")
    seq = await store.advance(connection, row.id, 1, conversations.c.csat == "asked", csat="answered")
    if seq is None:
        raise ConflictError("a rating was not asked for here, or was given already")
    try:
        await connection.execute(sa.insert(feedback).values(conversation_id=row.id, csat=score, comment=comment, created_at=utcnow()))
    except IntegrityError as error:
        raise ConflictError("a rating was given already") from error
    await store.add_message(connection, system_message(row, seq, "csat_thanks", row.language))


def typed_score(row: store.Row, text: str) -> int:
    """Return the score that a bare number gives when a rating was asked for, else 0."""
    if row.csat != "asked" or row.resolved_at is None or utcnow() - row.resolved_at > TYPED_LIFE:
        return 0
    match = _TYPED.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return int(match[1]) if match else 0

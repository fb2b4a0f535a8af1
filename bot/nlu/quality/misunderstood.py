"""Customers' messages that the bot did not understand, out of the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.crypto import Cipher
from bot.database.conversations import conversations, feedback, messages, threads, tracker_events, turns
from bot.database.people import customer_identities
from bot.nlu.quality.masking import Identity

NOT_UNDERSTOOD = frozenset({"nlu_fallback", "out_of_scope"})
HAND_OVER = "human_handoff"  # always offered; pressing it says nothing of what was meant
LOW_CONFIDENCE = 0.5  # below it the bot asks back or is as often wrong as right
BAD_RATING = 2  # of 5; what such a customer said was understood with less than this confidence …
_CONFIDENCE_OF_BAD_RATING = 0.8


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """One message; `ranking` holds the intents that the bot thought of, `chosen` what the customer pressed when asked back."""

    text: str
    language: str
    why: str  # nlu_fallback, out_of_scope, low_confidence, bad_rating, customer_chose
    identity: Identity
    ranking: tuple[tuple[str, float], ...] = ()
    chosen: str = ""


def read_misunderstood(connection: sa.Connection, cipher: Cipher, *, since: datetime) -> Iterator[Misunderstood]:
    """Yield the messages typed since then, oldest first; pressed buttons and answers to a form's question are none."""
    buttons = _pressed_after(connection, since)
    forms: dict[str, set[str]] = {}
    for row in connection.execute(_query(since)):
        payload = row.payload or {}
        intent, confidence = str(payload.get("intent") or ""), float(payload.get("confidence") or 0.0)
        if not intent or payload.get("button_id"):
            continue
        chosen = buttons.get((row.conversation_id, row.seq), "")
        why = _why(intent, confidence, row.csat, chosen)
        if not why:
            continue
        if row.conversation_id not in forms:
            forms[row.conversation_id] = _said_in_forms(connection, row.conversation_id)
        if row.text not in forms[row.conversation_id]:
            ranking = tuple((str(name), float(part)) for name, part in (row.result or {}).get("ranking") or ())
            yield Misunderstood(row.text, row.language, why, _identity(row, cipher), ranking, chosen)


def _why(intent: str, confidence: float, csat: int | None, chosen: str) -> str:
    if chosen and chosen != intent:
        return intent if intent in NOT_UNDERSTOOD else "customer_chose"
    if intent in NOT_UNDERSTOOD:
        return intent
    if confidence < LOW_CONFIDENCE:
        return "low_confidence"
    return "bad_rating" if csat is not None and csat <= BAD_RATING and confidence < _CONFIDENCE_OF_BAD_RATING else ""


def _query(since: datetime) -> sa.Select[Any]:
    identity = customer_identities.c
    return (
        sa.select(
            messages.c.conversation_id,
            messages.c.seq,
            messages.c.text,
            messages.c.language,
            messages.c.payload,
            turns.c.result,
            feedback.c.csat,
            identity.name,
            identity.phone,
            identity.email,
            identity.address,
        )
        .join(threads, threads.c.id == messages.c.thread_id)
        .outerjoin(turns, sa.and_(turns.c.conversation_id == messages.c.conversation_id, turns.c.message_id == messages.c.id))
        .outerjoin(feedback, feedback.c.conversation_id == messages.c.conversation_id)
        .outerjoin(customer_identities, identity.customer_id == threads.c.customer_id)
        .where(messages.c.sender == "customer", messages.c.created_at >= since, messages.c.text != "")
        .order_by(messages.c.id)
    )


def _pressed_after(connection: sa.Connection, since: datetime) -> dict[tuple[str, int], str]:
    """Return the intent of the button that a customer pressed right after a message, by that message's conversation and place.

    Only buttons of the bot's answer to that message count: what it offered when it asked back.
    """
    query = (
        sa.select(messages.c.conversation_id, messages.c.seq, messages.c.sender, messages.c.payload)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(conversations.c.updated_at >= since, messages.c.sender.in_(["customer", "bot"]))
        .order_by(messages.c.conversation_id, messages.c.seq)
    )
    pressed: dict[tuple[str, int], str] = {}
    typed: tuple[str, int] | None = None
    offered: dict[str, str] = {}
    for row in connection.execute(query):
        payload = row.payload or {}
        if row.sender == "bot":
            offered |= {str(one["id"]): str(one.get("intent") or "") for one in payload.get("buttons") or ()}
            continue
        meant = offered.get(payload.get("button_id", ""), "")
        if typed and typed[0] == row.conversation_id and meant and meant != HAND_OVER:
            pressed[typed] = meant
        typed = None if payload.get("button_id") else (row.conversation_id, row.seq)
        offered = {}
    return pressed


def _said_in_forms(connection: sa.Connection, conversation_id: str) -> set[str]:
    """Return what was typed while a form asked for something: an address is none of our intents, and was not misunderstood."""
    query = sa.select(tracker_events.c.event).where(tracker_events.c.conversation_id == conversation_id).order_by(tracker_events.c.seq)
    active, said = False, set()
    for event in connection.execute(query).scalars():
        if event.get("event") == "active_loop":
            active = bool(event.get("name"))
        elif event.get("event") == "user" and active:
            said.add(str(event.get("text") or ""))
    return said


def _identity(row: sa.Row[Any], cipher: Cipher) -> Identity:
    def plain(name: str) -> str:
        encrypted = getattr(row, name)
        return cipher.decrypt(encrypted, column=f"customer_identities.{name}") if encrypted else ""

    return Identity(name=plain("name"), phone=plain("phone"), email=plain("email"), address=plain("address"))

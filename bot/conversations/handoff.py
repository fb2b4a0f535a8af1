"""From the bot to a human: what the escalation carries, and what the customer is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.links import known_customer
from bot.conversations.notices import system_message
from bot.conversations.place import Lately, Place, place_of
from bot.conversations.services import Services
from bot.conversations.sla import start_clocks
from bot.conversations.store import lowest_sentiment
from bot.conversations.tracker import end_form
from bot.customers.offers import is_treated
from bot.customers.profile import Profile, read_profile
from bot.database.conversations import conversations
from bot.database.escalations import escalations
from bot.escalations.hours import Hours
from bot.escalations.queue import Entry
from bot.escalations.routing import Priority, is_very_negative, place_at, priority_of, same_agent_first, skill_of
from bot.escalations.staff import Colleague, may_take, takers
from bot.escalations.times import queue_limit
from bot.ids import new_id, utcnow
from bot.languages import notice
from bot.messages import HandOff, HandoffReason, Status, Turn

# What tells the customer to leave a message; the escalation waits all the same, as work for whoever comes first.
LEAVES_A_MESSAGE = ("nobody_there", "out_of_hours", "overflow")

# Who was furious three messages ago and now asks for a person is furious still.
TONE_OF = 5


def summary_of(hand_off: HandOff, last_text: str, language: str) -> str:
    """Return the bot's own summary, else the reason and the customer's last words, unless these only say the same."""
    reason = notice(f"reason_{hand_off.reason.value}", language)
    if hand_off.summary or hand_off.reason == HandoffReason.CUSTOMER_REQUEST:
        return hand_off.summary or reason
    return notice("summary", language, reason=reason, text=last_text[:200])


@dataclass(frozen=True)
class Known:
    """What is looked up before the transaction of a hand-off: the customer's profile, who is at work, and how work is given out."""

    profile: Profile | None
    lately: Lately
    automatic: bool
    hours: Hours


async def what_is_known(services: Services, thread_id: str) -> Known:
    async with services.database.read() as connection:
        customer_id, _ = await known_customer(connection, thread_id)
    profile = await read_profile(services.database, customer_id) if customer_id else None
    return Known(profile, await services.lately(), services.automatic, services.hours)


async def write_hand_off(
    connection: AsyncConnection, conversation: store.Row, *, hand_off: HandOff, turn: Turn | None, text: str, known: Known, seq: int
) -> Entry:
    """Write escalation and transition, and tell the customer at place `seq` what happens now.

    `conversation` is the row as it was before it went to the queue; `text` the customer's last words.
    """
    skill = skill_of(hand_off.topic, conversation.language)
    tone = await lowest_sentiment(connection, conversation.id, newest=TONE_OF)
    priority = _priority(hand_off, known.profile, tone)
    now = utcnow()
    entry = Entry(escalation_id=new_id(), skill=skill, place_at=place_at(now, priority))
    place = await place_of(connection, entry, known.lately, automatic=known.automatic)
    key, values = waiting_notice(place, known, skill=skill, reason=hand_off.reason)
    somebody_there = key not in LEAVES_A_MESSAGE
    reserved_for = await _last_agent(connection, conversation.thread_id, skill, known.lately.staff)
    await connection.execute(
        sa.insert(escalations).values(
            id=entry.escalation_id,
            conversation_id=conversation.id,
            status="waiting",
            reason=hand_off.reason.value,
            priority=priority,
            skill=skill,
            language=conversation.language,
            summary=summary_of(hand_off, text, conversation.language),
            packet=_packet(turn, known.profile, tone),
            left_message=not somebody_there,
            place_at=entry.place_at,
            reserved_for=reserved_for,
            reserved_until=now + same_agent_first()[0] if reserved_for else None,
            owed_since=now,
            estimated_position=place.position,
            estimated_wait_s=place.wait_s if somebody_there else None,
            created_at=now,
        )
    )
    await store.record_transition(
        connection,
        conversation.id,
        epoch=conversation.epoch + 1,
        before=Status.BOT,
        after=Status.WAITING,
        actor="bot",
        reason=hand_off.reason.value,
    )
    await end_form(connection, conversation.id)
    await start_clocks(connection, entry.escalation_id, "first_response", "resolution", priority=priority, at=now, hours=known.hours)
    await store.add_message(connection, system_message(conversation, seq, key, conversation.language, **values))
    return entry


def _priority(hand_off: HandOff, profile: Profile | None, tone: float) -> Priority:
    return priority_of(
        hand_off.reason,
        expected_loss_minor=profile.expected_loss_minor if profile and is_treated(profile) else 0,
        currency=profile.currency if profile else "",
        membership_tier=profile.membership_tier if profile else "",
        sentiment=tone,
    )


async def _last_agent(connection: AsyncConnection, thread_id: str, skill: str, staff: Sequence[Colleague]) -> str | None:
    """Return the agent who served this customer last, not too long ago, if they can take this now."""
    query = (
        sa.select(escalations.c.agent_id)
        .join(conversations, conversations.c.id == escalations.c.conversation_id)
        .where(
            conversations.c.thread_id == thread_id,
            escalations.c.status == "resolved",
            escalations.c.agent_id.is_not(None),
            escalations.c.closed_at > utcnow() - same_agent_first()[1],
        )
        .order_by(escalations.c.closed_at.desc())
        .limit(1)
    )
    agent_id: str | None = (await connection.execute(query)).scalar_one_or_none()
    return agent_id if any(one.agent_id == agent_id and may_take(one, skill) for one in staff) else None


def _packet(turn: Turn | None, profile: Profile | None, tone: float) -> dict[str, Any]:
    return {
        "intents": [list(pair) for pair in turn.ranking[:5]] if turn else [],
        "entities": turn.entities if turn else {},
        "slots": turn.slots if turn else {},
        "very_negative": round(-tone, 3) if is_very_negative(tone) else None,  # so it came earlier; the agent sees why
        "failed_action": turn.failed_action if turn else "",
        "profile": msgspec.to_builtins(profile) if profile else None,
    }


def waiting_notice(place: Place, known: Known, *, skill: str, reason: HandoffReason) -> tuple[str, dict[str, Any]]:
    """Return the key and values of the sentence that tells the customer what happens now."""
    if reason == HandoffReason.FOLLOW_UP:
        return "follow_up", {}
    if not takers(known.lately.staff, skill):
        now = utcnow()
        opens = None if known.hours.is_open(now) else known.hours.next_opening(now)
        return ("out_of_hours", {"opens": f"{opens.astimezone(known.hours.timezone):%Y-%m-%d %H:%M}"}) if opens else ("nobody_there", {})
    if place.position > queue_limit():
        return "overflow", {"position": place.position}
    if place.wait_minutes is None:
        return "queue_position", {"position": place.position}
    return "queue_position_and_wait", {"position": place.position, "minutes": place.wait_minutes}

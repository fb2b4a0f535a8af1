"""From the bot to a human: what the escalation carries, and what the customer is told."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations.store import lowest_sentiment
from bot.customers.offers import is_treated
from bot.customers.profile import Profile
from bot.database.escalations import escalations
from bot.escalations.queue import Entry
from bot.escalations.routing import is_very_negative, priority_of, skill_of
from bot.ids import new_id, utcnow
from bot.languages import notice
from bot.messages import HandOff, HandoffReason, Turn

# The estimate of waiting comes from this many of the newest handled escalations; fewer than three say nothing.
RECENT = 30
FEWEST = 3

# Who was furious three messages ago and now asks for a person is furious still.
TONE_OF = 5


@dataclass(frozen=True)
class Place:
    """Where a customer stands in the queue; `wait_minutes` is None where recent service times say nothing."""

    position: int
    wait_minutes: int | None


def summary_of(hand_off: HandOff, last_text: str, language: str) -> str:
    """Return the bot's own summary, else the reason and the customer's last words, unless these only say the same."""
    reason = notice(f"reason_{hand_off.reason.value}", language)
    if hand_off.summary or hand_off.reason == HandoffReason.CUSTOMER_REQUEST:
        return hand_off.summary or reason
    return notice("summary", language, reason=reason, text=last_text[:200])


async def open_escalation(
    connection: AsyncConnection,
    *,
    conversation_id: str,
    language: str,
    hand_off: HandOff,
    turn: Turn | None,
    last_text: str,
    profile: Profile | None,
    somebody_there: bool,
) -> Entry:
    """Write the escalation with everything that an agent wants to know at once."""
    tone = await lowest_sentiment(connection, conversation_id, newest=TONE_OF)
    entry = Entry(
        escalation_id=new_id(),
        skill=skill_of(hand_off.topic, language),
        priority=priority_of(
            hand_off.reason,
            expected_loss_minor=profile.expected_loss_minor if profile and is_treated(profile) else 0,
            currency=profile.currency if profile else "",
            membership_tier=profile.membership_tier if profile else "",
            sentiment=tone,
        ),
        created_at=utcnow(),
    )
    await connection.execute(
        sa.insert(escalations).values(
            id=entry.escalation_id,
            conversation_id=conversation_id,
            status="waiting",
            reason=hand_off.reason.value,
            priority=entry.priority,
            skill=entry.skill,
            language=language,
            summary=summary_of(hand_off, last_text, language),
            packet=_packet(turn, profile, tone),
            left_message=not somebody_there,
            created_at=entry.created_at,
        )
    )
    return entry


def _packet(turn: Turn | None, profile: Profile | None, tone: float) -> dict[str, Any]:
    return {
        "intents": [list(pair) for pair in turn.ranking[:5]] if turn else [],
        "entities": turn.entities if turn else {},
        "slots": turn.slots if turn else {},
        "very_negative": round(-tone, 3) if is_very_negative(tone) else None,  # so it came earlier; the agent sees why
        "failed_action": turn.failed_action if turn else "",
        "profile": msgspec.to_builtins(profile) if profile else None,
    }


async def place_of(connection: AsyncConnection, entry: Entry, *, agents_online: int) -> Place:
    """Return position (1 is next) and an honest estimate: position times the recent mean handling time, shared by those online."""
    ahead = (
        sa.select(sa.func.count())
        .select_from(escalations)
        .where(
            escalations.c.status == "waiting",
            escalations.c.language == entry.skill.rpartition("_")[2],
            escalations.c.id != entry.escalation_id,
            sa.or_(
                escalations.c.priority > entry.priority,
                sa.and_(escalations.c.priority == entry.priority, escalations.c.created_at < entry.created_at),
            ),
        )
    )
    position = (await connection.execute(ahead)).scalar_one() + 1
    handle_s = await _mean_handle_s(connection)
    if handle_s is None or agents_online == 0:
        return Place(position, None)
    return Place(position, max(1, math.ceil(position * handle_s / agents_online / 60)))


async def _mean_handle_s(connection: AsyncConnection) -> float | None:
    query = (
        sa.select(escalations.c.claimed_at, escalations.c.closed_at)
        .where(escalations.c.status == "resolved", escalations.c.claimed_at.is_not(None), escalations.c.closed_at.is_not(None))
        .order_by(escalations.c.closed_at.desc())
        .limit(RECENT)
    )
    times = [(row.closed_at - row.claimed_at).total_seconds() for row in await connection.execute(query)]
    return sum(times) / len(times) if len(times) >= FEWEST else None


def waiting_notice(place: Place, *, somebody_there: bool) -> tuple[str, dict[str, object]]:
    """Return the key and values of the sentence that tells the customer what happens now."""
    if not somebody_there:
        return "nobody_there", {}
    if place.wait_minutes is None:
        return "queue_position", {"position": place.position}
    return "queue_position_and_wait", {"position": place.position, "minutes": place.wait_minutes}

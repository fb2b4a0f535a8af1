"""The turn as the service gets it, read from the tracker after Rasa has run."""

from __future__ import annotations

from typing import Any

from rasa.shared.core.constants import DEFAULT_SLOT_NAMES
from rasa.shared.core.trackers import DialogueStateTracker

from bot.dialogue.context import TurnContext
from bot.dialogue.events import RANKING_LENGTH, last_message
from bot.messages import Turn

INTERNAL_SLOTS = frozenset(DEFAULT_SLOT_NAMES) | {"language"}


def build_turn(context: TurnContext, tracker: DialogueStateTracker) -> Turn:
    message = last_message(tracker)
    parse_data: dict[str, Any] = message.parse_data
    intent = parse_data.get("intent") or {}
    ranking = (parse_data.get("intent_ranking") or [])[:RANKING_LENGTH]
    return Turn(
        message_id=context.request.message_id,
        replies=context.output.replies,
        completed=not context.failed_action,
        failed_action=context.failed_action,
        hand_off=context.output.hand_off,
        intent=str(intent.get("name") or ""),
        confidence=float(intent.get("confidence") or 0.0),
        sentiment=float((parse_data.get("sentiment") or {}).get("score") or 0.0),
        ranking=[(str(guess["name"]), float(guess["confidence"])) for guess in ranking],
        entities={str(entity["entity"]): str(entity["value"]) for entity in message.entities},
        slots=_filled(tracker.current_slot_values()),
        language=context.request.language,
    )


def _filled(slots: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in slots.items() if value is not None and name not in INTERNAL_SLOTS}

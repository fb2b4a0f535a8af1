"""What Rasa utters, collected as our replies."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from bot.errors import InputError
from bot.messages import Button, Card, HandOff, Reply

CHANNEL = "yingda"

_PAYLOAD = re.compile(r"/(?P<intent>[\w-]+)(?P<entities>\{.*\})?", re.DOTALL)


class Output:
    """An output channel by shape: Rasa calls `name` and `send_response` only. All of one utterance becomes one Reply."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.hand_off: HandOff | None = None

    def name(self) -> str:
        return CHANNEL

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Collect one utterance; raises InputError for a button or a card that nobody could press or draw."""
        custom = message.get("custom") or {}
        if "hand_off" in custom:
            self.hand_off = self.hand_off or msgspec.convert(custom["hand_off"], HandOff)
        position = len(self.replies)
        reply = Reply(
            text=message.get("text") or "",
            buttons=_buttons(message.get("buttons") or [], f"b{position}"),
            cards=[_card(card, f"c{position}-{index}") for index, card in enumerate(custom.get("cards") or [])],
            skippable=bool(custom.get("skippable")),
        )
        if reply.text or reply.buttons or reply.cards:
            self.replies.append(reply)


def _card(raw: dict[str, Any], prefix: str) -> Card:
    buttons = _buttons(raw.get("buttons") or [], prefix)
    try:
        card = msgspec.convert({**raw, "buttons": []}, Card)
    except msgspec.ValidationError as error:
        raise InputError(f"a card of the bot is not a bot.messages.Card: {error}") from error
    return msgspec.structs.replace(card, buttons=buttons)


def _buttons(raw: list[dict[str, Any]], prefix: str) -> list[Button]:
    """Give each button an id of its own; what it means comes as a payload `/intent{…}` or as intent and entities."""
    return [_button(button, f"{prefix}-{index}") for index, button in enumerate(raw)]


def _button(raw: dict[str, Any], button_id: str) -> Button:
    if raw.get("payload"):
        intent, entities = parse_payload(raw["payload"])
    else:
        intent, entities = raw.get("intent", ""), dict(raw.get("entities") or {})
    if not intent:
        raise InputError(f'the button {raw.get("title")!r} has no payload; write it as /intent or /intent{{"entity": "value"}}')
    return Button(id=button_id, title=str(raw.get("title", "")), intent=intent, entities=entities)


def parse_payload(payload: str) -> tuple[str, dict[str, str]]:
    """Split `/intent{"entity": "value"}`, as buttons are written in domain.yml and actions; raises InputError."""
    match = _PAYLOAD.fullmatch(payload.strip())
    try:
        entities = json.loads(match["entities"] or "{}") if match else None
    except json.JSONDecodeError as error:
        raise InputError(f"the button's payload {payload!r} ends in broken JSON") from error
    if not match or not isinstance(entities, dict):
        raise InputError(f'the button\'s payload is {payload!r}; allowed are /intent and /intent{{"entity": "value"}}')
    return match["intent"], {name: str(value) for name, value in entities.items() if value is not None}

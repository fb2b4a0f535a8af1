"""Responses in the customer's language."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.shared.core.trackers import DialogueStateTracker

from bot.dialogue.events import last_message

logger = logging.getLogger(__name__)

DEFAULT_LANGUAGE = "en"

_PLACE = re.compile(r"\{(\w+)\}")


class Responses(TemplatedNaturalLanguageGenerator):  # type: ignore[misc]
    """Picks the variation whose condition on the slot `language` fits the message being answered, and fills in `{company}`.

    The language comes from the message's metadata, which the service sets; nothing that the customer says can set it. Only `{name}` is
    filled in: the braces of a button's `/intent{"order_number": "{number}"}` stay (Rasa's own way logs an error for each of them).
    """

    def __init__(self, companies: Mapping[str, str]) -> None:
        super().__init__({})
        self._companies = companies

    async def generate(self, utter_action: str, tracker: DialogueStateTracker, output_channel: str, **kwargs: Any) -> dict[str, Any] | None:
        language = last_message(tracker).metadata.get("language", DEFAULT_LANGUAGE)
        slots = {**tracker.current_slot_values(), "language": language}
        variation = self._random_response_for(utter_action, output_channel, slots)
        if variation is None:
            logger.warning("the response %s has no variation in %s", utter_action, language)
            return None
        values = {**slots, "company": self._companies.get(language, ""), **kwargs}
        response: dict[str, Any] = fill(variation, values)
        return response


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Return a copy of the template in whose texts each `{name}` is its value; a name without value stays as it is written."""
    if isinstance(template, str):
        plain = template.replace("{{", "{").replace("}}", "}")  # Rasa's way to write a brace that stays, as in /intent{{"kind": "refund"}}
        return _PLACE.sub(lambda place: _shown(place, values), plain)
    if isinstance(template, dict):
        return {key: fill(item, values) for key, item in template.items()}
    if isinstance(template, list):
        return [fill(item, values) for item in template]
    return template


def _shown(place: re.Match[str], values: Mapping[str, Any]) -> str:
    value = values.get(place[1])
    if value is None:
        logger.error("a response has no value for %s", place[0])
        return place[0]
    return str(value)

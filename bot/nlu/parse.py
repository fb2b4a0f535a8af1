"""What the newest model makes of a text, for `yingda nlu parse`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from bot.errors import own_cause
from bot.nlu.rasa_environment import prepare_rasa
from bot.nlu.training import newest_model
from bot.settings import Settings


class Parser:
    """A model's NLU, as Rasa loads and serves it."""

    def __init__(self, model: Path) -> None:
        prepare_rasa()
        from rasa.core.agent import Agent
        from rasa.engine.exceptions import GraphComponentException

        try:
            self._agent = Agent.load(str(model))
        except GraphComponentException as error:
            if own := own_cause(error):
                raise own from error
            raise

    def parse(self, text: str) -> dict[str, Any]:
        """Return text, intent, confidence, ranking, entities, language, tokens, sentiment, novelty; `cut` if the text was too long."""
        parsed = asyncio.run(self._agent.parse_message(text))
        return {
            "text": text,
            "intent": parsed["intent"]["name"],
            "confidence": round(parsed["intent"]["confidence"], 4),
            "ranking": [{"name": one["name"], "confidence": round(one["confidence"], 4)} for one in parsed["intent_ranking"]],
            "entities": parsed["entities"],
            "language": parsed["language"],
            "tokens": [text[start:end] for start, end in parsed["text_tokens"]],
            **{key: parsed[key] for key in ("sentiment", "novelty", "cut") if key in parsed},
        }


def parse(settings: Settings, text: str) -> dict[str, Any]:
    """Load the newest model and parse one text; NotFoundError if there is no model."""
    return Parser(newest_model(settings)).parse(text)

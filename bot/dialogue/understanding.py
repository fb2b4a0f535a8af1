"""The NLU of a model alone, loaded and run as the serving process does it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.dialogue.light import lighten
from bot.errors import own_cause
from bot.nlu.rasa_environment import prepare_rasa


class Understanding:
    """What a model makes of texts. Make it before anything has imported Rasa: TensorFlow then stays out, as in service."""

    def __init__(self, model: Path) -> None:
        lighten(model)
        prepare_rasa()
        from rasa.engine import loader
        from rasa.engine.exceptions import GraphComponentException

        from bot.dialogue.model_storage import ServedModel
        from bot.dialogue.runner import StraightRunner

        try:
            with TemporaryDirectory() as folder:
                self._metadata, self._runner = loader.load_predict_graph_runner(Path(folder), model, ServedModel, StraightRunner)
        except GraphComponentException as error:
            if own := own_cause(error):
                raise own from error
            raise

    def parse(self, text: str) -> dict[str, Any]:
        """Return Rasa's parse of a text: intent, intent_ranking, entities and what our components add."""
        return parse_with(self._runner, self._metadata.nlu_target, text)


def parse_with(runner: Any, target: str, text: str) -> dict[str, Any]:
    """Run a loaded model's graph up to the end of its NLU, `target`."""
    from rasa.core.channels.channel import UserMessage
    from rasa.engine.constants import PLACEHOLDER_MESSAGE

    messages = runner.run(inputs={PLACEHOLDER_MESSAGE: [UserMessage(text)]}, targets=[target])[target]
    return {"intent": {"name": None, "confidence": 0.0}, "entities": [], **messages[0].as_dict(only_output_properties=True)}


def explained(parsed: dict[str, Any]) -> dict[str, Any]:
    """Return a parse as a person reads it: rounded, with tokens as text; `cut` if the text was too long."""
    text = parsed["text"]
    return {
        "text": text,
        "intent": parsed["intent"]["name"],
        "confidence": round(parsed["intent"]["confidence"], 4),
        "ranking": [{"name": one["name"], "confidence": round(one["confidence"], 4)} for one in parsed["intent_ranking"]],
        "entities": parsed["entities"],
        "language": parsed["language"],
        "tokens": [text[start:end] for start, end in parsed["text_tokens"]],
        **{key: parsed[key] for key in ("corrected", "sentiment", "novelty", "cut") if key in parsed},
    }

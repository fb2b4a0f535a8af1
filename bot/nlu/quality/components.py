"""The components of config.yml's NLU pipeline, run one by one without Rasa's graph, so that folds share what does not depend on them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.entities import RuleEntityExtractor
from bot.nlu.intents import EncoderIntentClassifier

_NO_CONTEXT = cast(Any, None)  # our components do not look at Rasa's execution context


class Components:
    """A pipeline, as `settled_config` gives it."""

    def __init__(self, pipeline: Sequence[dict[str, Any]], folder: Path) -> None:
        self._storage = LocalModelStorage(folder)
        self._pipeline = pipeline

    def featurised(self, texts: Sequence[str], intents: Sequence[str]) -> list[Message]:
        """Return messages with everything that the components before the classifier make of them."""
        messages = [Message({TEXT: text, INTENT: intent}) for text, intent in zip(texts, intents, strict=True)]
        data = TrainingData(messages)
        for number, component in enumerate(self._pipeline):
            made = self._create(component, number)
            if isinstance(made, EncoderIntentClassifier):
                break
            if hasattr(made, "process_training_data"):
                data = made.process_training_data(data)
        return messages

    def classifier(self, messages: Sequence[Message]) -> EncoderIntentClassifier:
        """Return the pipeline's classifier, trained on featurised messages."""
        made = next(self._made(EncoderIntentClassifier))
        made.train(TrainingData(list(messages)))
        return cast(EncoderIntentClassifier, made)

    def extractor(self, messages: Sequence[Message]) -> RuleEntityExtractor:
        """Return the pipeline's entity extractor, as it is served after training on these messages."""
        for number, component in enumerate(self._pipeline):
            made = self._create(component, number)
            if isinstance(made, RuleEntityExtractor):
                resource = made.train(TrainingData(list(messages)))
                config = {**made.get_default_config(), **component}
                return RuleEntityExtractor.load(config, self._storage, resource, _NO_CONTEXT)
        raise LookupError("the pipeline has no RuleEntityExtractor")

    def _made(self, kind: type) -> Any:
        made = (self._create(component, number) for number, component in enumerate(self._pipeline))
        return (one for one in made if isinstance(one, kind))

    def _create(self, component: dict[str, Any], number: int) -> Any:
        module, _, name = component["name"].rpartition(".")
        kind = getattr(importlib.import_module(module), name)
        options = {key: value for key, value in component.items() if key != "name"}
        defaults = kind.get_default_config() if hasattr(kind, "get_default_config") else {}
        return kind.create({**defaults, **options}, self._storage, Resource(f"{name}-{number}"), _NO_CONTEXT)

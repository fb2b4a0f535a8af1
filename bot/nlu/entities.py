"""Entities by rules and lists: exact places, normalised values, none inside of another."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_NAME_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.live_catalogue import LiveCatalogue
from bot.nlu.normalize import Folded, fold
from bot.nlu.rules import EntityRules, copy_rules
from bot.nlu.spans import Found
from bot.nlu.tokenizer import folded_text

_LATIN_WORD = re.compile("[a-z]+")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class RuleEntityExtractor(GraphComponent, EntityExtractorMixin):  # type: ignore[misc]
    """Adds `entities` to the parse. Training only puts the rules into the model."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            # Folder of patterns.yml, currencies.yml, return_reasons.yml, dates.yml and the lists below.
            "rules": "nlu_data/lookups",
            # Entity: files in that folder with its names; of a name in two of them the first file's counts.
            "lists": {"city": ["cities.yml"], "product": ["products.yml", "product_kinds.yml"]},
            # Entity: the intents with which it is looked for; one that is not here is looked for always, as all are without an intent.
            "intents": {},
            # File of what the shop sells now, in the form of products.yml, read again whenever it changes; null for none.
            "catalogue": None,
            # Where "yesterday" is reckoned.
            "timezone": "Asia/Shanghai",
        }

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        rules: EntityRules | None = None,
        today: Callable[[], date] | None = None,
    ) -> None:
        self._folder = Path(config["rules"])
        self._lists: dict[str, list[str]] = config["lists"]
        self._intents: dict[str, list[str]] = config["intents"]
        self._zone = ZoneInfo(config["timezone"])
        self._model_storage = model_storage
        self._resource = resource
        self._rules = rules or EntityRules(self._folder, self._lists)
        self._catalogue = LiveCatalogue(Path(config["catalogue"]), words=self._rules.words) if config["catalogue"] else None
        self._today = today or (lambda: datetime.now(self._zone).date())

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> RuleEntityExtractor:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> RuleEntityExtractor:
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, EntityRules(folder, config["lists"]))

    def train(self, training_data: TrainingData) -> Resource:
        with self._model_storage.write_to(self._resource) as folder:
            copy_rules(self._folder, folder, self._lists, words=_plain_words(training_data))
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            folded = folded_text(message)
            found = self._rules.find(
                folded.text,
                self._today(),
                without=self._unwanted(message),
                catalogue=self._catalogue.lookup() if self._catalogue else None,
                more=self._ruled(message, folded),
            )
            entities = [self._entity(one, folded, message.get(TEXT)) for one in found]
            message.set(ENTITIES, [*message.get(ENTITIES, []), *entities], add_to_output=True)
        return messages

    def _ruled(self, message: Message, folded: Folded) -> list[Found]:
        """Return what the company's own patterns find, over the tokenizer's tokens where there are some."""
        if self._rules.ruler is None:
            return []
        tokens: list[Token] | None = message.get(TOKENS_NAMES[TEXT])
        spans = [folded.folded(token.start, token.end) for token in tokens] if tokens is not None else None
        return list(self._rules.ruler.find(folded.text, spans))

    def _unwanted(self, message: Message) -> frozenset[str]:
        """Return the entities that mean nothing with the intent that the classifier before this component has found."""
        intent = (message.get(INTENT) or {}).get(INTENT_NAME_KEY)
        return frozenset(entity for entity, intents in self._intents.items() if intent not in intents) if intent else frozenset()

    def _entity(self, found: Found, folded: Folded, text: str) -> dict[str, Any]:
        start, end = folded.original(found.start, found.end)
        return {
            "entity": found.entity,
            "start": start,
            "end": end,
            "value": found.value,
            "text": text[start:end],
            "confidence_entity": found.confidence,
            "extractor": self.name,
        }


def _plain_words(training_data: TrainingData) -> set[str]:
    """Return the Latin words that stand outside of entities: whoever types them means them."""
    words: set[str] = set()
    for message in training_data.training_examples:
        text = message.get(TEXT) or ""
        for entity in message.get(ENTITIES) or []:
            text = text[: entity["start"]] + " " * (entity["end"] - entity["start"]) + text[entity["end"] :]
        words.update(_LATIN_WORD.findall(fold(text).text.lower()))
    return words

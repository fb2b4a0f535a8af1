"""Spelling: what a message means where it is written by sound, for the components that ask what it says."""

from __future__ import annotations

import json
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import TOKENS_NAMES
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.sounds import SoundReader, Vocabulary, Word, changed
from bot.nlu.tokenizer import KNOWN, BilingualTokenizer, folded_text

CORRECTED = "corrected"  # in the parse: the text as it is understood, where that is not as it was typed
_WORDS = "corrected_words"
_FILE = "vocabulary.json"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class SpellingCorrector(GraphComponent):  # type: ignore[misc]
    """Adds `corrected` to the parse where words of our examples are written with other characters of the same sound, or in pinyin.

    Text, tokens and entities stay as the customer typed them. Rasa has no type for it; an extractor comes nearest.
    """

    @classmethod
    def required_components(cls) -> list[type]:
        return [BilingualTokenizer]

    def __init__(self, model_storage: ModelStorage, resource: Resource, reader: SoundReader | None = None) -> None:
        self._model_storage = model_storage
        self._resource = resource
        self._reader = reader

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> SpellingCorrector:
        return cls(model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> SpellingCorrector:
        with model_storage.read_from(resource) as folder:
            vocabulary = Vocabulary.of(json.loads((folder / _FILE).read_text(encoding="utf8")))
        return cls(model_storage, resource, SoundReader(vocabulary))

    def train(self, training_data: TrainingData) -> Resource:
        examples = [message for message in training_data.intent_examples if message.get(TEXT)]
        texts = [folded_text(message).text.lower() for message in examples]
        words = [[token.lemma for token in message.get(TOKENS_NAMES[TEXT], [])] for message in examples]
        vocabulary = Vocabulary.learn(texts, words)
        with self._model_storage.write_to(self._resource) as folder:
            (folder / _FILE).write_text(json.dumps(vocabulary.stored(), ensure_ascii=False, sort_keys=True), encoding="utf8")
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            if self._reader is not None:
                self._correct(message, self._reader)
        return messages

    @staticmethod
    def _correct(message: Message, reader: SoundReader) -> None:
        folded = folded_text(message)
        tokens = message.get(TOKENS_NAMES[TEXT], [])
        words = [Word(*folded.folded(token.start, token.end), known=token.get(KNOWN, False)) for token in tokens]
        if changes := reader.changes(folded.text, words):
            text, lemmas = changed(folded.text, words, changes)
            message.set(CORRECTED, text, add_to_output=True)
            message.set(_WORDS, [lemma.lower() for lemma in lemmas])


def meant_text(message: Message) -> str:
    """Return the folded text, corrected where it was written by sound."""
    return message.get(CORRECTED) or folded_text(message).text


def meant_words(message: Message) -> list[str]:
    """Return the lower-case words of `meant_text`."""
    return message.get(_WORDS) or [token.lemma for token in message.get(TOKENS_NAMES[TEXT], [])]

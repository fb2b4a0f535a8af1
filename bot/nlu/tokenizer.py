"""The tokenizer for Chinese, English and both in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.normalize import Folded, fold
from bot.nlu.segment import Segmenter
from bot.nlu.words import read_words

FOLDED = "folded"  # attribute of a message: its folded text, which the components behind share
KNOWN = "known"  # of a token: the Chinese dictionary has it
_WORDS_FILE = "words.txt"


def folded_text(message: Message) -> Folded:
    """Return the folded text that the tokenizer left on the message, or fold it now."""
    folded = message.get(FOLDED)
    return folded if isinstance(folded, Folded) else fold(message.get(TEXT) or "")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=True)
class BilingualTokenizer(Tokenizer):  # type: ignore[misc]
    """Tokens as typed, with exact offsets; `lemma` is the folded lower-case form that features are made of."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            # Words that jieba must keep whole: one a line, `word [frequency [tag]]`, as jieba reads them; null for none.
            "user_dictionary": None,
            # Lookup files whose short Chinese names are kept whole as well (kinds of products, cities).
            "names": [],
            # What Rasa's own tokenizers need; intents are never split here.
            "intent_tokenization_flag": False,
            "intent_split_symbol": "_",
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, words: list[str]) -> None:
        super().__init__(config)
        self._model_storage = model_storage
        self._resource = resource
        self._words = words
        self._segmenter: Segmenter | None = None

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> BilingualTokenizer:
        dictionary = Path(config["user_dictionary"]) if config["user_dictionary"] else None
        return cls(config, model_storage, resource, read_words(dictionary, [Path(name) for name in config["names"]]))

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> BilingualTokenizer:
        with model_storage.read_from(resource) as folder:
            words = (folder / _WORDS_FILE).read_text(encoding="utf8").split("\n")
        tokenizer = cls(config, model_storage, resource, [word for word in words if word])
        tokenizer._segmenter = Segmenter(tokenizer._words)
        return tokenizer

    def train(self, training_data: TrainingData) -> Resource:
        """Put the words into the model, so that it serves with those that it was trained with."""
        with self._model_storage.write_to(self._resource) as folder:
            (folder / _WORDS_FILE).write_text("\n".join(self._words), encoding="utf8")
        return self._resource

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        if self._segmenter is None:
            self._segmenter = Segmenter(self._words)
        text = message.get(attribute)
        folded = fold(text)
        if attribute == TEXT:
            message.set(FOLDED, folded)
            if folded.cut:
                message.set("cut", True, add_to_output=True)
        tokens = []
        for start, end in self._segmenter.segment(folded.text):
            first, last = folded.original(start, end)
            word = folded.text[start:end]
            tokens.append(Token(text[first:last], first, last, lemma=word.lower(), data={KNOWN: self._segmenter.knows(word)}))
        return tokens

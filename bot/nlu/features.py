"""The sentence encoder as a featurizer, so that any component behind it (ours or Rasa's) can use its vector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.encoder import DIMENSION, Encoder, Vectors, shared_encoder
from bot.nlu.tokenizer import folded_text

NAME = "SentenceEncoder"


def sentence_vector(message: Message) -> Vectors:
    """Return the vector that the encoder left on the message, shape (512,)."""
    for feature in message.features:
        if feature.origin == NAME:
            return np.asarray(feature.features[0], dtype=np.float32)
    return np.zeros(DIMENSION, dtype=np.float32)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEncoder(DenseFeaturizer, GraphComponent):  # type: ignore[misc]
    """Adds the encoder's vector of the folded text as a dense sentence feature."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            # Rasa's name for "which featurizer"; `featurizers` of other components refers to it.
            "alias": NAME,
            # Folder in which training keeps vectors by text, so that the next training need not encode them again; null for none.
            "cache": None,
        }

    def __init__(self, config: dict[str, Any], encoder: Encoder) -> None:
        super().__init__(NAME, config)
        self._cache_file = Path(config["cache"]) / "encoder.sqlite3" if config["cache"] else None
        self._encoder = encoder

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> SentenceEncoder:
        return cls(config, shared_encoder())

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> SentenceEncoder:
        component = cls(config, shared_encoder())
        component._encoder.encode_one("")  # the weights now, not at the first customer's message
        return component

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Take any configuration; Rasa's base class demands the method."""

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        messages = [message for message in training_data.training_examples if message.get(TEXT)]
        vectors = Encoder(self._cache_file).encode([folded_text(message).text for message in messages])
        for message, vector in zip(messages, vectors, strict=True):
            self._set_vector(message, vector)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            self._set_vector(message, self._encoder.encode_one(folded_text(message).text))
        return messages

    @staticmethod
    def _set_vector(message: Message, vector: Vectors) -> None:
        message.add_features(Features(vector[None, :], FEATURE_TYPE_SENTENCE, TEXT, NAME))

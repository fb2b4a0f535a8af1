"""The intent classifier: what does the customer want, how sure is that, and is it ours at all?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.features import SentenceEncoder, sentence_vector
from bot.nlu.model import Example, IntentModel, ModelOptions, Prediction
from bot.nlu.spelling import meant_text, meant_words
from bot.nlu.tokenizer import BilingualTokenizer, folded_text

FALLBACK = "nlu_fallback"  # Rasa's own name; rules lead from it to the question back or to a person


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class EncoderIntentClassifier(GraphComponent, IntentClassifier):  # type: ignore[misc]
    """Adds `intent`, `intent_ranking` and `novelty` to the parse.

    A message less familiar than the threshold, or with no intent likely enough, becomes `nlu_fallback`, with the ranking behind it.
    """

    @classmethod
    def required_components(cls) -> list[type]:
        return [BilingualTokenizer, SentenceEncoder]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            # See config.yml for the reason of each.
            **asdict(ModelOptions()),
            # The intent whose examples are foreign on purpose; it is never turned into a fallback. "" for none.
            "out_of_scope_intent": "out_of_scope",
            # Below this probability the best intent is no answer.
            "min_confidence": 0.2,
            # How many intents the parse shows.
            "ranking_length": 10,
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, model: IntentModel | None = None) -> None:
        self._out_of_scope: str = config["out_of_scope_intent"]
        self._min_confidence = float(config["min_confidence"])
        self._ranking_length = int(config["ranking_length"])
        self._options = ModelOptions.of(config)
        self._model_storage = model_storage
        self._resource = resource
        self._model = model

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> EncoderIntentClassifier:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> EncoderIntentClassifier:
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, IntentModel.load(folder))

    def train(self, training_data: TrainingData) -> Resource:
        examples = [message for message in training_data.intent_examples if message.get(TEXT)]
        intents = [message.get(INTENT) for message in examples]
        self._model = IntentModel(self._options).fit([_example(one) for one in examples], intents, foreign=self._out_of_scope)
        with self._model_storage.write_to(self._resource) as folder:
            self._model.save(folder)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            if self._model is None or not folded_text(message).text.strip():
                self._set(message, [(FALLBACK, 1.0)])
                continue
            prediction = self._model.predict(_example(message), limit=self._ranking_length)
            novelty = {"familiarity": round(prediction.familiarity, 4), "threshold": round(self._model.threshold_, 4)}
            message.set("novelty", novelty, add_to_output=True)
            self._set(message, self._with_fallback(prediction, self._model.threshold_))
        return messages

    def _with_fallback(self, prediction: Prediction, threshold: float) -> list[tuple[str, float]]:
        best, confidence = prediction.ranking[0]
        foreign = prediction.familiarity < threshold and best != self._out_of_scope
        if foreign or confidence < self._min_confidence:
            return [(FALLBACK, 1 - confidence), *prediction.ranking[: self._ranking_length - 1]]
        return prediction.ranking

    @staticmethod
    def _set(message: Message, ranking: list[tuple[str, float]]) -> None:
        named = [{"name": name, "confidence": confidence} for name, confidence in ranking]
        message.set(INTENT, named[0], add_to_output=True)
        message.set(INTENT_RANKING_KEY, named, add_to_output=True)


def _example(message: Message) -> Example:
    return Example(meant_text(message).lower(), meant_words(message), sentence_vector(message))

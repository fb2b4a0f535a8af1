"""The tone of each message: who is very angry is served sooner (bot/escalations/routing.yml)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from bot.encoder import DEFAULT_MODEL, Encoder
from bot.errors import InputError
from bot.languages import LANGUAGES
from bot.nlu.features import SentenceEncoder, sentence_vector
from bot.nlu.normalize import fold
from bot.nlu.tokenizer import folded_text
from bot.sentiment import KINDS, LABELS, Floats, JudgingWords, Products, Sentiment, SentimentModel, features_of

_NOTHING_SAID = Sentiment("neutral", 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class SentimentOptions:
    """What was chosen; config.yml says why."""

    examples: Path
    word_weight: float
    directions: int
    penalties: Sequence[float]
    folds: int
    seed: int


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class SentimentClassifier(GraphComponent):  # type: ignore[misc]
    """Adds `sentiment` with label, score and confidence to the parse. Rasa has no type for it; an extractor comes nearest."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [SentenceEncoder]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            # Folder of examples by label ({zh,en}.yml) and of words that judge (words/{zh,en}.yml).
            "examples": "nlu_data/sentiment",
            # Of the counts of judging words beside the vector of length 1.
            "word_weight": 0.5,
            # Main directions of vector and counts; the head also sees their products in pairs.
            "directions": 48,
            # LogisticRegression's C; of these the one with the least loss in folds is taken, so that a confidence means what it says.
            "penalties": [0.3, 1.0, 3.0],
            # Held-out parts by which it is chosen.
            "folds": 5,
            # The same data give the same model.
            "seed": 7,
            # As SentenceEncoder's.
            "model": DEFAULT_MODEL,
            "cache": None,
        }

    def __init__(
        self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, model: SentimentModel | None = None
    ) -> None:
        self._options = options_of(config)
        self._encoder_model = str(config["model"])
        self._cache_file = Path(config["cache"]) / "encoder.sqlite3" if config["cache"] else None
        self._model_storage = model_storage
        self._resource = resource
        self._model = model

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> SentimentClassifier:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> SentimentClassifier:
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, SentimentModel.load(folder))

    def train(self, training_data: TrainingData) -> Resource:
        self._model = learn(self._options, encoder=Encoder(self._cache_file, model=self._encoder_model))
        with self._model_storage.write_to(self._resource) as folder:
            self._model.save(folder)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            found = self._judge(message)
            shown = {"label": found.label, "score": round(found.score, 4), "confidence": round(found.confidence, 4)}
            message.set("sentiment", shown, add_to_output=True)
        return messages

    def _judge(self, message: Message) -> Sentiment:
        text = folded_text(message).text
        if self._model is None or not text.strip():
            return _NOTHING_SAID
        return self._model.judge(text, sentence_vector(message))


def options_of(config: Mapping[str, Any]) -> SentimentOptions:
    """Take the options out of a configuration."""
    return SentimentOptions(
        examples=Path(config["examples"]),
        word_weight=float(config["word_weight"]),
        directions=int(config["directions"]),
        penalties=config["penalties"],
        folds=int(config["folds"]),
        seed=int(config["seed"]),
    )


def learn(options: SentimentOptions, *, encoder: Encoder) -> SentimentModel:
    """Learn the head from the folder of examples, with the penalty that is best for examples held out.

    Raises InputError for a label with fewer examples than folds.
    """
    texts, targets = read_examples(options.examples)
    counts = np.bincount(targets, minlength=len(LABELS))
    if counts.min() < options.folds:
        raise InputError(
            f"{options.examples} has {counts.min()} examples of {LABELS[counts.argmin()]}; {options.folds} folds need one each"
        )
    words = read_words(options.examples / "words")
    features = features_of(texts, encoder.encode(texts), words, word_weight=options.word_weight)
    products = products_of(features, directions=options.directions)
    features = products.added_to(features)
    best = min(options.penalties, key=lambda penalty: held_out_loss(features, targets, penalty, options))
    head = _head(best).fit(features, targets)
    return SentimentModel(
        head.coef_.T.astype(np.float32), head.intercept_.astype(np.float32), products, words, word_weight=options.word_weight
    )


def products_of(features: Floats, *, directions: int) -> Products:
    """Learn the main directions, at most as many as there are examples, and the scale that makes the products of the size of 1."""
    mean = features.mean(axis=0)
    _, lengths, main = np.linalg.svd(features - mean, full_matrices=False)
    along = lengths[:directions] ** 2 / len(features)  # what each direction has of the mean square
    return Products(mean, np.ascontiguousarray(main[:directions].T), float(1 / along.sum()))


def held_out_loss(features: Floats, targets: NDArray[np.int64], penalty: float, options: SentimentOptions) -> float:
    """Return the mean log loss of examples under heads that have not seen them: it punishes errors, and most those of the sure."""
    folds = StratifiedKFold(options.folds, shuffle=True, random_state=options.seed)
    losses = np.zeros(len(targets))
    for seen, held in folds.split(features, targets):
        logarithms = _head(penalty).fit(features[seen], targets[seen]).predict_log_proba(features[held])
        losses[held] = -logarithms[np.arange(len(held)), targets[held]]
    return float(losses.mean())


def read_examples(folder: Path) -> tuple[list[str], NDArray[np.int64]]:
    """Return folded texts of both languages and the place of each one's label in LABELS."""
    labelled = [
        (fold(text).text, LABELS.index(label))
        for language in LANGUAGES
        for label, texts in yaml.safe_load((folder / f"{language}.yml").read_text(encoding="utf8")).items()
        for text in texts
    ]
    return [text for text, _ in labelled], np.array([label for _, label in labelled])


def read_words(folder: Path) -> JudgingWords:
    """Return the judging words of both languages as one."""
    files = [yaml.safe_load((folder / f"{language}.yml").read_text(encoding="utf8")) for language in LANGUAGES]
    return JudgingWords({kind: [word.strip() for file in files for word in file[kind].split(",") if word.strip()] for kind in KINDS})


def _head(penalty: float) -> LogisticRegression:
    return LogisticRegression(C=penalty, max_iter=1000)

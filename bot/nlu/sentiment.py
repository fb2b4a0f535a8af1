"""The tone of each message: who is very angry is served sooner (bot/escalations/routing.yml)."""

from __future__ import annotations

from collections.abc import Mapping
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
from scipy.linalg.lapack import spotrf, spotri
from sklearn.linear_model import LogisticRegression

from bot.encoder import DEFAULT_MODEL, Encoder
from bot.errors import InputError
from bot.languages import LANGUAGES
from bot.nlu.features import SentenceEncoder, sentence_vector
from bot.nlu.normalize import fold
from bot.nlu.spelling import meant_text
from bot.sentiment import KINDS, LABELS, Floats, JudgingWords, Likeness, Sentiment, SentimentModel, Votes, features_of

_FEWEST = 2  # examples of a label: what the others say of one that is left out
_CALIBRATION_C = 10.0
_NOTHING_SAID = Sentiment("neutral", 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class SentimentOptions:
    """What was chosen; config.yml says why."""

    examples: Path
    word_weight: float
    directions: int
    width: float
    ridge: float


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
            "word_weight": 0.35,
            # Main directions of vector and counts in which texts are compared with the examples.
            "directions": 192,
            # Of the Gaussian kernel: likeness is exp(-width x squared distance).
            "width": 1.0,
            # Added to the kernel's diagonal: more of it listens less to a single example.
            "ridge": 0.2,
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
        text = meant_text(message)
        if self._model is None or not text.strip():
            return _NOTHING_SAID
        return self._model.judge(text, sentence_vector(message))


def options_of(config: Mapping[str, Any]) -> SentimentOptions:
    """Take the options out of a configuration."""
    return SentimentOptions(
        examples=Path(config["examples"]),
        word_weight=float(config["word_weight"]),
        directions=int(config["directions"]),
        width=float(config["width"]),
        ridge=float(config["ridge"]),
    )


def learn(options: SentimentOptions, *, encoder: Encoder) -> SentimentModel:
    """Learn the head from the folder of examples. Raises InputError for a label with fewer than two."""
    texts, targets = read_examples(options.examples)
    counts = np.bincount(targets, minlength=len(LABELS))
    if counts.min() < _FEWEST:
        raise InputError(f"{options.examples} has {counts.min()} examples of {LABELS[counts.argmin()]}; at least {_FEWEST} are needed")
    words = read_words(options.examples / "words")
    features = features_of(texts, encoder.encode(texts), words, word_weight=options.word_weight)
    likeness = likeness_of(features, options)
    votes = votes_of(likeness.to_examples(features), targets, ridge=options.ridge)
    return SentimentModel(likeness, votes, words, word_weight=options.word_weight)


def likeness_of(features: Floats, options: SentimentOptions) -> Likeness:
    """Learn the main directions, at most as many as there are examples, and keep the examples as they lie along them."""
    mean = features.mean(axis=0)
    main = np.linalg.svd(features - mean, full_matrices=False)[2][: options.directions].T
    return Likeness.to((features - mean) @ main, mean, np.ascontiguousarray(main), options.width)


def votes_of(kernel: Floats, targets: NDArray[np.int64], *, ridge: float) -> Votes:
    """Learn by kernel ridge regression what each example weighs, and on what the others say of each what a sum means.

    `kernel` is used up. Leaving one out needs no second fit: Rasmussen and Williams, Gaussian Processes for Machine Learning,
    equation 5.12.
    """
    wanted = np.eye(len(LABELS), dtype=np.float32)[targets]
    kernel.flat[:: len(kernel) + 1] += np.float32(ridge)
    inverse = _inverse(kernel)
    weights = inverse @ (wanted - wanted.mean(axis=0))
    left_out = wanted - wanted.mean(axis=0) - weights / np.diag(inverse)[:, None]
    calibrated = LogisticRegression(C=_CALIBRATION_C).fit(left_out, targets)
    return Votes(weights, calibrated.coef_.T.astype(np.float32), calibrated.intercept_.astype(np.float32))


def _inverse(matrix: Floats) -> Floats:
    """Invert a symmetric positive definite matrix in its place, in half of the time that `numpy.linalg.inv` takes."""
    factor, _ = spotrf(matrix.T, lower=1, overwrite_a=1)  # transposed it has Fortran's order, which LAPACK changes without a copy
    lower, _ = spotri(factor, lower=1, overwrite_c=1)
    lower += np.tril(lower, -1).T
    return np.asarray(lower)


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

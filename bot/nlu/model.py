"""The intent model: encoder and n-grams under a linear head, with calibrated probabilities and a sense for the foreign.

Pure scikit-learn and numpy; Rasa's part is `bot.nlu.intents`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, hstack
from sklearn.svm import LinearSVC

from bot.errors import InputError
from bot.nlu.ngrams import Tfidf, character_ngrams, word_ngrams
from bot.nlu.novelty import choose_threshold, familiarity, principal_directions

Floats = NDArray[np.float32]
_TOLERANCE = 0.01  # of LinearSVC; 0.0001 gives the same labels after a quarter more time
_ABSENT = -2.0  # margin of an intent that a fold had no example of


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Every number that was chosen; config.yml says why."""

    encoder_weight: float = 1.0
    character_weight: float = 0.5
    word_weight: float = 0.5
    character_ngrams: tuple[int, int] = (1, 4)
    word_ngrams: tuple[int, int] = (1, 2)
    min_documents: int = 1
    penalty: float = 1.0  # LinearSVC's C
    folds: int = 5
    keep: float = 0.97
    seed: int = 7

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> ModelOptions:
        """Take the options out of a configuration or of a stored model, where pairs are lists."""
        chosen: dict[str, Any] = {field.name: values[field.name] for field in fields(cls)}
        chosen = {name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()}
        return cls(**chosen)


@dataclass(frozen=True, slots=True)
class Example:
    """A message as the model sees it: folded lower-case text, its words, its vector of length 1."""

    text: str
    words: Sequence[str]
    vector: Floats


@dataclass(frozen=True, slots=True)
class Prediction:
    """Intents by falling probability, and how familiar the message is."""

    ranking: list[tuple[str, float]]
    familiarity: float


class IntentModel:
    """Learns intents from examples. Learned: `labels_`, `weights_`, `bias_`, `temperature_`, `threshold_`."""

    def __init__(self, options: ModelOptions) -> None:
        self.options = options

    def fit(self, examples: Sequence[Example], intents: Sequence[str], *, foreign: str = "") -> IntentModel:
        """Learn; `foreign` is the intent whose examples are not ours and take no part in choosing the threshold.

        Raises InputError for less than two intents.
        """
        features, targets = self._prepare(examples, intents)
        vectors = np.stack([example.vector for example in examples])
        self.directions_ = principal_directions(vectors)
        self.known_ = vectors @ self.directions_
        self._calibrate(features, targets, self.labels_.index(foreign) if foreign in self.labels_ else -1)
        weights, self.bias_ = self._fit_head(features, targets)
        # One row a feature, so that the few rows of a message lie in one piece each.
        self.weights_ = np.ascontiguousarray(weights.T, dtype=np.float32)
        return self

    def held_out(self, examples: Sequence[Example], intents: Sequence[str], folds: NDArray[np.int64]) -> Floats:
        """Return for each example what a model says that has not seen its fold: probabilities (examples, `labels_`).

        Raises InputError for less than two intents.
        """
        features, targets = self._prepare(examples, intents)
        margins = np.zeros((len(targets), len(self.labels_)), dtype=np.float32)
        for fold in np.unique(folds):
            weights, bias = self._fit_head(features[folds != fold], targets[folds != fold])
            margins[folds == fold] = features[folds == fold] @ weights.T + bias
        scaled = margins * _temperature(margins, targets)
        probabilities: Floats = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, example: Example, *, limit: int = 10) -> Prediction:
        """Rank the intents of one message, the `limit` best."""
        margins = self.margins(example)
        scaled = margins * self.temperature_
        probabilities = np.exp(scaled - scaled.max())
        probabilities /= probabilities.sum()
        best = np.argsort(-probabilities, kind="stable")[:limit]
        score = familiarity(margins[None, :], example.vector[None, :] @ self.directions_, self.known_)[0]
        return Prediction([(self.labels_[index], float(probabilities[index])) for index in best], float(score))

    def margins(self, example: Example) -> Floats:
        """Return the linear head's output, one number a label, for one message."""
        options = self.options
        margins = self.bias_ + (options.encoder_weight * example.vector) @ self.weights_[: len(example.vector)]
        offset = len(example.vector)
        for tfidf, grams, weight in (
            (self.characters_, self._characters(example), options.character_weight),
            (self.words_, self._words(example), options.word_weight),
        ):
            indices, values = tfidf.transform_one(grams)
            margins += (weight * values) @ self.weights_[offset + indices]
            offset += len(tfidf.idf_)
        return np.asarray(margins, dtype=np.float32)

    def _prepare(self, examples: Sequence[Example], intents: Sequence[str]) -> tuple[csr_matrix, NDArray[np.int64]]:
        """Learn labels and n-grams; return features (examples, columns) and the intents' places among the labels."""
        self.labels_ = sorted(set(intents))
        if len(self.labels_) < 2:
            raise InputError(f"The training data has {len(self.labels_)} intent(s); a classifier needs two or more")
        index = {label: number for number, label in enumerate(self.labels_)}
        targets = np.array([index[intent] for intent in intents])
        self.characters_ = Tfidf(min_documents=self.options.min_documents).fit([self._characters(one) for one in examples])
        self.words_ = Tfidf(min_documents=self.options.min_documents).fit([self._words(one) for one in examples])
        return self._features(examples), targets

    def _characters(self, example: Example) -> list[str]:
        return character_ngrams(example.text, *self.options.character_ngrams)

    def _words(self, example: Example) -> list[str]:
        return word_ngrams(example.words, *self.options.word_ngrams)

    def _features(self, examples: Sequence[Example]) -> csr_matrix:
        blocks = [
            csr_matrix(self.options.encoder_weight * np.stack([example.vector for example in examples])),
            self.options.character_weight * self.characters_.transform([self._characters(one) for one in examples]),
            self.options.word_weight * self.words_.transform([self._words(one) for one in examples]),
        ]
        return hstack(blocks, format="csr", dtype=np.float32)

    def _fit_head(self, features: csr_matrix, targets: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return weights (labels, features) and bias (labels); a label without an example never wins."""
        head = LinearSVC(C=self.options.penalty, random_state=self.options.seed, tol=_TOLERANCE, max_iter=5000).fit(features, targets)
        coefficients, intercepts = head.coef_, head.intercept_
        if len(head.classes_) == 2:
            coefficients, intercepts = np.vstack([-coefficients, coefficients]), np.concatenate([-intercepts, intercepts])
        weights = np.zeros((len(self.labels_), features.shape[1]), dtype=np.float32)
        bias = np.full(len(self.labels_), _ABSENT, dtype=np.float32)
        weights[head.classes_], bias[head.classes_] = coefficients, intercepts
        return weights, bias

    def _calibrate(self, features: csr_matrix, targets: NDArray[np.int64], foreign: int) -> None:
        """Choose temperature and threshold by what models say of examples that they have not seen."""
        folds = self._folds(targets)
        margins = np.zeros((len(targets), len(self.labels_)), dtype=np.float32)
        scores = np.zeros(len(targets), dtype=np.float32)
        for fold in np.unique(folds):
            held, rest = folds == fold, folds != fold
            if len(np.unique(targets[rest])) < 2:
                continue
            weights, bias = self._fit_head(features[rest], targets[rest])
            margins[held] = features[held] @ weights.T + bias
            scores[held] = familiarity(margins[held], self.known_[held], self.known_[rest])
        self.temperature_ = _temperature(margins, targets)
        ours = (targets != foreign) & (margins.argmax(axis=1) == targets)
        self.threshold_ = choose_threshold(scores[ours], keep=self.options.keep)
        self.held_out_accuracy_ = float((margins.argmax(axis=1) == targets).mean())

    def _folds(self, targets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Deal the examples of each intent to the folds in turn, in a random order."""
        generator = np.random.default_rng(self.options.seed)
        folds = np.empty(len(targets), dtype=np.int64)
        for label in np.unique(targets):
            places = generator.permutation(np.flatnonzero(targets == label))
            folds[places] = (np.arange(len(places)) + generator.integers(self.options.folds)) % self.options.folds
        return folds

    def save(self, folder: Path) -> None:
        """Write arrays and JSON, which unlike pickles run no code when they are read."""
        np.savez(
            folder / "arrays.npz",
            weights=self.weights_,
            bias=self.bias_,
            directions=self.directions_,
            known=self.known_,
            character_idf=self.characters_.idf_,
            word_idf=self.words_.idf_,
        )
        learned = {
            "options": asdict(self.options),
            "labels": self.labels_,
            "temperature": self.temperature_,
            "threshold": self.threshold_,
            "held_out_accuracy": self.held_out_accuracy_,
            "characters": self.characters_.grams,
            "words": self.words_.grams,
        }
        (folder / "model.json").write_text(json.dumps(learned, ensure_ascii=False), encoding="utf8")

    @classmethod
    def load(cls, folder: Path) -> IntentModel:
        """Read what `save` wrote."""
        learned = json.loads((folder / "model.json").read_text(encoding="utf8"))
        model = cls(ModelOptions.of(learned["options"]))
        model.labels_ = learned["labels"]
        model.temperature_, model.threshold_ = learned["temperature"], learned["threshold"]
        model.held_out_accuracy_ = learned["held_out_accuracy"]
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            model.weights_, model.bias_ = arrays["weights"], arrays["bias"]
            model.directions_, model.known_ = arrays["directions"], arrays["known"]
            model.characters_ = Tfidf.restore(learned["characters"], arrays["character_idf"])
            model.words_ = Tfidf.restore(learned["words"], arrays["word_idf"])
        return model


def _temperature(margins: Floats, targets: NDArray[np.int64]) -> float:
    """Return the factor that makes the softmax of held-out margins most probable (temperature scaling, Guo et al. 2017)."""

    def loss(logarithm: float) -> float:
        scaled = margins.astype(np.float64) * np.exp(logarithm)
        highest = scaled.max(axis=1)
        normaliser = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))
        return float((normaliser - scaled[np.arange(len(targets)), targets]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 4.0), method="bounded").x))

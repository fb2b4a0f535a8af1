"""The intent model: a linear head, a small network and the nearest examples, stacked; calibrated, with a sense for the foreign.

Pure scikit-learn and numpy; Rasa's part is `bot.nlu.intents`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.svm import LinearSVC

from bot.errors import InputError
from bot.nlu.network import Network, NetworkOptions, as_stored, fit_network, join, latent_directions, softmax
from bot.nlu.ngrams import Tfidf, character_ngrams, word_ngrams
from bot.nlu.novelty import choose_threshold, familiarity, ladder, principal_directions, signs_of_ours
from bot.nlu.stacking import stacking_weights, votes

Floats = NDArray[np.float32]
_TOLERANCE = 0.01  # of LinearSVC; 0.0001 gives the same labels after a quarter more time
_NETWORK = [field.name for field in fields(Network)]
_APART = 100  # between the seeds of a fold's networks
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
    latent: int = 256
    units: int = 256
    epochs: int = 20
    min_steps: int = 1500
    batch: int = 128
    rate: float = 0.001
    decay: float = 0.01
    smoothing: float = 0.1
    input_dropout: float = 0.2
    gram_dropout: float = 0.3
    unit_dropout: float = 0.5
    folds: int = 5
    few: int = 1500
    few_folds: int = 10
    few_networks: int = 2
    keep: float = 0.98
    seed: int = 7

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> ModelOptions:
        """Take the options out of a configuration or of a stored model, where pairs are lists."""
        chosen: dict[str, Any] = {field.name: values[field.name] for field in fields(cls)}
        chosen = {name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()}
        return cls(**chosen)

    @property
    def network(self) -> NetworkOptions:
        return NetworkOptions(**{field.name: getattr(self, field.name) for field in fields(NetworkOptions)})


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
    """Learns intents from examples.

    Learned, among others: `labels_`, `mix_` (weights of margins, network and neighbours), `threshold_`, `held_out_accuracy_`.
    """

    def __init__(self, options: ModelOptions) -> None:
        self.options = options

    def fit(self, examples: Sequence[Example], intents: Sequence[str], *, foreign: str = "") -> IntentModel:
        """Learn; `foreign` is the intent whose examples are not ours and take no part in choosing the threshold.

        Raises InputError for less than two intents.
        """
        vectors, grams, features = self._prepare(examples, intents)
        latent = latent_directions(grams, self.options.latent, seed=self.options.seed)
        self.latent_ = latent.astype(np.float16)  # half the memory; rows are sums of a hundred, so that the rounding is lost in them
        self.directions_ = principal_directions(vectors)
        self.known_ = vectors @ self.directions_
        self._learn_held_out(
            features,
            _inputs(vectors, grams @ self.latent_.astype(np.float32)),
            self.labels_.index(foreign) if foreign in self.labels_ else -1,
        )
        weights, self.bias_ = self._fit_head(features, self.targets_)
        # One row a feature, so that the few rows of a message lie in one piece each.
        self.weights_ = np.ascontiguousarray(weights.T, dtype=np.float32)
        return self

    def _prepare(self, examples: Sequence[Example], intents: Sequence[str]) -> tuple[Floats, csr_matrix, csr_matrix]:
        """Learn labels and n-grams; return vectors (n, d), n-grams (n, g) and both together, as the head sees them."""
        self.labels_ = sorted(set(intents))
        if len(self.labels_) < 2:
            raise InputError(f"The training data has {len(self.labels_)} intent(s); a classifier needs two or more")
        index = {label: number for number, label in enumerate(self.labels_)}
        self.targets_ = np.array([index[intent] for intent in intents])
        self.characters_ = Tfidf(min_documents=self.options.min_documents).fit([self._characters(one) for one in examples])
        self.words_ = Tfidf(min_documents=self.options.min_documents).fit([self._words(one) for one in examples])
        vectors = np.stack([example.vector for example in examples])
        grams = self._grams(examples)
        return vectors, grams, hstack([csr_matrix(self.options.encoder_weight * vectors), grams], format="csr", dtype=np.float32)

    def held_out(self, examples: Sequence[Example], intents: Sequence[str], folds: NDArray[np.int64]) -> Floats:
        """Return for each example what a linear head says that has not seen its fold: probabilities (examples, `labels_`).

        Raises InputError for less than two intents.
        """
        _, _, features = self._prepare(examples, intents)
        margins = np.zeros((len(self.targets_), len(self.labels_)), dtype=np.float32)
        for fold in np.unique(folds):
            margins[folds == fold] = self._margins_apart(features, folds == fold)
        return softmax(margins * stacking_weights([margins], self.targets_)[0])

    def predict(self, example: Example, *, limit: int = 10) -> Prediction:
        """Rank the intents of one message, the `limit` best."""
        margins, logits, likeness = self.opinions(example)
        mixed = self.mix_ @ np.vstack([margins, logits, votes(likeness, self.targets_, len(self.labels_))])
        probabilities = softmax(mixed[None, :])[0]
        best = np.argsort(-probabilities, kind="stable")[:limit]
        score = familiarity(signs_of_ours(margins[None, :], logits, likeness), self.ours_)[0]
        return Prediction([(self.labels_[index], float(probabilities[index])) for index in best], float(score))

    def opinions(self, example: Example) -> tuple[Floats, Floats, Floats]:
        """Return for one message the head's margins (labels), the network's logits (1, labels), the likeness to each example (1, n)."""
        margins = self.bias_ + (self.options.encoder_weight * example.vector) @ self.weights_[: len(example.vector)]
        latent = np.zeros(self.latent_.shape[1], dtype=np.float32)
        offset = 0
        for tfidf, grams, weight in self._blocks(example):
            indices, values = tfidf.transform_one(grams)
            margins += (weight * values) @ self.weights_[len(example.vector) + offset + indices]
            latent += (weight * values) @ self.latent_[offset + indices]
            offset += len(tfidf.idf_)
        logits = self.network_.logits(_inputs(example.vector[None, :], latent[None, :]))
        likeness = (example.vector @ self.directions_) @ self.known_.T
        return np.asarray(margins, dtype=np.float32), logits, likeness[None, :]

    def _blocks(self, example: Example) -> list[tuple[Tfidf, list[str], float]]:
        return [
            (self.characters_, self._characters(example), self.options.character_weight),
            (self.words_, self._words(example), self.options.word_weight),
        ]

    def _characters(self, example: Example) -> list[str]:
        return character_ngrams(example.text, *self.options.character_ngrams)

    def _words(self, example: Example) -> list[str]:
        return word_ngrams(example.words, *self.options.word_ngrams)

    def _grams(self, examples: Sequence[Example]) -> csr_matrix:
        blocks = [
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

    def _fit_network(self, inputs: Floats, targets: NDArray[np.int64], fold: int) -> Network:
        """Return the network of a fold: a wide one, or where there are few examples several narrow ones that serve as one."""
        options, dense = self.options, len(self.directions_)
        count = options.few_networks if self._few else 1
        shape = replace(options.network, units=max(1, options.units // count))
        seeds = [options.seed + fold + _APART * number for number in range(count)]
        return join([fit_network(inputs, targets, len(self.labels_), dense=dense, options=shape, seed=seed) for seed in seeds])

    @property
    def _few(self) -> bool:
        return len(self.targets_) < self.options.few

    def _learn_held_out(self, features: csr_matrix, inputs: Floats, foreign: int) -> None:
        """Train a network without each fold, and choose weights and threshold by what is said of examples not seen.

        The networks of all folds together are the one that serves, so that none is trained only to be thrown away.
        """
        targets, labels = self.targets_, len(self.labels_)
        folds = self._folds(targets)
        margins, logits, near = (np.zeros((len(targets), labels), dtype=np.float32) for _ in range(3))
        signs = np.zeros((len(targets), 3), dtype=np.float32)
        networks = []
        for fold in np.unique(folds):
            held, rest = folds == fold, folds != fold
            if len(np.unique(targets[rest])) < 2:
                continue
            margins[held] = self._margins_apart(features, held)
            networks.append(self._fit_network(inputs[rest], targets[rest], int(fold)))
            logits[held] = networks[-1].logits(inputs[held])
            near[held], signs[held] = self._likeness_apart(held, margins[held], logits[held])
        self.network_ = as_stored(join(networks or [self._fit_network(inputs, targets, 0)]))
        self.mix_ = stacking_weights([margins, logits, near], targets)
        right = np.tensordot(self.mix_, np.stack([margins, logits, near]), axes=1).argmax(axis=1) == targets
        self.ours_ = ladder(signs[targets != foreign])
        self.threshold_ = choose_threshold(familiarity(signs[(targets != foreign) & right], self.ours_), keep=self.options.keep)
        self.held_out_accuracy_ = float(right.mean())

    def _margins_apart(self, features: csr_matrix, held: NDArray[np.bool_]) -> Floats:
        """Return what a head that was learned from the other examples says of those held out."""
        weights, bias = self._fit_head(features[~held], self.targets_[~held])
        return np.asarray(features[held] @ weights.T + bias, dtype=np.float32)

    def _likeness_apart(self, held: NDArray[np.bool_], margins: Floats, logits: Floats) -> tuple[Floats, Floats]:
        """Return the votes of the other examples on those held out, and the signs of how familiar these are."""
        likeness = self.known_[held] @ self.known_[~held].T
        return votes(likeness, self.targets_[~held], len(self.labels_)), signs_of_ours(margins, logits, likeness)

    def _folds(self, targets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Deal the examples of each intent to the folds in turn, in a random order; to more folds where there are few examples."""
        generator = np.random.default_rng(self.options.seed)
        count = self.options.few_folds if self._few else self.options.folds
        folds = np.empty(len(targets), dtype=np.int64)
        for label in np.unique(targets):
            places = generator.permutation(np.flatnonzero(targets == label))
            folds[places] = (np.arange(len(places)) + generator.integers(count)) % count
        return folds

    def save(self, folder: Path) -> None:
        """Write arrays and JSON, which unlike pickles run no code when they are read."""
        np.savez(
            folder / "arrays.npz",
            weights=self.weights_,
            bias=self.bias_,
            directions=self.directions_,
            known=self.known_,
            targets=self.targets_,
            latent=self.latent_,
            mix=self.mix_,
            ours=self.ours_,
            **{f"network_{name}": value.astype(np.float16) for name, value in zip(_NETWORK, astuple(self.network_), strict=True)},
            character_idf=self.characters_.idf_,
            word_idf=self.words_.idf_,
        )
        learned = {
            "options": asdict(self.options),
            "labels": self.labels_,
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
        model.threshold_ = learned["threshold"]
        model.held_out_accuracy_ = learned["held_out_accuracy"]
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            model.weights_, model.bias_ = arrays["weights"], arrays["bias"]
            model.directions_, model.known_, model.targets_ = arrays["directions"], arrays["known"], arrays["targets"]
            model.latent_, model.mix_, model.ours_ = arrays["latent"], arrays["mix"], arrays["ours"]
            model.network_ = Network(*(arrays[f"network_{name}"].astype(np.float32) for name in _NETWORK))
            model.characters_ = Tfidf.restore(learned["characters"], arrays["character_idf"])
            model.words_ = Tfidf.restore(learned["words"], arrays["word_idf"])
        return model


def _inputs(vectors: Floats, latent: Floats) -> Floats:
    """Return the network's inputs (n, d + k) of vectors (n, d) and latent (n, k): both parts with entries of about 1."""
    inputs: Floats = np.hstack([vectors * np.float32(np.sqrt(vectors.shape[1])), latent]).astype(np.float32)
    return inputs

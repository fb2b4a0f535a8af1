"""Where models that have not seen an example would put it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.encoders import Vectors
from bot.nlu.model import Example, IntentModel, ModelOptions
from bot.nlu.normalize import fold
from bot.nlu.quality.examples import Annotated
from bot.nlu.segment import Segmenter

FOLDS = 5
_SEED = 11


@dataclass(frozen=True)
class Placements:
    """Held-out probabilities, shape (examples, labels), columns in the order of `labels`."""

    labels: list[str]
    probabilities: NDArray[np.float32]

    def of(self, index: int, intent: str) -> float:
        """Return how probable `intent` is for the example; 0 for one that no fold knew."""
        return float(self.probabilities[index, self.labels.index(intent)]) if intent in self.labels else 0.0

    def best(self, index: int) -> tuple[str, float]:
        column = int(self.probabilities[index].argmax())
        return self.labels[column], float(self.probabilities[index, column])

    def rank(self, index: int, intent: str) -> int:
        """Return how many intents are more probable."""
        return int((self.probabilities[index] > self.of(index, intent)).sum())


def model_examples(examples: Sequence[Annotated], vectors: Vectors, segmenter: Segmenter) -> list[Example]:
    """Return the examples as the classifier sees them in the pipeline."""
    made = []
    for example, vector in zip(examples, vectors, strict=True):
        text = fold(example.text).text
        made.append(Example(text.lower(), [text[start:end].lower() for start, end in segmenter.segment(text)], vector))
    return made


def place(
    examples: Sequence[Example],
    intents: Sequence[str],
    together: Iterable[tuple[int, int]],
    options: ModelOptions,
) -> Placements:
    """Learn on four fifths, look at the last, five times. Pairs of indices in `together` never are on different sides.

    Raises InputError for less than two intents.
    """
    model = IntentModel(options)
    probabilities = model.held_out(examples, intents, _folds(intents, together))
    return Placements(model.labels_, probabilities)


def _folds(intents: Sequence[str], together: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """Deal each intent's examples in turn, in a random order; then bring together what belongs together."""
    generator = np.random.default_rng(_SEED)
    names = np.array(intents)
    folds = np.empty(len(names), dtype=np.int64)
    for name in sorted(set(intents)):
        places = generator.permutation(np.flatnonzero(names == name))
        folds[places] = np.arange(len(places)) % FOLDS
    leader = list(range(len(names)))
    for first, second in together:
        one, other = sorted((_leader(leader, first), _leader(leader, second)))
        leader[other] = one
    return folds[[_leader(leader, index) for index in range(len(names))]]


def _leader(leader: list[int], index: int) -> int:
    while leader[index] != index:
        index = leader[index]
    return index

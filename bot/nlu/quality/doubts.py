"""Examples whose intent models that have not seen them doubt: near duplicates in two intents, and texts in a wrong list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.encoders import Vectors
from bot.nlu.quality.examples import Annotated
from bot.nlu.quality.findings import Finding, Kind
from bot.nlu.quality.likeness import Pair
from bot.nlu.quality.placement import Placements
from bot.nlu.quality.texts import english_words, is_pinyin

# Of two near duplicates one is doubted when the other's intent is this much more probable for it than its own (natural
# logarithm of the quotient). Well-chosen pairs (我要退货, 我要换货) lie above 0: the word that differs tells.
# Of ours none lies below -4, of near duplicates put into another intent 26 of 27 were found.
PAIR_DOUBT = 4.5
# Log-odds that an example was put into a wrong list, from its held-out probabilities and its likeness to the nearest example
# (cosine) of the likeliest intent and of its own; a logistic regression on our data, 4,000 examples moved at random against
# all where they belong.
_WEIGHTS = {"log_best": 0.41, "log_own": -0.85, "near_best": 3.16, "near_own": -6.67}
_BIAS = -2.67
# Chosen so that none of ours is told; of examples really moved (27 in three runs of tests/nlu/quality/defects.py) 15 were found.
MOVED_DOUBT = 3.5
LIKELY = 0.6  # what the models say instead must be this probable
_NEARER_BY = 0.05  # the likeliest intent must have the nearer example, by this
_SMALLEST = 1e-9
_BLOCK = 1000


@dataclass(frozen=True)
class Doubts:
    """Judges examples by `placements` and by `vectors` (n, 512); `foreign` is the intent of what is not ours, near to everything."""

    examples: Sequence[Annotated]
    vectors: Vectors
    placements: Placements
    foreign: str = ""

    def support(self, index: int, other: str) -> float:
        """Return by how much, in natural logarithms, an example's own intent is more probable than `other`."""
        own = self.placements.of(index, self.examples[index].intent)
        return float(np.log(own + _SMALLEST) - np.log(self.placements.of(index, other) + _SMALLEST))

    def suspect(self, first: int, second: int) -> int:
        """Return which of two examples of different intents belongs less where it is."""
        one, other = self.examples[first].intent, self.examples[second].intent
        return first if self.support(first, other) < self.support(second, one) else second

    def pair_findings(self, pairs: Sequence[Pair]) -> Iterator[Finding]:
        """Yield the doubted one of near duplicates, once each."""
        found: set[int] = set()
        for pair in sorted(pairs, key=lambda one: -one.ratio):
            doubted = self.suspect(pair.first, pair.second)
            right = pair.second if doubted == pair.first else pair.first
            example, other = self.examples[doubted], self.examples[right]
            if doubted in found or example.intent == self.foreign or self.support(doubted, other.intent) > -PAIR_DOUBT:
                continue
            found.add(doubted)
            wrong = f"is an example of {example.intent}, and nearly the same as {other.text!r} of {other.intent} at {other.place}"
            yield _at(example, Kind.NEAR_DUPLICATE, wrong, f"move it to {other.intent}, or make clear what is different")

    def moved_findings(self) -> Iterator[Finding]:
        """Yield examples that very likely belong to another intent.

        Neither what no model can read (pinyin) is judged, nor what is likest to the foreign: that is near everything.
        """
        english = english_words(self.examples)
        nearest = self._nearest()
        for index, example in enumerate(self.examples):
            if example.intent == self.foreign or (example.language == "zh" and is_pinyin(example.text, english)):
                continue
            best, probability = self.placements.best(index)
            if best in (example.intent, self.foreign) or probability < LIKELY:
                continue
            if self._doubt(index, best, nearest) > MOVED_DOUBT:
                wrong = f"is an example of {example.intent}, and models that have not seen it say {best} ({probability:.0%})"
                yield _at(example, Kind.OTHER_INTENT, wrong, f"move it to {best}, or add examples of {example.intent} that are like it")

    def _doubt(self, index: int, best: str, nearest: NDArray[np.float32]) -> float:
        labels = self.placements.labels
        own = self.examples[index].intent
        near_best, near_own = nearest[index, labels.index(best)], nearest[index, labels.index(own)]
        if near_best < near_own + _NEARER_BY:
            return -np.inf
        return float(
            _BIAS
            + _WEIGHTS["log_best"] * np.log(self.placements.of(index, best) + _SMALLEST)
            + _WEIGHTS["log_own"] * np.log(self.placements.of(index, own) + _SMALLEST)
            + _WEIGHTS["near_best"] * near_best
            + _WEIGHTS["near_own"] * near_own
        )

    def _nearest(self) -> NDArray[np.float32]:
        """Return the cosine of the nearest other example of each intent, shape (examples, labels)."""
        intents = np.array([example.intent for example in self.examples])
        members = [np.flatnonzero(intents == label) for label in self.placements.labels]
        nearest = np.full((len(intents), len(members)), -1.0, dtype=np.float32)
        for start in range(0, len(intents), _BLOCK):
            likeness = self.vectors[start : start + _BLOCK] @ self.vectors.T
            rows = np.arange(len(likeness))
            likeness[rows, rows + start] = -1.0
            for column, places in enumerate(members):
                nearest[start : start + _BLOCK, column] = likeness[:, places].max(axis=1)
        return nearest


def _at(example: Annotated, kind: Kind, wrong: str, todo: str) -> Finding:
    return Finding(kind, example.file, example.line, example.text, wrong, todo)

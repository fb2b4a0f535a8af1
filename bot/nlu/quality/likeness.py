"""Examples of different intents that are nearly the same text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Indel

from bot.encoders import Vectors
from bot.nlu.quality.examples import Annotated
from bot.nlu.quality.texts import plain

# Below any of these two texts are two messages, however alike (你好 and 你好吗).
MIN_COSINE = 0.75
MIN_RATIO = 0.72  # of rapidfuzz: 1 - inserted and deleted characters / all characters
MIN_CHARACTERS = 6
_BLOCK = 1000  # rows compared at a time: 50 MB for 12,000 examples

Tick = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two examples, by index, the first before the second; `ratio` of their characters is the same."""

    first: int
    second: int
    ratio: float


def near_pairs(examples: Sequence[Annotated], vectors: Vectors, tick: Tick = lambda done, total: None) -> list[Pair]:
    """Return the pairs across intents that are alike in meaning and in characters; `vectors` (n, 512) of length 1."""
    intents = np.array([example.intent for example in examples])
    texts = [plain(example.text) for example in examples]
    long = np.array([len(text) >= MIN_CHARACTERS for text in texts])
    pairs: list[Pair] = []
    for start in range(0, len(examples), _BLOCK):
        alike = vectors[start : start + _BLOCK] @ vectors.T >= MIN_COSINE
        alike &= long[start : start + _BLOCK, None] & long[None, :]
        alike &= intents[start : start + _BLOCK, None] != intents[None, :]
        for row, column in np.argwhere(alike):
            first, second = int(row) + start, int(column)
            if first < second:
                ratio = Indel.normalized_similarity(texts[first], texts[second], score_cutoff=MIN_RATIO)
                if ratio:
                    pairs.append(Pair(first, second, ratio))
        tick(min(start + _BLOCK, len(examples)), len(examples))
    return pairs

"""How foreign a message is: not the softmax, which is sure of itself far from everything that it has seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Margin and nearness find more foreign messages together than each alone; the weight is from trials on hint3_curekart.
NEARNESS_WEIGHT = 3.0
NEIGHBOURS = 3


def familiarity(margins: Floats, vectors: Floats, known: Floats) -> Floats:
    """Return a score a row, the higher the more familiar: the largest margin plus three times the mean cosine of the 3 nearest examples.

    `vectors` (n, d) and `known` (m, d) have rows of length 1.
    """
    cosines = vectors @ known.T
    count = min(NEIGHBOURS, len(known))
    nearest = np.partition(cosines, len(known) - count, axis=1)[:, -count:]
    return np.asarray(margins.max(axis=1) + NEARNESS_WEIGHT * nearest.mean(axis=1), dtype=np.float32)


def choose_threshold(scores: Floats, *, keep: float) -> float:
    """Return the score above which lie `keep` of these held-out messages of ours."""
    return float(np.quantile(scores, 1 - keep)) if len(scores) else -np.inf

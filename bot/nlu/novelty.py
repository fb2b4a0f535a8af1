"""How foreign a message is: not the softmax, which is sure of itself far from everything that it has seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Energy and nearness together find more foreign messages than each alone, or than either with the linear head's margins; the weight
# is from trials on the development part of banking77_oos (AUROC near .902, far .997), where 5 to 15 differ little.
NEARNESS_WEIGHT = 10.0
NEIGHBOURS = 3
# Directions of the encoder's space that are looked at: 128 of 512 tell as much here (AUROC 0.902, all 0.903) in a quarter of the time.
DIRECTIONS = 128


def principal_directions(vectors: Floats) -> Floats:
    """Return the directions in which the rows of `vectors` (n, d) differ most, shape (d, at most DIRECTIONS)."""
    _, directions = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    return np.ascontiguousarray(directions[:, -DIRECTIONS:], dtype=np.float32)


def familiarity(logits: Floats, likeness: Floats) -> Floats:
    """Return a score a row, the higher the more familiar: negative energy (Liu et al. 2020) and likeness to the 3 nearest examples.

    `logits` (n, labels) of the network; `likeness` (n, m) to the m examples in the principal directions, so that what of a message
    lies outside of them makes it foreign.
    """
    highest = logits.max(axis=1)
    energy = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    count = min(NEIGHBOURS, likeness.shape[1])
    nearest = np.partition(likeness, likeness.shape[1] - count, axis=1)[:, -count:]
    return np.asarray(energy + NEARNESS_WEIGHT * nearest.mean(axis=1), dtype=np.float32)


def choose_threshold(scores: Floats, *, keep: float) -> float:
    """Return the score above which lie `keep` of these held-out messages of ours."""
    return float(np.quantile(scores, 1 - keep)) if len(scores) else -np.inf

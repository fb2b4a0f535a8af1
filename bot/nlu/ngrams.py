"""TF-IDF of n-grams: learned by scikit-learn, served by a dictionary and a sum, since one short message needs no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

Indices = NDArray[np.int64]
Values = NDArray[np.float32]


def character_ngrams(text: str, lowest: int, highest: int) -> list[str]:
    """Return the n-grams of a lower-case text; every digit counts as 0, blanks as one, and both ends as a blank."""
    padded = f" {' '.join(_without_digits(text).split())} "
    return [padded[start : start + length] for length in range(lowest, highest + 1) for start in range(len(padded) - length + 1)]


def word_ngrams(words: Sequence[str], lowest: int, highest: int) -> list[str]:
    """Return the n-grams of lower-case words, joined by a blank; every digit counts as 0."""
    plain = [_without_digits(word) for word in words]
    return [" ".join(plain[start : start + length]) for length in range(lowest, highest + 1) for start in range(len(plain) - length + 1)]


_DIGITS = str.maketrans("123456789", "000000000")


def _without_digits(text: str) -> str:
    return text.translate(_DIGITS)


class Tfidf:
    """TF-IDF over lists of n-grams, with logarithmic counts and rows of length 1; equal to TfidfVectorizer's."""

    def __init__(self, *, min_documents: int = 1) -> None:
        self.min_documents = min_documents

    def fit(self, documents: Sequence[list[str]]) -> Tfidf:
        vectorizer = TfidfVectorizer(analyzer=_itself, sublinear_tf=True, min_df=self.min_documents, dtype=np.float32)
        vectorizer.fit(documents)
        self.vocabulary_: dict[str, int] = {gram: int(index) for gram, index in vectorizer.vocabulary_.items()}
        self.idf_: Values = vectorizer.idf_.astype(np.float32)
        return self

    @classmethod
    def restore(cls, grams: list[str], idf: Values) -> Tfidf:
        """Make a fitted one of `grams` in the order of their columns."""
        restored = cls()
        restored.vocabulary_ = {gram: index for index, gram in enumerate(grams)}
        restored.idf_ = idf
        return restored

    @property
    def grams(self) -> list[str]:
        return sorted(self.vocabulary_, key=lambda gram: self.vocabulary_[gram])

    def transform_one(self, document: list[str]) -> tuple[Indices, Values]:
        """Return the columns that are not 0, and their values."""
        known = self.vocabulary_
        counts = Counter(known[gram] for gram in document if gram in known)
        indices = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
        values = (1 + np.log(np.fromiter(counts.values(), dtype=np.float32, count=len(counts)))) * self.idf_[indices]
        length = np.sqrt(values @ values)
        return indices, values / length if length > 0 else values

    def transform(self, documents: Sequence[list[str]]) -> csr_matrix:
        rows = [self.transform_one(document) for document in documents]
        borders = np.cumsum([0, *(len(indices) for indices, _ in rows)])
        indices = np.concatenate([row[0] for row in rows]) if rows else np.empty(0, np.int64)
        values = np.concatenate([row[1] for row in rows]) if rows else np.empty(0, np.float32)
        return csr_matrix((values, indices, borders), shape=(len(rows), len(self.idf_)), dtype=np.float32)


def _itself(document: Any) -> Any:
    return document

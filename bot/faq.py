"""Questions that a text answers: `nlu_data/faq/{zh,en}/*.yml`, edited while everything runs.

An entry is found by its intent, or by what the ways of asking beside the answers, of both languages, tell about a new one.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import yaml

from bot.encoder import DEFAULT_MODEL, search_model, shared_encoder
from bot.encoders import Vectors
from bot.errors import SettingError
from bot.languages import LANGUAGES

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parents[1] / "nlu_data" / "faq"

# What `search` wants. At 0.5, of the ways of asking themselves, each left out in turn together with its translation, three of four are
# found (95 % of those rightly), and of foreign messages 4 % in Chinese and 3 % in English; tests/test_faq.py measures it again.
THRESHOLD = 0.5

# How far below 1, the same meaning, a cosine still counts; the weight of the letters in common beside it; how little a single way of
# asking is trusted. Left out like that, 92 % get the right entry in either language; by the nearest way of asking alone, 73 to 78 %.
REACH = 0.4
LETTERS = 0.2
DOUBT = 0.3

_SENTENCE_END = re.compile(r"[。；\n]|[.;:] ")
_NO_LETTER = re.compile(r"\W+")
_LONGEST_GRAM = 4
_LONGEST_TEXT = 300  # of a longer one only the beginning is compared by letters


class TextEncoder(Protocol):
    def encode_one(self, text: str) -> Vectors: ...

    def encode(self, texts: list[str]) -> Vectors: ...


@dataclass(frozen=True)
class Entry:
    id: str
    intent: str
    questions: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class Found:
    entry: Entry
    likeness: float  # about 1 for a way of asking that is written down, about 0 for a foreign text


class Faq:
    """The entries of both languages; a changed, new or removed file is seen at the next question."""

    def __init__(self, folder: Path = FOLDER, encoder: TextEncoder | None = None) -> None:
        self._folder = folder
        self._encoder = encoder
        self._shelf: _Shelf | None = None

    def about(self, intent: str, text: str, language: str) -> Entry | None:
        """Return the intent's entry, the one most like the text where there are several; None when there is no entry."""
        shelf = self._current()
        entries = [entry for entry in shelf.entries[language] if entry.intent == intent]
        if len(entries) < 2 or not text:
            return entries[0] if entries else None
        return shelf.most_like(text, entries, self._encode()).entry

    def search(self, text: str, language: str, *, threshold: float = THRESHOLD) -> Found | None:
        """Return the entry most like the text, when it is like enough."""
        shelf = self._current()
        if not shelf.entries[language]:
            return None
        found = shelf.most_like(text, shelf.entries[language], self._encode())
        return found if found.likeness >= threshold else None

    def warm(self) -> None:
        """Load the encoder and encode all questions, which takes a second or two that no customer need wait."""
        for language in LANGUAGES:
            self.search("", language)

    def _encode(self) -> TextEncoder:
        if self._encoder is None:
            self._encoder = shared_encoder(search_model(DEFAULT_MODEL))
        return self._encoder

    def _current(self) -> _Shelf:
        files = {language: sorted((self._folder / language).glob("*.yml")) for language in LANGUAGES}
        stamp = tuple((str(path), path.stat().st_mtime_ns) for paths in files.values() for path in paths)
        if self._shelf is None or self._shelf.stamp != stamp:
            self._shelf = _Shelf(stamp, {language: self._read(language, paths) for language, paths in files.items()}, self._shelf)
        return self._shelf

    def _read(self, language: str, files: list[Path]) -> list[Entry]:
        """Read a language's files; a mistake made while editing is logged and leaves its entries as they were."""
        try:
            return [entry for path in files for entry in read_entries(path)]
        except SettingError as error:
            if self._shelf is None:
                raise
            logger.warning("kept the earlier FAQ: %s", error)
            return self._shelf.entries[language]


class _Shelf:
    """All entries as of one state of the files, and once it is wanted what has been learned from them.

    It is a kernel ridge regression: each way of asking, and each sentence of an answer, is 1 for its entry and 0 for the others.
    """

    def __init__(self, stamp: tuple[tuple[str, int], ...], entries: dict[str, list[Entry]], earlier: _Shelf | None) -> None:
        self.stamp = stamp
        self.entries = entries
        known = [entry for language in entries for entry in entries[language]]
        self._columns = {id_: column for column, id_ in enumerate(dict.fromkeys(entry.id for entry in known))}
        labelled = [(text, self._columns[entry.id]) for entry in known for text in (*entry.questions, *_sentences(entry.answer))]
        self._texts = [text for text, _ in labelled]
        self._labels = [column for _, column in labelled]
        self._vector_of: dict[str, Vectors] = earlier._vector_of if earlier else {}
        self._learned: tuple[Vectors, _Letters, Vectors] | None = None

    def most_like(self, text: str, entries: list[Entry], encoder: TextEncoder) -> Found:
        """Return the one of the entries, at least one, that the text is most like."""
        vectors, letters, weights = self._learned = self._learned or self._learn(encoder)
        scores = _kernel(vectors @ encoder.encode_one(text), letters.likeness(text)) @ weights
        best = max(entries, key=lambda entry: float(scores[self._columns[entry.id]]))
        return Found(best, float(scores[self._columns[best.id]]))

    def _learn(self, encoder: TextEncoder) -> tuple[Vectors, _Letters, Vectors]:
        """Encode the texts that the earlier shelf did not have, and solve; a second for a thousand."""
        fresh = list(dict.fromkeys(text for text in self._texts if text not in self._vector_of))
        encoded = dict(zip(fresh, encoder.encode(fresh), strict=True)) if fresh else {}
        self._vector_of = {text: encoded[text] if text in encoded else self._vector_of[text] for text in self._texts}
        vectors = np.stack([self._vector_of[text] for text in self._texts])
        letters = _Letters(self._texts)
        kernel = _kernel(vectors @ vectors.T, letters.among_themselves())
        belongs = np.eye(len(self._columns), dtype=np.float32)[self._labels]
        weights = np.linalg.solve(kernel + DOUBT * np.eye(len(kernel), dtype=np.float32), belongs)
        return vectors, letters, weights


class _Letters:
    """Likeness by runs of letters in common, rare ones counting more: the cosine of TF-IDF vectors. It bears typing mistakes and pinyin."""

    def __init__(self, texts: list[str]) -> None:
        grams = [_grams(text) for text in texts]
        found = Counter(gram for one in grams for gram in one)
        self._rarity = {gram: float(np.log((1 + len(texts)) / (1 + count)) + 1) for gram, count in found.items()}
        rows: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        for row, one in enumerate(grams):
            for gram, weight in self._weigh(one).items():
                rows[gram].append((row, weight))
        self._rows = {gram: (np.array([row for row, _ in one]), np.array([weight for _, weight in one])) for gram, one in rows.items()}
        self._size = len(texts)

    def likeness(self, text: str) -> Vectors:
        """Return the cosine to each of the texts."""
        likeness = np.zeros(self._size, dtype=np.float32)
        for gram, weight in self._weigh(_grams(text)).items():
            if gram in self._rows:
                rows, weights = self._rows[gram]
                likeness[rows] += weight * weights
        return likeness

    def among_themselves(self) -> Vectors:
        likeness = np.zeros((self._size, self._size), dtype=np.float32)
        for rows, weights in self._rows.values():
            likeness[rows[:, None], rows] += weights[:, None] * weights
        return likeness

    def _weigh(self, grams: set[str]) -> dict[str, float]:
        rarest = float(np.log(1 + len(self._rarity)) + 1)
        weights = {gram: self._rarity.get(gram, rarest) for gram in grams}
        length = sum(weight * weight for weight in weights.values()) ** 0.5
        return {gram: weight / length for gram, weight in weights.items()}


def read_entries(path: Path) -> list[Entry]:
    """Read one file; SettingError names the file and what is wrong."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf8")) or []
        return [Entry(one["id"], one["intent"], tuple(one["questions"]), one["answer"].strip()) for one in raw]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise SettingError(f"{path.name} of the FAQ must be a list of id, intent, questions, answer: {error!r}") from error


def _kernel(cosine: Vectors, letters: Vectors) -> Vectors:
    kernel: Vectors = np.exp((cosine - 1) / REACH) + LETTERS * letters
    return kernel


def _sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def _grams(text: str) -> set[str]:
    padded = f" {_NO_LETTER.sub(' ', text[:_LONGEST_TEXT].lower()).strip()} "
    return {padded[start : start + size] for size in range(1, _LONGEST_GRAM + 1) for start in range(len(padded) - size + 1)} - {" "}

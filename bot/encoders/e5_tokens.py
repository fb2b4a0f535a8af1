"""Text to the pieces that multilingual-e5-small reads: SentencePiece's unigram model (Kudo 2018), the likeliest cut of a text."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from bot.encoders.e5_file import Vocabulary

_BLANK = "▁"  # how the vocabulary writes a blank: at the beginning of a piece or not at all, so that each word is cut by itself
_WORDS = re.compile(f"{_BLANK}?[^{_BLANK}]+|{_BLANK}")
_BLANKS = re.compile(" {2,}")
_UNKNOWN_BELOW = 10.0  # so much less likely than the rarest piece is a character that no piece has, as in sentencepiece
_KEPT_WORDS = 4096  # that were cut before
# Python hashes the bytes of a string, which "op" and "灯" have in common unless both are stored in four bytes a character.
_WIDE = "\U00010000"


class Pieces:
    """Cuts texts. Pieces are known by their hash in one sorted array: 4 MB where a dictionary of 250,000 strings takes 35."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        hashes = np.fromiter((hash(_WIDE + piece) for piece in vocabulary.pieces), dtype=np.int64, count=len(vocabulary.pieces))
        self._order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._hashes = hashes[self._order]
        self._scores = vocabulary.scores
        self._longest = max(map(len, vocabulary.pieces))
        self._characters = vocabulary.characters
        self._begin, self._end, self._unknown = vocabulary.begin, vocabulary.end, vocabulary.unknown
        self._strange = float(vocabulary.scores.min()) - _UNKNOWN_BELOW
        self._likeliest = lru_cache(_KEPT_WORDS)(self._cut_word)

    def cut(self, text: str) -> list[int]:
        """Return the numbers of the text's pieces, with those of beginning and end around."""
        text = _BLANKS.sub(" ", text.translate(self._characters))
        text = (text if text.startswith(" ") else " " + text).replace(" ", _BLANK)
        return [self._begin, *(piece for word in _WORDS.findall(text) for piece in self._likeliest(word)), self._end]

    def _cut_word(self, word: str) -> list[int]:
        """Viterbi over the characters of `word`."""
        length = len(word)
        best = [0.0] + [-np.inf] * length
        piece, before = [self._unknown] * (length + 1), [0] * (length + 1)
        known = self._known(word)
        for start in range(length):
            score = best[start]
            for stop, number, own in ((start + 1, self._unknown, self._strange), *known[start]):
                if score + own > best[stop]:
                    best[stop], piece[stop], before[stop] = score + own, number, start
        found, place = [], length
        while place > 0:
            found.append(piece[place])
            place = before[place]
        return found[::-1]

    def _known(self, word: str) -> list[list[tuple[int, int, float]]]:
        """Return for each start the parts of `word` that are pieces: where they end, which they are, how likely."""
        length, longest = len(word), self._longest
        spans = [(start, stop) for start in range(length) for stop in range(start + 1, min(length, start + longest) + 1)]
        hashes = np.array([hash(_WIDE + word[start:stop]) for start, stop in spans])
        places = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        hits = np.flatnonzero(self._hashes[places] == hashes)
        numbers = self._order[places[hits]]
        found: list[list[tuple[int, int, float]]] = [[] for _ in range(length)]
        for hit, number, score in zip(hits.tolist(), numbers.tolist(), self._scores[numbers].tolist(), strict=True):
            start, stop = spans[hit]
            if number != self._unknown:
                found[start].append((stop, number, score))
        return found

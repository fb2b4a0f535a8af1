"""Products found by what a customer calls them: either language, a category, typing errors forgiven.

A text is taken apart into terms: English words, each corrected to the nearest word that the catalogue knows, and pairs of Chinese
characters, which need no segmenter. What few products have says more than what many have (inverse document frequency).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opencc import OpenCC
from rapidfuzz import fuzz, process

from bot.shop.protocol import Product

LONGEST_QUERY = 200
KEYWORD_WEIGHT = 0.6  # what a product's category is called, against what it is called itself
LEAST_OF_BEST = 0.6  # a product with less of the best one's score is not what was meant
TYPO_SCORE = 80  # of 100: one wrong letter in five
SHORTEST_WORD = 3

_PIECES = re.compile(r"[㐀-鿿]+|[a-z0-9]+")
_NO_MEANING = frozenset({"and", "with", "for", "the", "you", "are", "can", "set"})


@dataclass(frozen=True)
class Entry:
    """A product and the words that its category goes by, in lower case."""

    product: Product
    keywords: tuple[str, ...] = ()


class Catalogue:
    """The products, prepared for searching."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = list(entries)
        self._by_sku = {entry.product.sku: entry.product for entry in self._entries}
        self._named = [set(_terms(f"{entry.product.name_zh} {entry.product.name_en}".lower())) for entry in self._entries]
        self._called = [set(_terms(" ".join(entry.keywords))) for entry in self._entries]
        counts = Counter(term for named, called in zip(self._named, self._called, strict=True) for term in named | called)
        self._weights = {term: math.log(1 + len(self._entries) / count) for term, count in counts.items()}
        self._words = sorted(term for term in self._weights if term.isascii())
        self._simplified = OpenCC("t2s")

    def products(self, skus: Iterable[str]) -> list[Product]:
        return [self._by_sku[sku] for sku in skus if sku in self._by_sku]

    def search(self, text: str, *, limit: int) -> list[Product]:
        """Return the best matches first; an SKU finds just its product."""
        exact = self._by_sku.get(text.strip().upper())
        if exact:
            return [exact][:limit]
        query = {term for piece in _terms(self._simplified.convert(text[:LONGEST_QUERY]).lower()) for term in self._known(piece)}
        scores = [self._score(query, named, called) for named, called in zip(self._named, self._called, strict=True)]
        enough = max(scores, default=0.0) * LEAST_OF_BEST
        ranked = sorted(range(len(scores)), key=lambda position: -scores[position])
        return [self._entries[position].product for position in ranked[:limit] if scores[position] >= enough > 0]

    def _known(self, term: str) -> list[str]:
        """Return the term as the catalogue has it; nothing for one that it does not have."""
        if term in self._weights:
            return [term]
        if not term.isascii() or len(term) <= SHORTEST_WORD:
            return []
        found = process.extractOne(term, self._words, scorer=fuzz.ratio, score_cutoff=TYPO_SCORE)
        return [found[0]] if found else []

    def _score(self, query: set[str], named: set[str], called: set[str]) -> float:
        by_name = sum(self._weights[term] for term in query & named)
        return by_name + KEYWORD_WEIGHT * sum(self._weights[term] for term in query & called - named)


def _terms(text: str) -> Iterator[str]:
    """Yield words and pairs of characters; a single character stands for itself."""
    for piece in _PIECES.findall(text):
        if not piece.isascii():
            yield from (piece[start : start + 2] for start in range(max(1, len(piece) - 1)))
            yield piece[-1]  # 锅, 灯: the last character is the kind of thing
        elif len(piece) >= SHORTEST_WORD and piece not in _NO_MEANING:
            yield piece.removesuffix("s") if len(piece) > SHORTEST_WORD else piece

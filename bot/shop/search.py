"""Products found by what a customer calls them: either language, a category, typing errors forgiven."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from bot.shop.protocol import Product

MINIMUM = 70.0  # of 100; below it a match shares letters, not a meaning
CATEGORY_WEIGHT = 0.85  # a product named so goes before one of a category named so
LONGEST_QUERY = 100


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
        self._names = {sku: (default_process(product.name_zh), default_process(product.name_en)) for sku, product in self._by_sku.items()}
        self._keywords = sorted({word for entry in self._entries for word in entry.keywords})

    def products(self, skus: Iterable[str]) -> list[Product]:
        return [self._by_sku[sku] for sku in skus if sku in self._by_sku]

    def search(self, text: str, *, limit: int) -> list[Product]:
        """Return the best matches first; an SKU finds just its product."""
        query = default_process(text[:LONGEST_QUERY])
        exact = self._by_sku.get(text.strip().upper())
        if exact or not query:
            return [exact] if exact else []
        meant = self._meant(query)
        scored = [(self._score(entry, query, meant), entry.product) for entry in self._entries]
        scored.sort(key=lambda pair: pair[0], reverse=True)
        return [product for (score, _), product in scored[: max(limit, 0)] if score >= MINIMUM]

    def _meant(self, query: str) -> tuple[str, float]:
        """Return the keyword that the query holds, the longest of the best, and how sure that is."""
        best = max(self._keywords, key=lambda word: (_holds(query, word), len(word)), default="")
        return best, _holds(query, best) if best else 0.0

    def _score(self, entry: Entry, query: str, meant: tuple[str, float]) -> tuple[float, float]:
        keyword, sure = meant
        name = max(_likeness(query, text) for text in self._names[entry.product.sku])
        if sure >= MINIMUM:
            name = max(name, *(_likeness(keyword, text) * sure / 100 for text in self._names[entry.product.sku]))
        category = sure * CATEGORY_WEIGHT if keyword in entry.keywords else 0.0
        return max(name, category), name


def _likeness(query: str, name: str) -> float:
    """Compare words as sets; a query shorter than the name also as a part of it, which is what Chinese without blanks needs."""
    part = fuzz.partial_ratio(query, name) if 1 < len(query) <= len(name) else 0.0
    return max(part, fuzz.token_set_ratio(query, name) if " " in query else 0.0)


def _holds(query: str, keyword: str) -> float:
    """Say how surely the query holds the keyword: Chinese anywhere, English as words."""
    if not keyword.isascii():
        return 100.0 if keyword in query else 0.0
    words, length = query.split(), len(keyword.split())
    windows = [" ".join(words[start : start + length]) for start in range(max(1, len(words) - length + 1))]
    return max((fuzz.ratio(window, keyword) for window in windows), default=0.0)

"""The demo company's products, from `products.yml`."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import yaml

CURRENCY = "CNY"
PRICE_DROP_AGE = timedelta(days=4)  # since when the products with `dropped` cost less


@dataclass(frozen=True)
class Item:
    """A product, what it cost before its price fell (or the same), and the words for its kind."""

    sku: str
    name_zh: str
    name_en: str
    category: str
    price_minor: int
    former_minor: int
    keywords: tuple[str, ...]

    def price_at(self, at: datetime, *, now: datetime) -> int:
        return self.former_minor if at < now - PRICE_DROP_AGE else self.price_minor

    def row(self) -> dict[str, Any]:
        return {
            "sku": self.sku,
            "name_zh": self.name_zh,
            "name_en": self.name_en,
            "category": self.category,
            "price_minor": self.price_minor,
            "currency": CURRENCY,
            "attributes": {"keywords": list(self.keywords)},
        }


class Range:
    """All items, and a way to choose as customers do: what is popular more often, favourite categories more often."""

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.by_sku = {item.sku: item for item in items}
        self.categories = list(dict.fromkeys(item.category for item in items))
        self._by_category = {category: [item for item in items if item.category == category] for category in self.categories}
        self._popularity = {
            category: list(accumulate(1 / (rank + 2) for rank in range(len(items)))) for category, items in self._by_category.items()
        }

    def choose(self, rng: random.Random, favourites: tuple[str, ...]) -> Item:
        category = rng.choice(favourites) if rng.random() < 0.7 else rng.choice(self.categories)
        items = self._by_category[category]
        return rng.choices(items, cum_weights=self._popularity[category])[0]


def load_range() -> Range:
    data = yaml.safe_load((Path(__file__).parent / "products.yml").read_text(encoding="utf8"))
    return Range([_item(category, product) for category in data["categories"] for product in category["products"]])


def _item(category: dict[str, Any], product: dict[str, Any]) -> Item:
    names = [category["zh"], category["en"], *category["keywords"]]
    return Item(
        sku=product["sku"],
        name_zh=product["zh"],
        name_en=product["en"],
        category=category["key"],
        price_minor=product["price"] * 100,
        former_minor=product.get("dropped", product["price"]) * 100,
        keywords=tuple(dict.fromkeys(str(name).lower() for name in names)),
    )

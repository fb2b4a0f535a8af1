"""Make the lookup list of products out of a catalogue file, so that what the shop sells is what the bot recognises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bot.languages import LANGUAGES

_HEADER = "# Made from the catalogue by `bot.nlu.catalogue.write_products`; do not edit, make it again.\n"
# The brand and series that a title begins with: "Jiyu X20 Pro", "澜声 Air 3".
_SERIES = {
    "zh": re.compile(r"^[一-鿿]{2,4} [A-Za-z0-9]+(?: (?:Pro|Mini|Max|Kids|\d+)\b)?"),
    "en": re.compile(r"^[A-Z][a-z]+ (?=\w*[A-Z0-9])[A-Za-z0-9]+(?: (?:Pro|Mini|Max|Kids|\d+)\b)?"),
}


def write_products(catalogue: Path, target: Path) -> Path:
    """Write the lookup file of a catalogue: `categories`, each with `keywords` and `products` of `zh` and `en` names."""
    raw = yaml.safe_load(catalogue.read_text(encoding="utf8"))
    entries = list(_entries(raw["categories"]))
    text = yaml.safe_dump({"entries": entries}, allow_unicode=True, default_flow_style=None, sort_keys=False, width=160)
    target.write_text(_HEADER + text, encoding="utf8")
    return target


def _entries(categories: list[dict[str, Any]]) -> Iterator[dict[str, list[str]]]:
    """Yield kinds first: a kind that is also a product's name is said of the kind."""
    for category in categories:
        for keyword in category["keywords"]:
            yield {"en": [keyword]} if keyword.isascii() else {"zh": [keyword]}
    for category in categories:
        for product in category["products"]:
            yield {language: _names(product[language], language) for language in LANGUAGES}


def _names(title: str, language: str) -> list[str]:
    series = _SERIES[language].match(title)
    return [title, series[0]] if series and series[0] != title else [title]

"""Personal data out of customers' messages, before they become examples: placeholders in the form of nlu_data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.languages import detect_language
from bot.nlu.normalize import fold
from bot.nlu.rules import EntityRules

# What no rule knows may still be a card or an identity card: of so many digits none is left.
_LONG_NUMBER = re.compile(r"(?:\d[ -]?){5,}\d[0-9Xx]?")
_WORD_OF_NAME = re.compile(r"[A-Za-z][A-Za-z'’-]{2,}")
_HAN_NAME = re.compile(r"[一-鿿]{2,}")
_HAN_RUN_OF_ADDRESS = 4  # characters of an identity's address that a text repeats
_BRACKETS = str.maketrans("[]", "()")  # typed brackets are no markup


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of the one who wrote; "" for what is not."""

    name: str = ""
    phone: str = ""
    email: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class _Masked:
    start: int
    end: int
    markup: str


class Masker:
    """Masks by the project's entity rules, by patterns of names and addresses, and by what is known of the customer."""

    def __init__(self, rules: EntityRules) -> None:
        self._rules = rules
        words = _words()
        self._entities: Mapping[str, str] = words["entities"]
        self._words: Mapping[str, Mapping[str, str]] = words["words"]
        self._patterns = [(one["word"], re.compile(one["pattern"])) for one in words["patterns"]]

    def mask(self, text: str, identity: Identity = Identity()) -> str:
        """Return the text as an example: one line, personal data replaced, replaced entities annotated."""
        text = " ".join(text.translate(_BRACKETS).split())
        language = "zh" if detect_language(text) in ("zh", "mixed") else "en"
        result, done = "", 0
        for one in _without_overlaps([*self._known(text, identity, language), *self._found(text), *self._by_pattern(text, language)]):
            result += _without_long_numbers(text[done : one.start]) + one.markup
            done = one.end
        return result + _without_long_numbers(text[done:])

    def _known(self, text: str, identity: Identity, language: str) -> Iterator[_Masked]:
        for word, values in (("name", _names(identity.name)), ("address", _address_parts(identity.address))):
            for value in values:
                yield from _everywhere(text, value, self._words[word][language])
        for entity, value in (("phone", identity.phone), ("email", identity.email)):
            if value:
                yield from _everywhere(text, value, f"[{self._entities[entity]}]({entity})")

    def _found(self, text: str) -> Iterator[_Masked]:
        folded = fold(text)
        for found in self._rules.find(folded.text, date.min.replace(year=2026)):
            if found.entity in self._entities:
                yield _Masked(*folded.original(found.start, found.end), f"[{self._entities[found.entity]}]({found.entity})")

    def _by_pattern(self, text: str, language: str) -> Iterator[_Masked]:
        folded = fold(text)
        for word, pattern in self._patterns:
            for match in pattern.finditer(folded.text):
                yield _Masked(*folded.original(*match.span("value")), self._words[word][language])


def _names(name: str) -> Iterator[str]:
    """Yield a name and the parts of it by which people call themselves."""
    if not name.strip():
        return
    yield name.strip()
    yield from (part for part in _WORD_OF_NAME.findall(name))
    for han in _HAN_NAME.findall(name):
        yield han
        if len(han) == 3:
            yield han[1:]


def _address_parts(address: str) -> Iterator[str]:
    if address.strip():
        yield address.strip()
    for part in re.split(r"[\s,，、]+", address):
        if len(part) >= _HAN_RUN_OF_ADDRESS:
            yield part


def _everywhere(text: str, value: str, markup: str) -> Iterator[_Masked]:
    border = r"(?<![A-Za-z]){}(?![A-Za-z])" if value.isascii() else "{}"
    for match in re.finditer(border.format(re.escape(value)), text, re.IGNORECASE):
        yield _Masked(*match.span(), markup)


def _without_overlaps(masked: Iterable[_Masked]) -> list[_Masked]:
    """Keep the longest of those that overlap, in the order of the text."""
    kept: list[_Masked] = []
    for one in sorted(masked, key=lambda one: one.start - one.end):
        if all(one.end <= other.start or one.start >= other.end for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def _without_long_numbers(text: str) -> str:
    return _LONG_NUMBER.sub(lambda match: re.sub(r"\d", "0", match[0]), text)


@cache
def _words() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "placeholders.yml").read_text(encoding="utf8"))
    return read

"""Find names of a list (cities, products) in a text, forgiving typing errors, at a cost that hardly grows with the list."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from bot.errors import SettingError
from bot.languages import LANGUAGES
from bot.nlu.normalize import fold
from bot.nlu.spans import Found

# A shorter name is too near to other words: cable and table.
_MIN_LATIN_FOR_ERRORS = 6
_MIN_HAN_FOR_ERRORS = 5
_LETTERS_PER_ERROR = 5
_PLURALS = ("es", "s")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of a list: its names by language, the canonical one first."""

    zh: tuple[str, ...]
    en: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return self.zh + self.en


def read_phrases(path: Path) -> list[str]:
    """Read a lookup file's `not`: phrases in which a name means something else ("in that case")."""
    raw = yaml.safe_load(path.read_text(encoding="utf8"))
    return [str(phrase) for phrase in raw.get("not") or ()]


def read_entries(path: Path) -> list[Entry]:
    """Read a lookup file: `entries`, a list of `{zh: [names], en: [names]}`."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf8"))
        return [Entry(zh=_names(one, "zh"), en=_names(one, "en")) for one in raw["entries"]]
    except (OSError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise SettingError(
            f"The lookup file {path} cannot be read ({error}); it needs `entries: [{{zh: [names], en: [names]}}]`"
        ) from error


def _names(one: dict[str, Any], language: str) -> tuple[str, ...]:
    return tuple(str(name).strip() for name in one.get(language) or ())


@dataclass(frozen=True, slots=True)
class _Name:
    text: str  # folded, lower case
    value: str
    bigrams: int
    errors: int  # how many are forgiven


class Lookup:
    """Finds an entity's names. The value is the entry's canonical name in the language in which it was written."""

    def __init__(self, entity: str, entries: Iterable[Entry], *, phrases: Iterable[str] = (), words: frozenset[str] = frozenset()) -> None:
        """`phrases` hold no names; `words` are no errors of typing but words of their own ("charge" is no "charger")."""
        self._entity = entity
        self._words = words
        self._phrases = tuple(fold(phrase).text.lower() for phrase in phrases)
        self._names: list[_Name] = []
        self._index: dict[str, list[int]] = defaultdict(list)
        seen: set[str] = set()
        for entry in entries:
            for language in LANGUAGES:
                for name in getattr(entry, language):
                    self._add(fold(name).text.lower(), getattr(entry, language)[0], seen)

    def _add(self, text: str, value: str, seen: set[str]) -> None:
        if len(text) < 2 or text in seen:
            return
        seen.add(text)
        bigrams = _bigrams(text)
        for bigram in bigrams:
            self._index[bigram].append(len(self._names))
        self._names.append(_Name(text, value, len(bigrams), _errors_forgiven(text)))

    def find(self, text: str) -> list[Found]:
        """Return the names in a folded lower-case text; they may overlap."""
        for phrase in self._phrases:
            if phrase in text:
                text = text.replace(phrase, "\n" * len(phrase))
        shared: Counter[int] = Counter()
        for bigram in _bigrams(text):
            shared.update(self._index.get(bigram, ()))
        found: list[Found] = []
        for index, count in shared.items():
            name = self._names[index]
            # An error changes two bigrams at most.
            if count >= name.bigrams - 2 * name.errors:
                found.extend(self._exact(name, text) if count == name.bigrams else ())
                if name.errors and not any(one.value == name.value for one in found):
                    found.extend(self._with_errors(name, text))
        return found

    def _exact(self, name: _Name, text: str) -> Iterator[Found]:
        start = text.find(name.text)
        while start >= 0:
            end = start + len(name.text)
            if name.text.isascii():
                end = next(
                    (end + len(plural) for plural in _PLURALS if text.startswith(plural, end) and _is_border(text, end + len(plural))), end
                )
            if not name.text.isascii() or (_is_border(text, start) and _is_border(text, end)):
                yield Found(self._entity, start, end, name.value)
            start = text.find(name.text, start + 1)

    def _is_mistyped(self, text: str, name: str) -> bool:
        """Is it the name with an error, not another model number or other words?"""
        strange = set(text.split()) - set(name.split())
        return _digits(text) == _digits(name) and not strange <= self._words

    def _with_errors(self, name: _Name, text: str) -> Iterator[Found]:
        near = fuzz.partial_ratio_alignment(name.text, text, score_cutoff=70)
        if near is None:
            return
        latin = name.text.isascii()
        starts = _borders_near(text, near.dest_start) if latin else [near.dest_start]
        ends = _borders_near(text, near.dest_end) if latin else [near.dest_end - 1, near.dest_end, near.dest_end + 1]
        spans = [(start, end) for start in starts for end in ends if 0 <= start < end <= len(text)]
        distances = [(OSA.distance(name.text, text[start:end]), start, end) for start, end in spans]
        errors, start, end = min(distances, default=(len(text) + 1, 0, 0))
        # People rarely mistype the first letter, and other words begin with another one.
        if errors <= name.errors and text[start] == name.text[0] and self._is_mistyped(text[start:end], name.text):
            yield Found(self._entity, start, end, name.value, confidence=round(1 - errors / len(name.text), 2))


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _bigrams(text: str) -> set[str]:
    return {text[index : index + 2] for index in range(len(text) - 1)}


def _errors_forgiven(text: str) -> int:
    shortest = _MIN_LATIN_FOR_ERRORS if text.isascii() else _MIN_HAN_FOR_ERRORS
    return 0 if len(text) < shortest else min(2, len(text) // _LETTERS_PER_ERROR or 1)


def _is_border(text: str, index: int) -> bool:
    """Is `index` not inside of a Latin word or number?"""
    return index <= 0 or index >= len(text) or not (_is_latin(text[index - 1]) and _is_latin(text[index]))


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _borders_near(text: str, index: int, reach: int = 3) -> list[int]:
    return [near for near in range(max(0, index - reach), min(len(text), index + reach) + 1) if _is_border(text, near)]

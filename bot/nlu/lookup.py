"""Find names of a list (cities, products) in a text, forgiving typing errors, at a cost that hardly grows with the list."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from bot.languages import LANGUAGES
from bot.nlu.names import Names
from bot.nlu.normalize import fold
from bot.nlu.spans import Found

# A shorter name is too near to other words: cable and table.
_MIN_LATIN_FOR_ERRORS = 6
_MIN_HAN_FOR_ERRORS = 4
_LETTERS_PER_ERROR = 5
_LONG = 8  # letters; names from here on are indexed by threes, of which a text has fewer by chance
_PARTICLES = frozenset("的了吗呢吧是有不在还和与我你这那")  # what stands behind a name, not a character mistyped
_PLURALS = ("s", "es")
_MOST_MODIFIERS = 3
_LONGEST_MODIFIER = 12  # characters


@dataclass(frozen=True, slots=True)
class _Name:
    text: str  # folded, lower case
    value: str
    grams: int
    errors: int  # how many are forgiven

    @property
    def least_shared(self) -> int:
        """How many grams a mistyped name still has: an error changes as many as a gram has letters."""
        return max(1, self.grams - _size(self.text) * self.errors)


class Lookup:
    """Finds an entity's names. The value is the entry's SKU or its canonical name in the language in which it was written."""

    def __init__(self, entity: str, names: Names, *, words: frozenset[str] = frozenset()) -> None:
        """`words` are no errors of typing but words of their own ("charge" is no "charger")."""
        self._entity = entity
        self._words = words
        self._phrases = tuple(_folded(phrase) for phrase in names.phrases)
        self._no_names = re.compile("|".join(names.no_names)) if names.no_names else None
        self._no_name_before = re.compile(names.not_followed_by) if names.not_followed_by else None
        self._modifiers = frozenset(_folded(modifier) for modifier in names.modifiers)
        self._by_start: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._mistyped: list[_Name] = []
        self._index: dict[str, list[int]] = defaultdict(list)
        seen: set[str] = set()
        for entry in names.entries:
            for language in LANGUAGES:
                for name in getattr(entry, language):
                    self._add(_folded(name), entry.sku or getattr(entry, language)[0], seen)

    def _add(self, text: str, value: str, seen: set[str]) -> None:
        if len(text) < 2 or text in seen:
            return
        seen.add(text)
        self._by_start[text[:2]].append((text, value))
        errors = _errors_forgiven(text)
        if errors:
            grams = _grams(text, _size(text))
            for gram in grams:
                self._index[gram].append(len(self._mistyped))
            self._mistyped.append(_Name(text, value, len(grams), errors))

    def find(self, text: str) -> list[Found]:
        """Return the names in a folded lower-case text; they may overlap."""
        text = self._without_phrases(text)
        found = list(self._exact(text))
        values = {one.value for one in found}
        shared: Counter[int] = Counter()
        for gram in _grams(text, 2) | _grams(text, 3):
            shared.update(self._index.get(gram, ()))
        for index, count in shared.items():
            name = self._mistyped[index]
            if count >= name.least_shared and name.value not in values:
                found.extend(self._with_errors(name, text))
        return found

    def _without_phrases(self, text: str) -> str:
        for phrase in self._phrases:
            if phrase in text:
                text = text.replace(phrase, "\n" * len(phrase))
        return self._no_names.sub(lambda match: "\n" * len(match[0]), text) if self._no_names else text

    def _exact(self, text: str) -> Iterator[Found]:
        for start in range(len(text) - 1):
            for name, value in self._by_start.get(text[start : start + 2], ()):
                if text.startswith(name, start) and _is_border(text, start):
                    end = _end_of_word(text, start + len(name)) if _is_latin(name[-1]) else start + len(name)
                    if end and not (self._no_name_before and self._no_name_before.match(text, end)):
                        first = self._start_of_kind(text, start)
                        yield Found(self._entity, first, end, text[first:start] + value)

    def _start_of_kind(self, text: str, start: int) -> int:
        """Return where the modifiers begin that stand before a kind at `start`."""
        for _ in range(_MOST_MODIFIERS if self._modifiers else 0):
            end = start - 1 if text[start - 1 : start] in (" ", "-") else start
            begins = range(max(0, end - _LONGEST_MODIFIER), end)
            before = next((begin for begin in begins if text[begin:end] in self._modifiers and _is_border(text, begin)), None)
            if before is None or (end == start and not _is_border(text, start)):
                break
            start = before
        return start

    def _is_mistyped(self, text: str, name: str) -> bool:
        """Is it the name with an error, not another model number or other words?"""
        strange = set(text.split()) - set(name.split())
        if not name.isascii() and (set(text) - set(name)) & _PARTICLES:
            return False
        return _digits(text) == _digits(name) and not strange <= self._words

    def _with_errors(self, name: _Name, text: str) -> Iterator[Found]:
        near = fuzz.partial_ratio_alignment(name.text, text, score_cutoff=70)
        if near is None:
            return
        latin = name.text.isascii()
        starts = _borders_near(text, near.dest_start) if latin else [near.dest_start]
        ends = _borders_near(text, near.dest_end) if latin else [near.dest_start + len(name.text)]  # one character for another
        spans = [(start, end) for start in starts for end in ends if 0 <= start < end <= len(text)]
        distances = [(OSA.distance(name.text, text[start:end]), start, end) for start, end in spans]
        errors, start, end = min(distances, default=(len(text) + 1, 0, 0))
        # People rarely mistype the first letter, and other words begin with another one.
        if errors <= name.errors and text[start] == name.text[0] and self._is_mistyped(text[start:end], name.text):
            yield Found(self._entity, start, end, name.value, confidence=round(1 - errors / len(name.text), 2))


def _folded(name: str) -> str:
    return fold(name).text.lower()


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _size(text: str) -> int:
    return 2 if len(text) < _LONG else 3


def _grams(text: str, size: int) -> set[str]:
    return {text[index : index + size] for index in range(len(text) - size + 1)}


def _errors_forgiven(text: str) -> int:
    if not text.isascii() and any(map(_is_latin, text)):
        return 0
    shortest = _MIN_LATIN_FOR_ERRORS if text.isascii() else _MIN_HAN_FOR_ERRORS
    return 0 if len(text) < shortest else min(2, len(text) // _LETTERS_PER_ERROR or 1)


def _end_of_word(text: str, end: int) -> int:
    """Return where a Latin name that goes to `end` ends, with its plural; 0 if a longer word goes on there."""
    plurals = _PLURALS if text[end - 1] in "shxzo" else _PLURALS[:1]
    ends = (end, *(end + len(plural) for plural in plurals if text.startswith(plural, end)))
    return next((one for one in ends if _is_border(text, one)), 0)


def _is_border(text: str, index: int) -> bool:
    """Is `index` not inside of a Latin word or number?"""
    return index <= 0 or index >= len(text) or not (_is_latin(text[index - 1]) and _is_latin(text[index]))


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _borders_near(text: str, index: int, reach: int = 3) -> list[int]:
    return [near for near in range(max(0, index - reach), min(len(text), index + reach) + 1) if _is_border(text, near)]

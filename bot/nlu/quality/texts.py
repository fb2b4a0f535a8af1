"""The same text twice, and texts in the wrong language's file."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from bot.nlu.normalize import fold
from bot.nlu.quality.examples import Annotated
from bot.nlu.quality.findings import Finding, Kind

_HAN = re.compile(r"[㐀-䶿一-鿿]")
_LATIN = re.compile(r"[A-Za-z]")
_WORD = re.compile(r"(?<![a-z0-9@.])[a-z]+(?:['’][a-z]+)?(?![a-z0-9@])")  # no part of a code or an address
# A Latin text in zh/ is English when this part of its words, two or more, is found in en/ this often: pinyin is Chinese.
_ENGLISH_SHARE = 0.7
_MIN_WORDS = 2
_KNOWN_FROM = 3  # examples


Suspect = Callable[[int, int], int]  # of two examples, by index, the one that is more likely wrong


def later(first: int, second: int) -> int:
    """Suspect what was written later: people add at the end."""
    return max(first, second)


def plain(text: str) -> str:
    """Return what two spellings of one text share: no case, width, traditional forms, punctuation or blanks."""
    folded = fold(text).text.casefold()
    kept = "".join(character for character in folded if unicodedata.category(character)[0] not in "PZC" and character not in "~^`")
    return kept or "".join(folded.split())


def duplicate_findings(examples: Sequence[Annotated], suspect: Suspect = later) -> Iterator[Finding]:
    """Yield each example whose text stands before; of two in different intents, at the place that `suspect` says."""
    first: dict[str, int] = {}
    for index, example in enumerate(examples):
        other = first.setdefault(plain(example.text), index)
        if other == index:
            continue
        if examples[other].intent == example.intent:
            yield _at(example, Kind.DUPLICATE, f"stands at {examples[other].place} already", "remove one of the two")
        else:
            one, right = sorted((other, index), key=lambda place: place != suspect(other, index))
            wrong = f"is an example of {examples[one].intent} here and of {examples[right].intent} at {examples[right].place}"
            yield _at(examples[one], Kind.DUPLICATE_IN_OTHER_INTENT, wrong, "keep it where it belongs")


def language_findings(examples: Sequence[Annotated]) -> Iterator[Finding]:
    """Yield Chinese without a Latin letter in en/, and English without a Han character in zh/."""
    english = english_words(examples)
    for example in examples:
        han, latin = bool(_HAN.search(example.text)), bool(_LATIN.search(example.text))
        if example.language == "en" and han and not latin:
            yield _at(example, Kind.WRONG_LANGUAGE, "is Chinese in a file of en/", "move it to the file of that name in zh/")
        if example.language == "zh" and latin and not han and _is_english(example.text, english):
            yield _at(example, Kind.WRONG_LANGUAGE, "is English in a file of zh/", "move it to the file of that name in en/")


def english_words(examples: Sequence[Annotated]) -> frozenset[str]:
    """Return the words that the English files use and the purely Latin texts of the Chinese files mostly do not."""
    words: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        if not _HAN.search(example.text):
            words[example.language].update(set(_WORD.findall(example.text.lower())))
    return frozenset(word for word, count in words["en"].items() if count >= _KNOWN_FROM and count > words["zh"][word])


def is_pinyin(text: str, english: frozenset[str]) -> bool:
    """Does a text of a Chinese file hold Latin words that are no English ones?"""
    return any(word not in english for word in _WORD.findall(fold(text).text.lower()))


def _is_english(text: str, english: frozenset[str]) -> bool:
    words = _WORD.findall(text.lower())
    return len(words) >= _MIN_WORDS and sum(word in english for word in words) >= _ENGLISH_SHARE * len(words)


def _at(example: Annotated, kind: Kind, wrong: str, todo: str) -> Finding:
    return Finding(kind, example.file, example.line, example.text, wrong, todo)

"""Messages that say one thing and nothing else, known by a table of words; spaces, punctuation and capitals do not count."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SKIN_TONES_AND_VARIANTS = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f\u200d]")


class BareWords:
    """Knows texts that hold at least one of `needed`, and nothing but these and what may stand `beside` them."""

    def __init__(self, needed: Iterable[str], beside: Iterable[str], *, longest: int) -> None:
        own = [_bare(word) for word in needed]
        self._needed = _any_of(own)
        self._whole = re.compile(f"(?:{_any_of([*own, *map(_bare, beside)]).pattern})+")
        self._longest = longest

    def match(self, text: str) -> bool:
        """Tell whether this is all that the text says; one of more than `longest` characters says more."""
        if len(text) > self._longest:
            return False
        bare = _bare(text)
        return bool(self._whole.fullmatch(bare)) and bool(self._needed.search(bare))


def _any_of(words: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)))


def _bare(text: str) -> str:
    """Leave letters, digits and pictures; everything else only separates."""
    text = _SKIN_TONES_AND_VARIANTS.sub("", text).casefold()
    return "".join(character for character in text if character.isalnum() or (ord(character) >= 0x2600 and not _is_punctuation(character)))


def _is_punctuation(character: str) -> bool:
    return "\u3000" <= character <= "\u303f" or "\uff00" <= character <= "\uff65"

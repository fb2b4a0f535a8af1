"""Fold a text for matching and features, and find the way back to what the customer typed.

Full-width and compatibility forms become plain ones (NFKC), traditional characters simplified, invisible characters disappear.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

MAX_CHARACTERS = 2000  # what is longer is cut: no intent needs more, and a pasted book must not stall the process

# Zero-width space, direction marks, soft hyphen, byte order mark and variation selectors: seen by no reader. The joiner
# U+200D stays: it makes one emoji of several.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x200B, 0x200C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF, *range(0xFE00, 0xFE10)], ""
)
_CONTROL = dict.fromkeys([*range(0x00, 0x20), *range(0x7F, 0xA0)], " ")


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text; `starts[i]` and `ends[i]` are where its i-th character lies in the original (None: the same place)."""

    text: str
    starts: tuple[int, ...] | None = None
    ends: tuple[int, ...] | None = None
    cut: bool = False

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Turn a not empty span of the folded text into one of the original."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]

    def folded(self, start: int, end: int) -> tuple[int, int]:
        """Turn a span of the original into the folded one that covers it."""
        if self.starts is None or self.ends is None:
            return start, end
        return bisect_right(self.ends, start), bisect_left(self.starts, end)

    def fingerprint(self) -> str:
        """Say for Rasa's graph what this is."""
        return self.text


def fold(text: str) -> Folded:
    """Fold a text, of which at most MAX_CHARACTERS are read."""
    cut = len(text) > MAX_CHARACTERS
    text = text[:MAX_CHARACTERS]
    table = _character_table()
    if unicodedata.is_normalized("NFKC", text):
        plain = text.translate(table)
        if len(plain) == len(text):
            return Folded(plain, cut=cut)
    return _fold_with_offsets(text, table, cut=cut)


def _fold_with_offsets(text: str, table: dict[int, str], *, cut: bool) -> Folded:
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        folded = unicodedata.normalize("NFKC", text[start:end]).translate(table)
        characters.append(folded)
        starts.extend([start] * len(folded))
        ends.extend([end] * len(folded))
    return Folded("".join(characters), tuple(starts), tuple(ends), cut)


def _clusters(text: str) -> list[tuple[int, int]]:
    """Split into characters with the accents and variation selectors that follow them, which belong to them."""
    borders = [index for index, character in enumerate(text) if index == 0 or unicodedata.category(character) not in ("Mn", "Me")]
    return list(zip(borders, [*borders[1:], len(text)], strict=True))


@cache
def _character_table() -> dict[int, str]:
    lines = (files("opencc") / "dictionary" / "TSCharacters.txt").read_text(encoding="utf8").splitlines()
    pairs = (line.split("\t") for line in lines if "\t" in line)
    simplified = {ord(pair[0]): pair[1].split(" ")[0] for pair in pairs if len(pair[0]) == 1}
    return {**simplified, **_CONTROL, **_INVISIBLE}

"""The words that the tokenizer keeps whole: the user dictionary, and short Chinese names of products and cities."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bot.errors import SettingError
from bot.nlu.names import read_names
from bot.nlu.normalize import fold


def read_words(user_dictionary: Path | None, names: Iterable[Path]) -> list[str]:
    """Return the folded words, sorted, each with its frequency behind a blank where the dictionary states one.

    Raises SettingError for a file that is not there or cannot be read.
    """
    words: set[str] = set()
    if user_dictionary:
        if not user_dictionary.is_file():
            raise SettingError(f"user_dictionary is {str(user_dictionary)!r}; it must be a file with one word a line")
        lines = user_dictionary.read_text(encoding="utf8").splitlines()
        words.update(_entry(line) for line in lines if line.strip() and line[0] != "#")
    words.update(name for entry in read_names(names).entries for name in entry.zh if _is_word(name))
    return sorted(fold(word).text for word in words)


def _entry(line: str) -> str:
    word, *more = line.split()
    return f"{word} {more[0]}" if more and more[0].isdecimal() else word


def _is_word(name: str) -> bool:
    """Is this one word of Chinese, not a title with blanks and model numbers?"""
    return 2 <= len(name) <= 6 and all("一" <= character <= "鿿" for character in name)

"""A bare thank-you: words of thanks.yml and nothing else."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml

LONGEST = 80  # characters; whoever writes more says more

_SKIN_TONES_AND_VARIANTS = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f\u200d]")


def is_thanks(text: str) -> bool:
    if len(text) > LONGEST:
        return False
    bare = _bare(text)
    thanks, anything = _patterns()
    return bool(anything.fullmatch(bare)) and bool(thanks.search(bare))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    words = yaml.safe_load((Path(__file__).parent / "thanks.yml").read_text(encoding="utf8"))
    thanks = [_bare(str(word)) for word in words["thanks"]]
    beside = [_bare(str(word)) for word in words["beside"]]
    return _any_of(thanks), re.compile(f"(?:{_any_of(thanks + beside).pattern})+")


def _any_of(words: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)))


def _bare(text: str) -> str:
    """Leave letters, digits and pictures; everything else only separates."""
    text = _SKIN_TONES_AND_VARIANTS.sub("", text).casefold()
    return "".join(character for character in text if character.isalnum() or (ord(character) >= 0x2600 and not _is_punctuation(character)))


def _is_punctuation(character: str) -> bool:
    return "\u3000" <= character <= "\u303f" or "\uff00" <= character <= "\uff65"

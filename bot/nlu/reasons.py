"""Why something goes back: fixed words (`return_reasons.yml`) and the way in which people build a reason (`reason_grammar.yml`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.errors import SettingError
from bot.nlu.spans import Found

RETURN_REASON = "return_reason"

_NAME = re.compile(r"\{([a-z_]+)\}")
_HAN, _LATIN = re.compile("[一-鿿]"), re.compile("[a-z]")
_LATIN_START, _LATIN_END = "(?<![a-z])", "(?![a-z])"


class ReasonFinder:
    """Finds reasons of a return; the value is the reason's key. A reason in a message with another wish is not its business."""

    def __init__(self, keywords: Mapping[str, list[str]], grammar: Mapping[str, Any]) -> None:
        words = {name: "(?:" + "|".join(_longest_first(some.split(", "))) + ")" for name, some in grammar["words"].items()}
        patterns = [(reason, _keyword_pattern(one)) for reason, some in keywords.items() for one in _longest_first(some)]
        patterns += [(reason, _bordered(_filled(one, words))) for reason, some in grammar["patterns"].items() for one in some]
        # What is written in one script only need not be looked for in the other.
        self._han, self._latin = ([(reason, _compile(one)) for reason, one in patterns if _has_han(one) is han] for han in (True, False))

    def find(self, text: str) -> Iterator[Found]:
        """Yield the reasons in a folded lower-case text; they may overlap."""
        rules = (self._han if _has_han(text) else []) + (self._latin if _LATIN.search(text) else [])
        for reason, pattern in rules:
            for match in pattern.finditer(text):
                yield Found(RETURN_REASON, match.start(), match.end(), reason)


def _longest_first(keywords: list[str]) -> list[str]:
    return sorted(keywords, key=len, reverse=True)


def _keyword_pattern(keyword: str) -> str:
    pattern = re.escape(keyword.rstrip("*")).replace("'", "['’]")
    if not keyword.isascii():
        return pattern if keyword.endswith("了") else pattern + "了?"
    return _LATIN_START + pattern + ("[a-z]*" if keyword.endswith("*") else _LATIN_END)


def _filled(pattern: str, words: Mapping[str, str]) -> str:
    """Put the words in; a name that there is not is an error of whoever wrote the pattern."""
    unknown = set(_NAME.findall(pattern)) - set(words)
    if unknown:
        raise SettingError(f"The pattern {pattern!r} of {RETURN_REASON} names {sorted(unknown)}; `words` has {', '.join(words)}")
    return _NAME.sub(lambda match: words[match[1]], pattern)


def _bordered(pattern: str) -> str:
    """Latin letters of a find begin and end where a word does; Han may stand anywhere."""
    if not _has_han(pattern):
        return f"{_LATIN_START}(?:{pattern}){_LATIN_END}"
    return rf"(?:{pattern})(?:(?![a-z])|(?<![a-z]))"


def _has_han(text: str) -> bool:
    return _HAN.search(text) is not None


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise SettingError(f"A pattern of {RETURN_REASON} is not a regular expression: {error}: {pattern!r}") from error

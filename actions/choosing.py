"""Choosing from what was shown, in words: "the second one", "耳机那个"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from actions.context import Message

_LIKE = 75.0  # of 100; the words of an answer are few, those of other products differ in most letters
_LONGEST_ANSWER = 40  # characters; more than that is a question of its own

_ORDINALS = (
    re.compile(r"^\W*(?:第?[一1]个?|最近的?那?个?|最新的?|(?:the )?(?:first|1st|latest|newest|most recent)(?: one)?|1)\W*$", re.I),
    re.compile(r"^\W*(?:第?[二2]个?|(?:the )?(?:second|2nd)(?: one)?|2)\W*$", re.I),
    re.compile(r"^\W*(?:第?[三3]个?|(?:the )?(?:third|3rd)(?: one)?|3)\W*$", re.I),
    re.compile(r"^\W*(?:第?[四4]个?|(?:the )?(?:fourth|4th)(?: one)?|4)\W*$", re.I),
    re.compile(r"^\W*(?:第?[五5]个?|(?:the )?(?:fifth|5th)(?: one)?|5)\W*$", re.I),
)
_SPOKEN_ONE = re.compile(r"第[一二三四五1-5]个|(?:first|second|third|fourth|fifth) one", re.I)
_FILLER = re.compile(r"那个|这个|那单|这单|那件|这件|the one with|the one|that one|with|please|the|one|是|的|我要|退|换", re.I)


def pick(message: Message, options: Sequence[Sequence[str]]) -> int | None:
    """Return which option is meant, by its place or by one of its names; None when that is not clear."""
    text = message.text.strip()
    if not options or not text or len(text) > _LONGEST_ANSWER:
        return None
    place = _place(text)
    if place is not None:
        return place if place < len(options) else None
    named = _by_name(message.entities.get("product", ""), options)
    return named if named is not None else _by_name(text, options)


def is_called(wanted: str, name: str) -> bool:
    """Say whether a customer's word for a thing fits its name."""
    return _likeness(default_process(wanted), name) >= _LIKE


def _place(text: str) -> int | None:
    spoken = _SPOKEN_ONE.search(text)
    words = spoken[0] if spoken else text
    return next((place for place, pattern in enumerate(_ORDINALS) if pattern.match(words)), None)


def _by_name(text: str, options: Sequence[Sequence[str]]) -> int | None:
    wanted = default_process(_FILLER.sub(" ", text))
    if len(wanted) < 2:
        return None
    scores = [max((_likeness(wanted, name) for name in names), default=0.0) for names in options]
    best = max(scores)
    return scores.index(best) if best >= _LIKE and scores.count(best) == 1 else None


def _likeness(wanted: str, name: str) -> float:
    name = default_process(name)
    part = fuzz.partial_ratio(wanted, name) if len(wanted) <= len(name) else 0.0
    return max(part, fuzz.token_set_ratio(wanted, name) if " " in wanted else 0.0)

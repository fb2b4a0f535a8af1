"""Which language a text is in, which one to answer in, and the service's own sentences in both."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml

from bot.pinyin import is_pinyin

LANGUAGES = ("zh", "en")

_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿\U00020000-\U0003134f]")
_LATIN_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
# Codes, numbers, addresses of pages and people say nothing about the language of the one who types them.
_NOT_LANGUAGE = re.compile(r"https?://\S+|(?<!\S)[^\s@]+@[^\s@]+\.\S+|\b(?=\w*\d)[\w#-]+\b", re.ASCII)
# Words that people of either language type; they do not change a conversation's language.
_NEUTRAL = frozenset({"ok", "okay", "hi", "hello", "thx", "thanks", "bye", "yes", "no", "vip", "app", "sku", "id", "cod", "k", "lol"})


def detect_language(text: str) -> str:
    """Return zh, en, mixed or other (no letters of either, or nothing but neutral words). Pinyin is Chinese."""
    cleaned = _NOT_LANGUAGE.sub(" ", text)
    has_chinese = bool(_HAN.search(cleaned))
    english = [word for word in _LATIN_WORD.findall(cleaned) if word.lower() not in _NEUTRAL]
    if has_chinese:
        return "mixed" if english else "zh"
    if not english:
        return "other"
    return "zh" if is_pinyin(cleaned) else "en"


def reply_language(text: str, previous: str) -> str:
    """Return the language to answer in: that of a clear message, else the conversation's so far.

    A mixed message whose words are mostly English is answered in English when the conversation already is; Chinese characters
    otherwise decide, since people who write them read them.
    """
    detected = detect_language(text)
    if detected == "en" and is_pinyin(text, fewest=2):
        return previous  # "tuihuo", "Shanghai": too little to tell
    if detected in LANGUAGES:
        return detected
    if detected == "mixed":
        han = len(_HAN.findall(text))
        return "en" if previous == "en" and len(_LATIN_WORD.findall(text)) > han else "zh"
    return previous


@cache
def _sentences(language: str) -> dict[str, str]:
    path = Path(__file__).parent / "notices" / f"{language}.yml"
    return dict(yaml.safe_load(path.read_text(encoding="utf8")))


def notice(key: str, language: str, **values: object) -> str:
    """Return the service's own sentence `key` in zh or en, filled in; KeyError names a key that has no sentence."""
    return _sentences(language if language in LANGUAGES else "en")[key].format(**values)

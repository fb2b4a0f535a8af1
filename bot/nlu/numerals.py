"""Numbers in words: 三, 十二, 两百五, two, a dozen is left to people."""

from __future__ import annotations

_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2, "仨": 3}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_ENGLISH = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip

HAN_NUMBER = "[零〇一二三四五六七八九十百千万两俩仨]{1,9}"  # bounded: 2,000 times 一 must not stall a search
ENGLISH_NUMBER = "|".join(sorted(_ENGLISH, key=len, reverse=True))


def number(text: str) -> int | None:
    """Read digits, a Chinese numeral up to 99,999,999 or an English one up to twelve; None for anything else."""
    if text.isascii() and text.isdigit():
        return int(text)
    if text in _ENGLISH:
        return _ENGLISH[text]
    return _han_number(text)


def _han_number(text: str) -> int | None:
    if not text or any(character not in _DIGITS and character not in _UNITS for character in text):
        return None
    if all(character in _DIGITS for character in text):
        return int("".join(str(_DIGITS[character]) for character in text))
    total = section = digit = 0
    last_unit = 1
    for character in text:
        if character in _DIGITS:
            digit = _DIGITS[character]
            last_unit = 10 if character == "零" else last_unit
        elif character == "万":
            total, section, digit, last_unit = (section + digit) * 10_000, 0, 0, 10_000
        else:
            section += (digit or 1) * _UNITS[character]
            digit, last_unit = 0, _UNITS[character]
    # 两百五 is 250: a digit at the end counts the next smaller unit.
    return total + section + digit * (last_unit // 10 if last_unit > 10 else 1)

"""Texts as people type them into texts as a program can compare them: blanks, full-width signs, control characters."""

from __future__ import annotations

import re
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

# What makes a text worth a closer look; most need none, and one regular expression over a column costs 0.1 µs a value.
_ODD = (
    r"\x{0}-\x{1f}\x{7f}-\x{a0}\x{ad}\x{1680}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{2064}\x{3000}\x{feff}\x{ff01}-\x{ff5e}\x{ffe5}"
)
UNUSUAL = rf"[{_ODD}]|^ | $|  "
MISSING = ("", "NULL", "null", "NaN", "nan", "N/A", "n/a", "#N/A", "None", r"\N")

_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_BLANKS = re.compile(r"\s+")
# Letters, digits and the blank: full-width punctuation is how Chinese is written and stays where a text is a text.
_HALF = {0x3000: " ", **{code: chr(code - 0xFEE0) for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}}
_HALF_ALL = {0x3000: " ", 0xFFE5: "¥", **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}}


def plain(values: pa.Array, repairs: Counter[str], *, prose: bool, missing: tuple[str, ...] = ()) -> pa.Array:
    """Return the texts without stray blanks, control characters and full-width signs; what says nothing becomes null.

    In `prose` full-width punctuation stays. `repairs` counts the values of each repair.
    """
    odd = pc.match_substring_regex(values, UNUSUAL)
    if pc.any(odd).as_py():
        table = _HALF if prose else _HALF_ALL
        changed = [_repair(text, table, repairs) for text in pc.filter(values, odd).to_pylist()]
        values = pc.replace_with_mask(values, pc.fill_null(odd, False), pa.array(changed, pa.string()))
    nothing = pc.is_in(values, value_set=pa.array([*MISSING, *missing], pa.string()))
    return pc.if_else(nothing, pa.scalar(None, pa.string()), values)


def plain_text(text: str) -> str:
    """Return one text, such as a column's name, in the form in which it is compared."""
    return _repair(text, _HALF_ALL, Counter())


def _repair(text: str, table: dict[int, str], repairs: Counter[str]) -> str:
    visible = _INVISIBLE.sub("", text)
    half = visible.translate(table)
    stripped = _BLANKS.sub(" ", half).strip()
    repairs["control_characters"] += visible != text
    repairs["full_width"] += half != visible
    repairs["blanks"] += stripped != half
    return stripped
